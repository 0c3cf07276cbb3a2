import { join } from "node:path";
import { exec, root, scratch, works } from "./run.ts";

/** Ways to a mount namespace, in which a program and its children see mounts that nobody else sees. */
const NAMESPACES: Readonly<Record<string, readonly string[]>> = {
  root: ["unshare", "--mount"],
  "a user namespace": ["unshare", "--map-root-user", "--mount"],
  // A runner of GitHub's: nobody may make user namespaces there, and everybody may sudo.
  sudo: ["sudo", "-n", "-E", "unshare", "--mount"],
};

/** Becomes again who called sudo, with the PATH that it took away. */
const dropped = (): string[] => [
  ...["setpriv", `--reuid=${process.getuid?.()}`, `--regid=${process.getgid?.()}`, "--init-groups"],
  ...["env", `PATH=${process.env["PATH"]}`],
];

/** A command that runs `sh -c SCRIPT WORD PROGRAM…` where it may mount. */
function inNamespace(name: string, script: string, word: string): string[] {
  return [...(NAMESPACES[name] ?? []), ...["sh", "-c", script, word], ...(name === "sudo" ? dropped() : [])];
}

const canMount = (name: string): boolean => {
  const [command = "", ...args] = inNamespace(name, 'mount -t tmpfs tmpfs "$0" && "$@"', scratch());
  return works(command, [...args, "true"]);
};

/** The ways to a mount that this machine has. */
export const namespaces = (): string[] => Object.keys(NAMESPACES).filter(canMount);

/**
 * Where something must be mounted: a command that runs a program so.
 * @param script for sh, may mount; `$0` is `word` and `"$@"` the program
 * @returns the words before the program's own; null where this machine lets nobody mount
 */
export function mounting(script: string, word: string): string[] | null {
  const [name] = namespaces();
  return name === undefined ? null : inNamespace(name, script, word);
}

/** Why a test that has to mount is not run; null where it is. */
export const noMount = (): string | null =>
  namespaces().length > 0 ? null : "nobody may mount here, not even in a namespace";

/** The masking that needs no right at all: `env LD_PRELOAD=…`. It holds for programs that use the C library. */
export function preloading(from: string, to: string): string[] {
  const library = join(scratch(), "masking.so");
  const words = ["-shared", "-fPIC", "-O1", "-w", `-DFROM="${from}"`, `-DTO="${to}"`];
  const made = exec("gcc", [...words, join(root, "test/support/masking.c"), "-o", library, "-ldl"]);
  if (made.status !== 0) throw new Error(made.stderr);
  return ["env", `LD_PRELOAD=${library}`];
}

/** Every masking that this machine allows, by its name: a command that runs a program which sees `to` at `from`. */
export function maskings(from: string, to: string): Record<string, string[]> {
  const mounted = namespaces().map((name) => [
    name,
    inNamespace(name, `mount --bind ${JSON.stringify(to)} "$0" && exec "$@"`, from),
  ]);
  return Object.fromEntries([...mounted, ["a preloaded library", preloading(from, to)]]);
}

/**
 * A command that runs a program which sees another file or folder than all others do: by a mount where that is
 * allowed, else by a preloaded library.
 * @param from the path that is masked, absolute
 * @param to what is seen there; for a folder, where it is not, an empty one
 */
export function masked(from: string, to: string): string[] {
  const [first] = Object.values(maskings(from, to));
  return first ?? [];
}
