import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exec, root, scratch } from "./run.ts";

/** Runs git in a folder, as somebody. */
export function git(folder: string, ...args: string[]): string {
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
  const ran = exec("git", ["-C", folder, ...identity, ...args]);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran.stdout.trim();
}

/** Makes a folder a repository whose first commit holds all that is in it. */
export function makeRepository(folder: string, origin: string): void {
  git(folder, "init", "-q", "-b", "main");
  git(folder, "remote", "add", "origin", origin);
  git(folder, "add", "-A");
  git(folder, "commit", "-qm", "first");
}

/** An empty repository to push to. */
export function bareRepository(): string {
  const folder = scratch();
  git(folder, "init", "-q", "--bare");
  return folder;
}

/** A repository of a user's, with these files and a first commit. @param folder made where it is not there */
export function repository(files: Record<string, string>, folder = scratch()): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  makeRepository(folder, "https://github.com/someone/project.git");
  return folder;
}

/** Copies this project's own files, as git knows them, into a folder. */
export function copyProject(folder: string): void {
  const files = exec("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).stdout;
  for (const name of files.split("\0"))
    if (name !== "" && existsSync(join(root, name))) cpSync(join(root, name), join(folder, name));
}
