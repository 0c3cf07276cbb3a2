import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { codeOf } from "../errors/thrown.ts";
import { wheelsError } from "../errors/wheels-error.ts";

export interface DirEntry {
  name: string;
  isFile: boolean;
  isDirectory: boolean;
  isSymlink: boolean;
  /** Bytes; 0 for what is no regular file. */
  size: number;
}

/** True for the error that a missing file or folder gives. */
export function isMissing(thrown: unknown): boolean {
  return codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR";
}

/**
 * Runs a write and turns the failures users can cause into errors with a remedy.
 * @throws E_DISK_FULL, E_OUTPUT_DIR, E_FOREIGN_OWNER
 */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === "ENOSPC" || code === "EDQUOT") throw wheelsError("E_DISK_FULL", { where: path }, thrown);
    if (code === "EACCES" || code === "EPERM") await blameOwner(path, thrown);
    if (["EACCES", "EROFS", "EPERM", "ENOTDIR", "EEXIST", "ELOOP", "ENAMETOOLONG"].includes(code)) {
      throw wheelsError("E_OUTPUT_DIR", { dir: path, detail: (thrown as Error).message }, thrown);
    }
    throw thrown;
  }
}

/** @throws E_FOREIGN_OWNER where the nearest thing that exists belongs to somebody else */
async function blameOwner(path: string, cause: unknown): Promise<void> {
  const user = process.getuid?.();
  for (let place = resolve(path); ; place = dirname(place)) {
    const stat = await fs.lstat(place).catch(() => null);
    if (stat === null && place !== dirname(place)) continue;
    if (stat && user !== undefined && stat.uid !== user) {
      const owner = stat.uid === 0 ? "root" : `user ${stat.uid}`;
      throw wheelsError("E_FOREIGN_OWNER", { path: place, owner, user: String(user) }, cause);
    }
    return;
  }
}

/** Reads a file whole. Throws Node's own error; see {@link isMissing}. */
export async function readBytes(path: string): Promise<Uint8Array> {
  return fs.readFile(path);
}

/** Reads a UTF-8 text file whole. Throws Node's own error; see {@link isMissing}. */
export async function readText(path: string): Promise<string> {
  return fs.readFile(path, "utf8");
}

/** Reads a text file, or null where there is none. */
export async function readTextIfAny(path: string): Promise<string | null> {
  try {
    return await readText(path);
  } catch (thrown) {
    if (isMissing(thrown)) return null;
    throw thrown;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await fs.lstat(path);
    return true;
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw thrown;
  }
}

/** What a path is, symbolic links not followed; null where there is nothing. */
export async function statPath(path: string): Promise<Omit<DirEntry, "name"> | null> {
  try {
    const stat = await fs.lstat(path);
    return {
      isFile: stat.isFile(),
      isDirectory: stat.isDirectory(),
      isSymlink: stat.isSymbolicLink(),
      size: stat.isFile() ? stat.size : 0,
    };
  } catch (thrown) {
    if (isMissing(thrown)) return null;
    throw thrown;
  }
}

/** When something was last written to, or {@link touch}ed; null where there is nothing. */
export async function lastChange(path: string): Promise<Date | null> {
  try {
    return (await fs.lstat(path)).mtime;
  } catch (thrown) {
    if (isMissing(thrown)) return null;
    throw thrown;
  }
}

/** Says of a file that it is in use. @throws E_OUTPUT_DIR, E_FOREIGN_OWNER */
export async function touch(path: string, time: Date): Promise<void> {
  await writing(path, () => fs.utimes(path, time, time));
}

/** Entries of a folder sorted by name; an empty list where there is no such folder. */
export async function listDir(path: string): Promise<DirEntry[]> {
  let names: string[];
  try {
    names = await fs.readdir(path);
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw thrown;
  }
  const entries = await Promise.all(
    names.sort().map(async (name) => {
      const stat = await statPath(join(path, name));
      return stat ? { name, ...stat } : null;
    }),
  );
  return entries.filter((entry) => entry !== null);
}

/**
 * What the programs that we run inherit, set at the start: with another umask what they write would be closed to others
 * or open to everybody, and a wheel would have other bytes.
 */
export const UMASK = 0o022;

/** What others may do with what is written: read it, and no more. The umask does not decide. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await fs.stat(path)).isDirectory();
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw thrown;
  }
}

/** Times that parents are made again which somebody removes meanwhile. */
const MAKE_TRIES = 3;

/** @returns false where what was there a moment before is gone */
async function makeMissing(path: string, mode: number): Promise<boolean> {
  const missing: string[] = [];
  for (let place = resolve(path); !(await isFolder(place)); place = dirname(place)) missing.unshift(place);
  for (const place of missing) {
    try {
      await fs.mkdir(place, { mode });
      await fs.chmod(place, mode);
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return false;
      if (codeOf(thrown) !== "EEXIST" || !(await isFolder(place))) throw thrown;
    }
  }
  return true;
}

