import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../errors/thrown.ts";
import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import { freeBytes, makeDir } from "./files.ts";
import { type Host, oncePerHost } from "./host.ts";
import { mountOf } from "./mounts.ts";
import { run } from "./process.ts";

/** What a folder is for, and how another one is named. */
export interface WorkPlace {
  use: string;
  folder: string;
  option: string;
  /** Whether it is ours to make. */
  isMade: boolean;
}

/** The folders that a run works in: what is temporary, and what is kept. */
export function workPlaces(host: Host): WorkPlace[] {
  return [
    { use: "temporary files", folder: host.scratch.base, option: "TMPDIR", isMade: false },
    { use: "the cache", folder: host.cache, option: "--cache-dir", isMade: true },
  ];
}

/** Below that not even the tools fit, which are installed there: uv alone takes 50 MiB. Bytes. */
const LEAST = 128 * 1024 ** 2;

/** Below a room lie paths such as `v/lib/python3.11/site-packages/torch/include/ATen/ops/…`; the longest of torch has 170. */
const LONGEST = 240;
const LONGEST_NAME = 143;

type Problem = { problem: string; remedy?: string } | { error: WheelsError };

/** Whether it lies on a file system that can start programs. @param probe a folder in it that is ours */
async function cannotExecute(host: Host, probe: string): Promise<string | null> {
  const program = join(probe, "program");
  await writeFile(program, "#!/bin/sh\nexit 0\n");
  await chmod(program, 0o700);
  try {
    const { code } = await run(host, program, [], { env: { PATH: host.env["PATH"] } });
    return code === 0 ? null : `a program in it ended with status ${code}`;
  } catch (thrown) {
    const { code } = thrown as WheelsError;
    if (code !== "E_TOOL_NOT_ALLOWED" && code !== "E_TOOL_BROKEN") throw thrown;
    const mount = await mountOf(probe);
    return mount?.noexec
      ? `its file system (${mount.point}) is mounted noexec, so that nothing in it can be started or loaded`
      : `no program in it can be started (${(thrown as WheelsError).why})`;
  }
}

async function cannotLink(probe: string): Promise<string | null> {
  try {
    await symlink("program", join(probe, "link"));
    return null;
  } catch (thrown) {
    return `its file system has no symbolic links (${codeOf(thrown)}), which environments are made of`;
  }
}

async function foldsCase(probe: string): Promise<string | null> {
  await writeFile(join(probe, "Case"), "");
  const other = await stat(join(probe, "cASE")).catch(() => null);
  return other === null
    ? null
    : "its file system does not tell upper from lower case, so that files of a package overwrite each other";
}

async function hasShortNames(probe: string): Promise<string | null> {
  try {
    await mkdir(join(probe, "n".repeat(LONGEST_NAME)));
    await mkdir(join(probe, ...Array<string>(4).fill("p".repeat(LONGEST / 4))), { recursive: true });
    return null;
  } catch (thrown) {
    if (codeOf(thrown) !== "ENAMETOOLONG") throw thrown;
    return "its path, or its file system's limit, leaves no room for the long names that packages have (ENAMETOOLONG)";
  }
}

const REMOUNT = " (or mount it otherwise)";

/** What is in the way of working there; null where nothing is. Leaves nothing behind. */
async function problemOf(host: Host, { folder, isMade }: WorkPlace): Promise<Problem | null> {
  let probe: string;
  try {
    if (isMade) await makeDir(folder);
    probe = await mkdtemp(join(folder, ".vcw-probe-"));
  } catch (thrown) {
    if (codeOf(thrown) === "E_DISK_FULL" || codeOf(thrown) === "E_FOREIGN_OWNER")
      return { error: thrown as WheelsError };
    const code = codeOf(thrown);
    if (code === "ENOSPC" || code === "EDQUOT")
      return { error: wheelsError("E_DISK_FULL", { where: folder }) };
    if (code === "ENOENT" || code === "ENOTDIR") return { problem: "there is no such folder" };
    const readOnly = (await mountOf(folder))?.readOnly || code === "EROFS";
    return {
      problem: readOnly
        ? "its file system is mounted read-only"
        : `this user can't write to it (${(thrown as WheelsError).why ?? code})`,
    };
  }
  try {
    const problem =
      (await cannotExecute(host, probe)) ??
      (await cannotLink(probe)) ??
      (await foldsCase(probe)) ??
      (await hasShortNames(probe));
    if (problem !== null) return { problem };
    const free = await freeBytes(probe);
    return free < LEAST ? { error: wheelsError("E_DISK_FULL", { where: folder }) } : null;
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === "ENOSPC" || code === "EDQUOT")
      return { error: wheelsError("E_DISK_FULL", { where: folder }) };
    throw thrown;
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

/** The error of a folder that can't be worked in; null where it can. Leaves nothing behind. */
export async function examinePlace(host: Host, place: WorkPlace): Promise<WheelsError | null> {
  const found = await problemOf(host, place);
  if (found === null) return null;
  if ("error" in found) return found.error;
  return wheelsError("E_FOLDER_UNFIT", {
    use: place.use,
    folder: place.folder,
    problem: found.problem,
    remedy: `Name another folder with ${place.option}${found.problem.includes("mounted") ? REMOUNT : ""}.`,
  });
}

/**
 * Asks, once a run, whether programs can be installed, started and compiled in the folders for temporary files and the
 * cache: on one that can't, what fails later looks like the wheel's fault.
 * @throws E_FOLDER_UNFIT, E_DISK_FULL, E_FOREIGN_OWNER
 */
export const demandPlaces = oncePerHost(async (host): Promise<void> => {
  for (const place of workPlaces(host)) {
    const error = await examinePlace(host, place);
    if (error !== null) throw error;
  }
});

/**
 * Asks of a folder that is somebody's own, and is not written to, whether programs in it can be started and loaded.
 * @throws E_FOLDER_UNFIT
 */
export async function demandExecutable(use: string, folder: string): Promise<void> {
  const mount = await mountOf(folder);
  if (mount?.noexec)
    throw wheelsError("E_FOLDER_UNFIT", {
      use,
      folder,
      problem: `its file system (${mount.point}) is mounted noexec, so that nothing in it can be started or loaded`,
      remedy: `Make it on another file system, or on the machine: mount -o remount,exec ${mount.point}`,
    });
}
