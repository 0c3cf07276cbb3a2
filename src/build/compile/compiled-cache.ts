import { basename, join } from "node:path";
import { z } from "zod";
import { copyAtomic, exists, makeDir, readTextIfAny, touch, writeFileAtomic } from "../../host/files.ts";
import { fileSha256 } from "../../host/hash.ts";
import { parseJson } from "../../host/json.ts";

const keptSchema = z.object({ key: z.string(), sha256: z.string(), file: z.string() });

/**
 * What an earlier build of the very same inputs made, if its bytes are still those.
 * @param now marks it as used, for pruneCache
 */
export async function keptWheel(cache: string, key: string, now: Date): Promise<string | null> {
  const folder = join(cache, "compiled", key);
  const note = join(folder, "kept.json");
  const text = await readTextIfAny(note);
  if (text === null) return null;
  const kept = parseJson(keptSchema, text);
  // A folder that somebody gave the name of another key holds what that other one compiled.
  if (kept === null || kept.key !== key) return null;
  const path = join(folder, basename(kept.file));
  if (!(await exists(path)) || (await fileSha256(path)) !== kept.sha256) return null;
  await touch(note, now);
  return path;
}

/** Keeps a compiled wheel for the next build of the same inputs. Returns its place. */
export async function keepWheel(cache: string, key: string, wheel: string): Promise<string> {
  const folder = join(cache, "compiled", key);
  await makeDir(folder);
  const path = join(folder, basename(wheel));
  await copyAtomic(wheel, path);
  await writeFileAtomic(
    join(folder, "kept.json"),
    JSON.stringify({ key, sha256: await fileSha256(path), file: basename(wheel) }),
  );
  return path;
}
