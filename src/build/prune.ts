import { join } from "node:path";
import { WheelsError } from "../errors/wheels-error.ts";
import { lastChange, listDir, remove } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { whileFree } from "../host/lock.ts";
import { lockOf } from "./compile/slot.ts";

const DAY_MS = 86_400_000;
/** A release's wheels are built anew within a month or not at all. */
const COMPILED_DAYS = 30;
/** Who goes on with a build that broke off does so within days; its environment with torch takes a GiB. */
const BROKEN_DAYS = 14;

/** Folders of the cache that are named by the inputs of a build; nothing else is touched. */
const KEY = /^[0-9a-f]{20}$/;

const isPast = (host: Host, then: Date | null, days: number): boolean =>
  then !== null && host.now().getTime() - then.getTime() > days * DAY_MS;

const slotsIn = async (folder: string): Promise<{ name: string }[]> =>
  (await listDir(folder)).filter(({ name, isDirectory }) => isDirectory && /^\d+$/.test(name));

async function keysIn(folder: string): Promise<string[]> {
  return (await listDir(folder))
    .filter(({ name, isDirectory }) => isDirectory && KEY.test(name))
    .map(({ name }) => join(folder, name));
}

async function pruneCompiled(host: Host): Promise<number> {
  let removed = 0;
  for (const folder of await keysIn(join(host.cache, "compiled"))) {
    const used = (await lastChange(join(folder, "kept.json"))) ?? (await lastChange(folder));
    if (!isPast(host, used, COMPILED_DAYS)) continue;
    await remove(folder);
    removed++;
  }
  return removed;
}

/** When a build broke off here; null where it did not. */
async function brokeOff(folder: string): Promise<Date | null> {
  return lastChange(join(folder, "state"));
}

/** Removes old builds among those that wait aside. The lock is of the folder that they came from. */
async function pruneAside(host: Host): Promise<number> {
  let removed = 0;
  const aside = join(host.cache, "broken");
  for (const { name } of await slotsIn(aside)) {
    const old = await keysIn(join(aside, name));
    const count = await whileFree(host, lockOf(join(host.cache, "build", name)), async () => {
      let gone = 0;
      for (const folder of old) {
        if (!isPast(host, (await brokeOff(folder)) ?? (await lastChange(folder)), BROKEN_DAYS)) continue;
        await remove(folder);
        gone++;
      }
      return gone;
    });
    removed += count ?? 0;
  }
  return removed;
}

async function pruneBroken(host: Host): Promise<number> {
  let removed = 0;
  const parent = join(host.cache, "build");
  for (const { name } of await slotsIn(parent)) {
    const folder = join(parent, name);
    // A build at work writes below its folder, which does not change the folder's own time; but it holds the lock.
    const gone = await whileFree(host, lockOf(folder), async () => {
      if (!isPast(host, (await brokeOff(folder)) ?? (await lastChange(folder)), BROKEN_DAYS)) return 0;
      await remove(folder);
      return 1;
    });
    removed += gone ?? 0;
  }
  return removed + (await pruneAside(host));
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
