import { join } from "node:path";
import { WheelsError } from "../errors/wheels-error.ts";
import { lastChange, listDir, remove } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { withLock } from "../host/lock.ts";

const DAY_MS = 86_400_000;
/** A release's wheels are built anew within a month or not at all. */
const COMPILED_DAYS = 30;
/** Who goes on with a build that broke off does so within days; its environment with torch takes a GiB. */
const BROKEN_DAYS = 14;

/** Folders of the cache that are named by the inputs of a build; nothing else is touched. */
const KEY = /^[0-9a-f]{20}$/;

async function isOlder(host: Host, path: string, days: number): Promise<boolean> {
  const changed = await lastChange(path);
  return changed !== null && host.now().getTime() - changed.getTime() > days * DAY_MS;
}

async function keysIn(folder: string): Promise<string[]> {
  return (await listDir(folder))
    .filter(({ name, isDirectory }) => isDirectory && KEY.test(name))
    .map(({ name }) => join(folder, name));
}

async function pruneCompiled(host: Host): Promise<number> {
  let removed = 0;
  for (const folder of await keysIn(join(host.cache, "compiled"))) {
    const kept = join(folder, "kept.json");
    if (!(await isOlder(host, (await lastChange(kept)) === null ? folder : kept, COMPILED_DAYS))) continue;
    await remove(folder);
    removed++;
  }
  return removed;
}

async function pruneBroken(host: Host): Promise<number> {
  let removed = 0;
  for (const parent of await keysIn(join(host.cache, "build"))) {
    for (const { name, isDirectory } of await listDir(parent)) {
      const folder = join(parent, name);
      if (!isDirectory || !/^\d+$/.test(name)) continue;
      // A build at work writes below its folder, which does not change the folder's own time; but it holds the lock.
      const free = await withLock(host, `${folder}.lock`, folder, async () => {
        const state = join(folder, "state");
        if (!(await isOlder(host, (await lastChange(state)) === null ? folder : state, BROKEN_DAYS)))
          return false;
        await remove(folder);
        return true;
      }).catch((thrown: unknown) => {
        if (thrown instanceof WheelsError && thrown.code === "E_BUSY") return false;
        throw thrown;
      });
      if (free) removed++;
    }
    if ((await listDir(parent)).length === 0) await remove(parent);
  }
  return removed;
}

/**
 * Removes of the cache what no build has used for long: compiled wheels after 30 days, builds that broke off after 14.
 * What can't be removed, because it is another user's, is told and left: no build fails of it.
 */
export async function pruneCache(host: Host): Promise<void> {
  try {
    const compiled = await pruneCompiled(host);
    const broken = await pruneBroken(host);
    if (compiled + broken > 0)
      host.log.info(
        `Removed from the cache: ${compiled} compiled wheels (unused for ${COMPILED_DAYS} days), ${broken} builds that broke off (${BROKEN_DAYS} days ago)`,
      );
  } catch (thrown) {
    if (!(thrown instanceof WheelsError) || thrown.code === "E_INTERRUPTED") throw thrown;
    host.log.warn(`The cache can't be tidied: ${thrown.what}`);
  }
}
