import { join } from "node:path";
import { makeDir, readTextIfAny, writeFileAtomic } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { parseJson } from "../../host/json.ts";
import { type Materials, materialsSchema } from "../../wheel/materials.ts";

const placeOf = ({ cache }: Pick<Host, "cache">, sha256: string): string =>
  join(cache, "materials", `${sha256}.json`);

/**
 * Keeps what a wheel was made of for the verdict that is written of it later.
 * @param sha256 of the wheel, hexadecimal: what is said holds for these bytes
 */
export async function keepMaterials(host: Host, sha256: string, materials: Materials): Promise<void> {
  await makeDir(join(host.cache, "materials"));
  await writeFileAtomic(placeOf(host, sha256), JSON.stringify(materials));
}

/** What a wheel of these bytes was made of; null where no build with this cache folder made it. */
export async function keptMaterials(host: Host, sha256: string): Promise<Materials | null> {
  const text = await readTextIfAny(placeOf(host, sha256));
  return text === null ? null : parseJson(materialsSchema, text);
}
