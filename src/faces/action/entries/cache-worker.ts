import { writeSync } from "node:fs";
import { isFeatureAvailable, restoreCache, saveCache } from "@actions/cache";
import { messageOf } from "../../../errors/thrown.ts";
import type { CacheAnswer, CacheJob } from "../runner-cache.ts";

const ANSWER = 3;

async function transfer({ operation, name, keys }: CacheJob): Promise<CacheAnswer> {
  if (!isFeatureAvailable()) return { key: null, problem: null };
  try {
    const key =
      operation === "restore"
        ? await restoreCache([name], keys.key, [...keys.prefixes])
        : (await saveCache([name], keys.key)) !== -1
          ? keys.key
          : null;
    return { key: key ?? null, problem: null };
  } catch (thrown) {
    return { key: null, problem: messageOf(thrown) };
  }
}

const answer = await transfer(JSON.parse(process.argv[2] ?? "") as CacheJob);
writeSync(ANSWER, JSON.stringify(answer));
// The client may hold a connection open, and all that it was asked for is done.
process.exit();