/**
 * Makes a folder and its parents. Not by Node's recursive mkdir, which never ends where the parent is there and the file
 * system says ENOENT all the same, as below /proc.
 * @param mode permissions of what is made; what is there already keeps its own
 * @throws E_OUTPUT_DIR, E_DISK_FULL
 */
export async function makeDir(path: string, mode = FOLDER_MODE): Promise<void> {
  await writing(path, async () => {
    for (let tried = 0; tried < MAKE_TRIES; tried++) if (await makeMissing(path, mode)) return;
    throw wheelsError("E_OUTPUT_DIR", { dir: path, detail: "No folder can be made in its parent (ENOENT)." });
  });
}

/** Removes a file or a folder with all in it; silent where there is none. @throws E_FOREIGN_OWNER, E_OUTPUT_DIR */
export async function remove(path: string): Promise<void> {
  await writing(path, () => fs.rm(path, { recursive: true, force: true, maxRetries: 3 }));
}

/** Makes a symbolic link, in place of what is there. @param target as it is written in the link @throws E_OUTPUT_DIR */
export async function makeLink(target: string, path: string): Promise<void> {
  await remove(path);
  await writing(path, () => fs.symlink(target, path));
}

async function placeAtomically(
  path: string,
  fill: (temporary: string) => Promise<void>,
  mode = FILE_MODE,
): Promise<void> {
  const temporary = join(dirname(path), `.${randomBytes(6).toString("hex")}.part`);
  await writing(path, async () => {
    try {
      await fill(temporary);
      const handle = await fs.open(temporary, "r");
      try {
        await handle.chmod(mode);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await fs.rename(temporary, path);
    } catch (thrown) {
      await fs.rm(temporary, { force: true });
      throw thrown;
    }
  });
}

/**
 * Removes what atomic writes that were killed have left in a folder; for the only writer there, under a lock.
 * Others may be about to ask for that lock: what they write for it goes as well, and they write it again.
 */
export async function removeParts(folder: string): Promise<void> {
  for (const { name, isFile } of await listDir(folder))
    if (isFile && /^\.[0-9a-f]{12}\.part$/.test(name)) await remove(join(folder, name));
}

/** Writes a file, for others to read, so that a reader sees the old bytes or the new ones. @throws E_OUTPUT_DIR, E_DISK_FULL */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  await placeAtomically(path, (temporary) => fs.writeFile(temporary, data));
}

/** Writes a file in a scratch folder, where nobody else reads. @throws E_OUTPUT_DIR, E_DISK_FULL */
export async function writeFile(path: string, data: Uint8Array | string, mode = FILE_MODE): Promise<void> {
  await writing(path, async () => {
    await fs.writeFile(path, data, { mode });
    await fs.chmod(path, mode);
  });
}

/** Copies a file, for others to read, so that a reader sees all of it or none. @throws E_OUTPUT_DIR, E_DISK_FULL */
export async function copyAtomic(from: string, to: string): Promise<void> {
  await placeAtomically(to, (temporary) => fs.copyFile(from, temporary, fs.constants.COPYFILE_FICLONE));
}

/** Gives a finished folder or file its name in one step; both are on one file system. @throws E_OUTPUT_DIR, E_DISK_FULL */
export async function moveInto(from: string, to: string): Promise<void> {
  await writing(to, () => fs.rename(from, to));
}

/** Bytes that are free for this user on the file system of the nearest existing folder. */
export async function freeBytes(path: string): Promise<number> {
  let folder = resolve(path);
  while (!(await exists(folder))) folder = dirname(folder);
  const stat = await fs.statfs(folder);
  return stat.bavail * stat.bsize;
}

/** True where `inner` is `outer` or lies below it. Both are taken as they are spelt. */
export function isWithin(outer: string, inner: string): boolean {
  const path = relative(outer, inner);
  return path === "" || (path !== ".." && !path.startsWith(`..${sep}`) && !path.startsWith(sep));
}

/**
 * Asks whether a folder could be made and written to, and makes nothing.
 * @throws E_OUTPUT_DIR, E_FOREIGN_OWNER
 */
export async function demandWritable(path: string): Promise<void> {
  await writing(path, async () => {
    let nearest = path;
    while (!(await exists(nearest)) && dirname(nearest) !== nearest) nearest = dirname(nearest);
    if (!(await fs.stat(nearest)).isDirectory())
      throw Object.assign(new Error(`${nearest} is no folder`), { code: "ENOTDIR" });
    await fs.access(nearest, fs.constants.W_OK | fs.constants.X_OK);
  });
}
