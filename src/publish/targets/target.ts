import type { Candidate } from "../planner.ts";

/** A place where wheels are published. One interface, one file a kind. */
export interface Target {
  /** For messages. */
  name: string;
  /** True where a wheel may come whose ISA no machine here could run; a public index refuses it. */
  allowsIsaGap: boolean;
  /** Runs `work` while no other publisher of this kind writes to the target. @throws E_BUSY */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** sha256 by file name of what the projects hold now. */
  existing(projects: readonly string[]): Promise<Map<string, string>>;
  /**
   * Publishes; interrupted at any moment, a second call with the same wheels completes it.
   * @param upload what is new
   * @param all also what is there already, whose pages may still be incomplete
   */
  publish(upload: readonly Candidate[], all: readonly Candidate[]): Promise<void>;
  /** Commands that install from here, for the summary. */
  installHint(candidates: readonly Candidate[]): string[];
}
