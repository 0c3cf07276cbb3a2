import { join } from "node:path";
import { WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { exists, listDir, makeDir, remove } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { withLock } from "../../host/lock.ts";

const MOST_SLOTS = 64;

/**
 * Runs work in a folder of the cache that no other run has. The folder's name depends on the key alone as long as one
 * run at a time works on it: the same path gives the compile cache the same commands, and a broken-off build its state.
 * @throws what work throws; E_BUSY where 64 runs are at it
 */
export async function inSlot<T>(host: Host, key: string, work: (folder: string) => Promise<T>): Promise<T> {
  for (let number = 0; number < MOST_SLOTS; number++) {
    const folder = join(host.cache, "build", key, String(number));
    await makeDir(folder);
    let entered = false;
    try {
      return await withLock(host, `${folder}.lock`, folder, async () => {
        entered = true;
        return work(folder);
      });
    } catch (thrown) {
      if (entered || !(thrown instanceof WheelsError) || thrown.code !== "E_BUSY") throw thrown;
    }
  }
  const lock = join(host.cache, "build", key);
  throw wheelsError("E_BUSY", { what: lock, holder: `${MOST_SLOTS} runs`, lock });
}

/**
 * Removes the folders of builds that came to their end; one that broke off keeps its state for --resume, and one that
 * another run is at is left alone.
 */
export async function sweepSlots(host: Host, keys: Iterable<string>): Promise<void> {
  for (const key of keys) {
    const parent = join(host.cache, "build", key);
    for (const { name, isDirectory } of await listDir(parent)) {
      const folder = join(parent, name);
      if (!isDirectory || (await exists(join(folder, "state")))) continue;
      await withLock(host, `${folder}.lock`, folder, () => remove(folder)).catch((thrown: unknown) => {
        if (!(thrown instanceof WheelsError) || thrown.code !== "E_BUSY") throw thrown;
      });
    }
  }
}
