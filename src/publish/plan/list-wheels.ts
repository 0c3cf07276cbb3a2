import type { Host } from "../../host/host.ts";
import { normalizeName } from "../../wheel/names.ts";
import { parseTarget } from "../targets/parse.ts";
import { listedAt } from "./listing.ts";

/**
 * Names of the wheels that an index holds of some projects.
 * @param index URL of a simple index, or a publish target such as index:DIR
 * @throws E_INDEX_READ, E_PUBLISH_TARGET
 */
export async function listWheels(host: Host, index: string, projects: readonly string[]): Promise<string[]> {
  const names = /^https?:\/\//i.test(index)
    ? (await Promise.all(projects.map((project) => listedAt(host, index, project))))
        .flat()
        .map(({ fileName }) => fileName)
    : [...(await parseTarget(host, index).existing(projects.map(normalizeName), new Set())).keys()];
  return names.filter((name) => name.endsWith(".whl"));
}
