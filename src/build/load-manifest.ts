import { basename, resolve } from "node:path";
import { messageOf } from "../errors/thrown.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { readText } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { defaultManifestPath } from "../host/resources.ts";
import { type ManifestDocument, parseManifest, resolveManifest, type Variant } from "../variants/manifest.ts";

async function readManifest(path: string, shown: string): Promise<ManifestDocument> {
  let text: string;
  try {
    text = await readText(path);
  } catch (thrown) {
    const detail = messageOf(thrown);
    throw wheelsError("E_MANIFEST_UNREADABLE", { file: shown, detail }, thrown);
  }
  return parseManifest(text, shown);
}

/**
 * The default manifest, with the user's own on top.
 * @throws E_MANIFEST, E_MANIFEST_UNREADABLE
 */
export async function loadVariants(host: Host, own: string | null): Promise<Map<string, Variant>> {
  const path = defaultManifestPath();
  const documents = [await readManifest(path, basename(path))];
  if (own !== null) documents.push(await readManifest(resolve(host.cwd, own), own));
  return resolveManifest(documents);
}
