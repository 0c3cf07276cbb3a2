import { dirname, join } from "node:path";
import { WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { exists, listDir, makeDir, moveInto, readTextIfAny, remove, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { whileFree, withLock } from "../../host/lock.ts";

const MOST_SLOTS = 64;

/** The lock of a build folder, beside it. */
export const lockOf = (folder: string): string => `${folder}.lock`;

/** Where a build that broke off waits for --resume while others use its folder. */
const asideOf = (host: Host, number: number, key: string): string =>
  join(host.cache, "broken", String(number), key);

/**
 * Makes a folder the one of this key: what another key has left goes, or waits aside where it broke off; what waits of
 * this key comes back. A build that broke off knows its own path, so it comes back to no other folder.
 */
async function claim(host: Host, folder: string, number: number, key: string): Promise<void> {
  const note = join(folder, "key");
  const last = await readTextIfAny(note);
  if (last === key) return;
  if (last !== null && (await exists(join(folder, "state")))) {
    const aside = asideOf(host, number, last);
    await makeDir(dirname(aside));
    await remove(aside);
    await moveInto(folder, aside);
  } else await remove(folder);
  const waiting = asideOf(host, number, key);
  if (await exists(waiting)) await moveInto(waiting, folder);
  await makeDir(folder);
  await writeFile(note, key);
}

/**
 * Runs work in a folder of the cache that no other run has. The first that is free is taken, whatever is built: paths
 * are in the compile's commands, and only equal commands find what the compile cache has of another release.
 * @param key what a build that broke off must have in common with this one to be gone on with
 * @throws what work throws; E_BUSY where 64 runs are at it
 */
export async function inSlot<T>(host: Host, key: string, work: (folder: string) => Promise<T>): Promise<T> {
  for (let number = 0; number < MOST_SLOTS; number++) {
    const folder = join(host.cache, "build", String(number));
    await makeDir(folder);
    let entered = false;
    try {
      return await withLock(host, lockOf(folder), folder, async () => {
        entered = true;
        await claim(host, folder, number, key);
        return work(folder);
      });
    } catch (thrown) {
      if (entered || !(thrown instanceof WheelsError) || thrown.code !== "E_BUSY") throw thrown;
    }
  }
  const lock = join(host.cache, "build");
  throw wheelsError("E_BUSY", { what: lock, holder: `${MOST_SLOTS} runs`, lock });
}

/**
 * Removes the folders of builds that came to their end; one that broke off keeps its state for --resume, and one that
 * another run is at is left alone.
 */
export async function sweepSlots(host: Host, keys: ReadonlySet<string>): Promise<void> {
  const parent = join(host.cache, "build");
  for (const { name, isDirectory } of await listDir(parent)) {
    const folder = join(parent, name);
    if (!isDirectory) continue;
    await whileFree(host, lockOf(folder), async () => {
      const isOurs = keys.has((await readTextIfAny(join(folder, "key"))) ?? "");
      if (isOurs && !(await exists(join(folder, "state")))) await remove(folder);
    });
  }
}
