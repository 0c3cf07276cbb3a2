import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join, relative } from "node:path";
import { listDir, writing } from "./files.ts";

/**
 * Copies a tree. Links are copied as links.
 * @param wanted says for a path relative to `from` whether it is copied; a folder that is not wanted is not entered
 * @throws E_OUTPUT_DIR, E_DISK_FULL
 */
export async function copyTree(from: string, to: string, wanted: (path: string) => boolean): Promise<void> {
  await writing(to, () =>
    fs.cp(from, to, {
      recursive: true,
      verbatimSymlinks: true,
      mode: fs.constants.COPYFILE_FICLONE,
      preserveTimestamps: true,
      filter: (path) => path === from || wanted(relative(from, path)),
    }),
  );
}

/**
 * What each file below a folder is by its inode, by path relative to it: another one under the same name has other marks,
 * though it may have the same size and time.
 */
export async function treeMarks(from: string): Promise<Map<string, string>> {
  const marks = new Map<string, string>();
  const visit = async (folder: string): Promise<void> => {
    const entries = await fs.readdir(join(from, folder), { withFileTypes: true });
    await Promise.all(
      entries.map(async (entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return visit(path);
        const { ino, size, mtimeMs, mode } = await fs.lstat(join(from, path));
        marks.set(path, [ino, size, mtimeMs, mode].join(" "));
      }),
    );
  };
  await visit("");
  return marks;
}

/** Sha256 of each file below a folder, by path relative to it, hexadecimal; what is no regular file is left out. */
export async function treeDigests(from: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const path of (await treeMarks(from)).keys())
    if ((await fs.lstat(join(from, path))).isFile())
      digests.set(
        path,
        createHash("sha256")
          .update(await fs.readFile(join(from, path)))
          .digest("hex"),
      );
  return digests;
}

/**
 * Digest of a tree's names, kinds, permissions and contents, hexadecimal; times don't count.
 * @param wanted says for a path relative to `from` whether it counts
 */
export async function treeDigest(from: string, wanted: (path: string) => boolean): Promise<string> {
  const hash = createHash("sha256");
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await listDir(join(from, folder))) {
      const path = join(folder, entry.name);
      if (!wanted(path)) continue;
      const place = join(from, path);
      if (entry.isDirectory) await visit(path);
      else if (entry.isSymlink) hash.update(JSON.stringify(["link", path, await fs.readlink(place)]));
      else if (entry.isFile) {
        const { mode } = await fs.stat(place);
        hash.update(JSON.stringify(["file", path, mode & 0o111, entry.size]));
        hash.update(await fs.readFile(place));
      }
    }
  };
  await visit("");
  return hash.digest("hex");
}
