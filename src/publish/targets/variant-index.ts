import { lacking } from "../../variants/features.ts";
import { type ProjectPage, versionOf } from "./index-pages.ts";

const SCHEMA = "https://variants-schema.wheelnext.dev/v0.2.0.json";
const NAMESPACE = "x86_64";
const NONE: ReadonlySet<string> = new Set();
const LEVELS = [
  ["v4", lacking(["x86-64-v4"], NONE)],
  ["v3", lacking(["x86-64-v3"], NONE)],
  ["v2", lacking(["x86-64-v2"], NONE)],
] as const;

type Properties = Record<string, string[]>;

/** cpuinfo flags as properties of the x86-64 provider: a level, and what goes beyond it; null for another architecture. */
function propertiesOf(needs: readonly string[]): Properties | null {
  const has = new Set(needs);
  const level = LEVELS.find(([, flags]) => flags.every((flag) => has.has(flag)));
  if (!level) return null;
  const beyond = needs.filter((need) => !level[1].some((flag) => flag === need)).toSorted();
  return { level: [level[0]], ...Object.fromEntries(beyond.map((feature) => [feature, ["on"]])) };
}

/**
 * What an installer that knows wheel variants needs to choose among the distributions of a release: for each version
 * one document in the format of variantlib 0.2 (PEP 817 and 825, drafts), by file name. A label is a distribution's
 * name with underscores, since the wheels are distributions of their own and no variants of one.
 * @param provider requirement of the provider plug-in that tells what a CPU has
 */
export function variantDocuments(projects: readonly ProjectPage[], provider: string): Map<string, string> {
  const family = projects.map(({ name }) => name).sort((a, b) => a.length - b.length)[0] ?? "";
  const variants = new Map<string, Record<string, { [NAMESPACE]: Properties }>>();
  for (const { name, files } of projects)
    for (const file of files) {
      const properties = propertiesOf(file._proof.needs ?? []);
      if (properties === null || file.yanked !== undefined) continue;
      const release = variants.get(versionOf(file)) ?? {};
      release[name.replaceAll(/[-.]/g, "_")] = { [NAMESPACE]: properties };
      variants.set(versionOf(file), release);
    }
  return new Map(
    [...variants].map(([version, release]) => [
      `${family.replaceAll("-", "_")}-${version}-variants.json`,
      `${JSON.stringify(
        {
          $schema: SCHEMA,
          "default-priorities": { namespace: [NAMESPACE] },
          providers: { [NAMESPACE]: { requires: [provider] } },
          variants: release,
        },
        null,
        1,
      )}\n`,
    ]),
  );
}
