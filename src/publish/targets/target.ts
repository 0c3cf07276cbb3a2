import type { TargetKind } from "../../verify/verdict/verdict.ts";
import type { Limits } from "../gate/rules.ts";
import type { Candidate, Existing } from "../plan/planner.ts";

/** A place where wheels are published. One interface, one file a kind. */
export interface Target {
  /** For messages. */
  name: string;
  /** What the policy calls it. */
  kind: TargetKind;
  limits: Limits;
  /**
   * Asks whether this run may write here, before anything is built for it; nothing is sent and nothing is made.
   * @throws E_PUBLISH_CREDENTIALS, E_OUTPUT_DIR
   */
  demandAccess(): Promise<void>;
  /**
   * Tells the target, before the wheels have been read, whose files it will be asked for. One that is slow to answer
   * asks right away.
   */
  announce?(projects: readonly string[], wanted: ReadonlySet<string>): void;
  /** Runs `work` while no other publisher of this kind writes to the target. @throws E_BUSY */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /**
   * What the projects hold now, by file name.
   * @param wanted names that are to be published
   */
  existing(projects: readonly string[], wanted: ReadonlySet<string>): Promise<Map<string, Existing>>;
  /**
   * Publishes; interrupted at any moment, a second call with the same wheels completes it.
   * @param upload what is new
   * @param all also what is there already, whose pages may still be incomplete
   */
  publish(upload: readonly Candidate[], all: readonly Candidate[]): Promise<void>;
  /**
   * Marks files as withdrawn, with the reason; nothing is deleted, since lock files may pin them (PEP 592).
   * @throws E_WITHDRAW where the target can't, or has no such file
   */
  withdraw(files: readonly string[], reason: string): Promise<void>;
  /** Commands that install from here, for the summary. */
  installHint(candidates: readonly Candidate[]): Promise<string[]>;
}

/** What a target needs to know besides its name. */
export interface TargetSettings {
  /** Simple index that tells what an upload index holds; null for the target's own guess. */
  checkUrl: string | null;
  /** What an upload index takes a file, MiB, and a project, GiB; null for its default. */
  fileLimit: number | null;
  projectLimit: number | null;
  /** Folder beside which the journal is kept. */
  folder: string;
  /** https address that a folder index will have, without a slash at its end; null where it is not known. */
  servedAt: string | null;
  /** True where a folder index tells variants in the format of variantlib too. */
  variantIndex: boolean;
  /** Index or folder whose torch pages a folder index links; null for none. */
  torchIndex: string | null;
  /** cpuinfo flags that a CPU must show, by distribution and architecture; see needsKey. */
  needs: ReadonlyMap<string, readonly string[]>;
}
