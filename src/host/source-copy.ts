import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { isMissing, listDir, writing } from "./files.ts";

/**
 * Copies files and symbolic links of a tree, with the permissions that git knows (0755 and 0644) and one time for all,
 * so that neither a umask nor a clock that was wrong can tell one copy from another.
 * @param paths relative to both folders; what is not there is left out
 * @returns paths that are not there
 * @throws E_OUTPUT_DIR, E_DISK_FULL
 */
export async function copyFiles(
  from: string,
  to: string,
  paths: readonly string[],
  time: Date,
): Promise<string[]> {
  const missing: string[] = [];
  const made = new Set<string>();
  for (const path of paths) {
    const [source, target] = [join(from, path), join(to, path)];
    try {
      const stat = await fs.lstat(source);
      if (!stat.isFile() && !stat.isSymbolicLink()) continue;
      await writing(target, async () => {
        const folder = dirname(target);
        if (!made.has(folder)) await fs.mkdir(folder, { recursive: true });
        made.add(folder);
        if (stat.isSymbolicLink()) {
          await fs.symlink(await fs.readlink(source), target);
          await fs.lutimes(target, time, time);
          return;
        }
        await fs.copyFile(source, target, fs.constants.COPYFILE_FICLONE);
        await fs.chmod(target, stat.mode & 0o111 ? 0o755 : 0o644);
        await fs.utimes(target, time, time);
      });
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
      missing.push(path);
    }
  }
  return missing;
}

/**
 * The files and links of a tree, sorted.
 * @param wanted says for a path relative to `from` whether it counts; a folder that does not is not entered
 */
export async function listFiles(from: string, wanted: (path: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await listDir(join(from, folder))) {
      const path = join(folder, entry.name);
      if (!wanted(path)) continue;
      if (entry.isDirectory) await visit(path);
      else found.push(path);
    }
  };
  await visit("");
  return found;
}
