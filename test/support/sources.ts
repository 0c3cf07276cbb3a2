import { join } from "node:path";
import { git, repository } from "./repository.ts";
import { exec, root, scratch } from "./run.ts";

/** A source as a build has copied it. */
export interface CopiedSource {
  copy: string;
  digest: string;
  version: string | null;
  commit: string | null;
}

export interface RefusedSource {
  code: string;
  why: string;
  remedy: string;
}

const cache = scratch();
const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
const driver = join(root, "test", "support", "source-driver.ts");

function drive(
  label: string,
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
): CopiedSource | RefusedSource {
  const ran = exec(process.execPath, [tsx, driver, label, cache, join(scratch(), "src"), ...flags], { env });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as CopiedSource | RefusedSource;
}

/** What a build would compile of a source. @param flags --dirty, --patch */
export function copied(
  label: string,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): CopiedSource {
  const result = drive(label, flags, env);
  if ("code" in result) throw new Error(`${result.code}: ${result.why}`);
  return result;
}

/** Why a build refuses a source. */
export function refused(label: string, flags: readonly string[] = []): RefusedSource {
  const result = drive(label, flags, {});
  if ("copy" in result) throw new Error(`${label} was copied`);
  return result;
}

/** Commits all that is in a folder. @returns the commit */
export function commitAll(folder: string): string {
  git(folder, "add", "-A");
  git(folder, "commit", "-qm", "change");
  return git(folder, "rev-parse", "HEAD");
}

/** A repository of these files with a first commit. */
export function project(files: Record<string, string>): string {
  const [, name = "project"] = /name = "(\w+)"/.exec(files["pyproject.toml"] ?? "") ?? [];
  return repository(files, join(scratch(), name));
}
