import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { remove } from "./files.ts";

/** Temporary folders made and removed by one run; the entry point empties it also on a second Ctrl-C. */
export interface Scratch {
  /**
   * Runs `work` with a fresh folder that is removed afterwards, whatever happens.
   * @throws E_DISK_FULL where it can't be made
   */
  withFolder<T>(
    prefix: string,
    work: (folder: string) => Promise<T>,
    options?: { keep?: boolean },
  ): Promise<T>;
  /** Removes what is left, at once; for a forced exit. */
  removeAllNow(): void;
}

export function createScratch(base: string = tmpdir()): Scratch {
  const open = new Set<string>();
  return {
    async withFolder(prefix, work, options) {
      let folder: string;
      try {
        folder = await mkdtemp(join(base, `${prefix}-`));
      } catch (thrown) {
        if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOSPC") {
          throw wheelsError("E_DISK_FULL", { where: base }, thrown);
        }
        throw wheelsError("E_OUTPUT_DIR", { dir: base, detail: String(thrown) }, thrown);
      }
      open.add(folder);
      try {
        return await work(folder);
      } finally {
        open.delete(folder);
        if (!options?.keep) await remove(folder);
      }
    },
    removeAllNow() {
      for (const folder of open) rmSync(folder, { recursive: true, force: true });
    },
  };
}
