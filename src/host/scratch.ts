import { rmSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, messageOf } from "../errors/thrown.ts";
import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import { remove } from "./files.ts";

/** Temporary folders made and removed by one run; the entry point empties it also on a second Ctrl-C. */
export interface Scratch {
  /**
   * Runs `work` with a fresh folder that is removed afterwards, whatever happens.
   * @throws E_DISK_FULL, E_FOLDER_UNFIT where it can't be made
   */
  withFolder<T>(
    prefix: string,
    work: (folder: string) => Promise<T>,
    options?: { keep?: boolean },
  ): Promise<T>;
  /**
   * A fresh folder that is removed when the process ends.
   * @throws E_DISK_FULL, E_FOLDER_UNFIT where it can't be made
   */
  folderUntilExit(prefix: string): Promise<string>;
  /** Removes what is left, at once; for a forced exit. */
  removeAllNow(): void;
  /** The folder that they are made in. */
  readonly base: string;
}

function temporaryUnfit(folder: string, problem: string, cause: unknown): WheelsError {
  return wheelsError(
    "E_FOLDER_UNFIT",
    {
      use: "temporary files",
      folder,
      problem,
      remedy: "Set TMPDIR to a folder that this user may write to.",
    },
    cause,
  );
}

export function createScratch(base: string = tmpdir()): Scratch {
  const open = new Set<string>();
  const make = async (prefix: string): Promise<string> => {
    try {
      const folder = await mkdtemp(join(base, `${prefix}-`));
      // An umask can take away even what mkdtemp gives its owner.
      await chmod(folder, 0o700);
      open.add(folder);
      return folder;
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code === "ENOSPC" || code === "EDQUOT") throw wheelsError("E_DISK_FULL", { where: base }, thrown);
      throw temporaryUnfit(base, messageOf(thrown), thrown);
    }
  };
  return {
    base,
    async withFolder(prefix, work, options) {
      const folder = await make(prefix);
      try {
        return await work(folder);
      } finally {
        open.delete(folder);
        if (!options?.keep) await remove(folder);
      }
    },
    async folderUntilExit(prefix) {
      const folder = await make(prefix);
      process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
      return folder;
    },
    removeAllNow() {
      for (const folder of open) rmSync(folder, { recursive: true, force: true });
    },
  };
}
