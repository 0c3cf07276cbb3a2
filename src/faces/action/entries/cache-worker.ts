import { parentPort, workerData } from "node:worker_threads";
import { isFeatureAvailable, restoreCache, saveCache } from "@actions/cache";
import { messageOf } from "../../../errors/thrown.ts";
import type { CacheJob } from "../runner-cache.ts";

/** @returns whether it was done, or what went wrong */
async function transfer({ operation, path, key }: CacheJob): Promise<boolean | string> {
  if (!isFeatureAvailable()) return false;
  try {
    if (operation === "restore") return (await restoreCache([path], key)) === key;
    return (await saveCache([path], key)) !== -1;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

const answer = await transfer(workerData as CacheJob);
// The worker is ended at its answer, and what it has printed would be lost if it were not through by then.
process.stdout.write("", () => parentPort?.postMessage(answer));
