import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMissing, listDir, readBytes } from "../../host/files.ts";
import { sha256Of } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { parseWheelFileName } from "../../wheel/names.ts";
import { satisfies } from "../../wheel/specifier.ts";
import type { ListedFile } from "../plan/index-page.ts";
import { listedAt } from "../plan/listing.ts";
import type { Candidate } from "../plan/planner.ts";
import { torchNeeds } from "./torch-served.ts";

/** What these wheels require of torch's family: specifiers by package; torchvision goes with any torch. */
function requiredOf(candidates: readonly Candidate[]): Map<string, string[]> {
  const required = new Map<string, string[]>();
  for (const { document, fileName } of candidates)
    for (const need of torchNeeds(document, fileName)) {
      const [name = "", specifier = ""] = need.split(" ");
      required.set(name, [...(required.get(name) ?? []), specifier]);
    }
  if (required.has("torch") && !required.has("torchvision")) required.set("torchvision", [""]);
  return required;
}

async function filesIn(folder: string, name: string): Promise<ListedFile[]> {
  const names = (await listDir(folder))
    .map((entry) => entry.name)
    .filter((file) => file.startsWith(`${name}-`));
  return Promise.all(
    names.map(async (fileName) => {
      const path = join(folder, fileName);
      const bytes = await readBytes(path);
      const sha256 = sha256Of(bytes);
      return {
        fileName,
        url: pathToFileURL(path).href,
        sha256,
        size: bytes.length,
        requiresPython: null,
        yanked: null,
      };
    }),
  );
}

async function filesOfPackage(host: Host, index: string, name: string): Promise<ListedFile[]> {
  if (/^https?:\/\//i.test(index)) return listedAt(host, index, name);
  const path = index.startsWith("file://") ? fileURLToPath(index) : index;
  return filesIn(isAbsolute(path) ? path : resolve(host.cwd, path), name);
}

/**
 * The CPU-only torch wheels that these wheels want, by package, so that one index holds all that is not on the
 * default one. pip takes `2.13.0+cpu` before `2.13.0`, because a local version is newer (PEP 440).
 * @param index URL of a simple index, or a folder of wheels
 * @returns nothing where the wheels don't require torch
 * @throws E_INDEX_READ
 */
export async function torchLinks(
  host: Host,
  index: string,
  candidates: readonly Candidate[],
): Promise<Map<string, ListedFile[]>> {
  const links = new Map<string, ListedFile[]>();
  for (const [name, specifiers] of requiredOf(candidates)) {
    const files = await filesOfPackage(host, index, name).catch((thrown: unknown) => {
      if (isMissing(thrown)) return [];
      throw thrown;
    });
    const wanted = files.filter(({ fileName, yanked }) => {
      // What its index has withdrawn is not offered anew.
      if (yanked !== null || !fileName.endsWith(".whl") || !fileName.startsWith(`${name}-`)) return false;
      const { version } = parseWheelFileName(fileName);
      return version.endsWith("+cpu") && specifiers.some((specifier) => satisfies(version, specifier));
    });
    if (wanted.length > 0) links.set(name, wanted);
  }
  return links;
}
