import { z } from "zod";

/** Names this form of parameters. Source: SLSA 1.1 provenance, buildType. */
export const BUILD_TYPE = "https://github.com/org/vllm-cpu-actions/build/v1";

const descriptor = z.object({
  uri: z.string().describe("What it is, as a URI"),
  name: z.string().optional(),
  digest: z
    .record(z.string(), z.string())
    .optional()
    .describe("By algorithm; tree is the sha256 of names, kinds, permissions and contents"),
  annotations: z.record(z.string(), z.unknown()).optional(),
});

/**
 * What a wheel was made of and how: by it the same wheel is made again.
 * Source: SLSA 1.1 provenance, buildDefinition; in-toto ResourceDescriptor v1.
 */
export const materialsSchema = z.object({
  buildType: z.literal(BUILD_TYPE),
  externalParameters: z
    .object({
      source: z.string().nullable().describe("As the user named it; null for the release of that version"),
      version: z.string().nullable(),
      versionSuffix: z.string().nullable(),
      variant: z.string(),
      recipe: z.string(),
      python: z.string(),
      torchIndex: z.string().describe("Where torch and what comes with it were taken from"),
      torchRequirement: z.enum(["release", "local"]),
      glibcFloor: z.string().nullable(),
      keepDebug: z.boolean(),
      buildEnvironment: z.record(z.string(), z.string()).describe("What --build-env added"),
      sourceDateEpoch: z.number().int(),
    })
    .describe("What whoever built it asked for"),
  internalParameters: z
    .object({
      path: z.string().describe("PATH of the builder, behind the build's own folders"),
      target: z.string(),
      compiler: z.string(),
      glibc: z.string(),
    })
    .describe("What the machine decided"),
  resolvedDependencies: z.array(descriptor).describe("Everything that the wheel was made of"),
});

export type Materials = z.infer<typeof materialsSchema>;

/** One thing that a wheel was made of. Source: in-toto attestation framework, ResourceDescriptor v1. */
export type Descriptor = Materials["resolvedDependencies"][number];

/** Hashes that an index stated for a version, of which one was taken; empty for what is no package. */
function statedHashes({ digest, annotations }: Descriptor): string[] {
  const { sha256 } = annotations ?? {};
  return Array.isArray(sha256) ? sha256.map(String) : digest?.["sha256"] ? [digest["sha256"]] : [];
}

/** The same package, where one of two indexes may list more files of that version than the other. */
const isSamePackage = (one: Descriptor, other: Descriptor): boolean =>
  one.uri === other.uri && statedHashes(one).some((hash) => statedHashes(other).includes(hash));

/** What two builds were made of that is not the same, each as a sentence. */
export function differingMaterials(wanted: Materials, got: Materials): string[] {
  const describe = (one: Descriptor | undefined): string =>
    one === undefined
      ? "nothing"
      : [one.uri, ...(one.digest ? Object.values(one.digest) : statedHashes(one))].join(" ");
  const keyOf = ({ name, uri }: Descriptor): string => name ?? uri.replace(/@[^@]*$/, "");
  const byKey = ({ resolvedDependencies }: Materials): Map<string, Descriptor> =>
    new Map(resolvedDependencies.map((one) => [keyOf(one), one]));
  const [before, after] = [byKey(wanted), byKey(got)];
  const found: string[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(key), after.get(key)];
    if (describe(was) === describe(is)) continue;
    if (was && is && was.name === undefined && isSamePackage(was, is)) continue;
    found.push(`${key}: it was made of ${describe(was)}, and now of ${describe(is)}`);
  }
  const parameters = (one: Materials): [string, unknown][] =>
    Object.entries({ ...one.externalParameters, ...one.internalParameters });
  const now = new Map(parameters(got));
  for (const [name, value] of parameters(wanted))
    if (name !== "source" && name !== "torchIndex" && JSON.stringify(value) !== JSON.stringify(now.get(name)))
      found.push(`${name}: it was ${JSON.stringify(value)}, and is ${JSON.stringify(now.get(name))}`);
  return found;
}
