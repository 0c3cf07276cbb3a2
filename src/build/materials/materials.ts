import { createHash } from "node:crypto";
import { z } from "zod";
import type { Host } from "../../host/host.ts";
import { glibcVersion } from "../../host/machine.ts";
import { shownUrl } from "../../host/network/urls.ts";
import type { Variant } from "../../variants/manifest.ts";
import type { KernelChoice } from "../../variants/units.ts";
import type { Inputs } from "../compile/keys.ts";

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
  externalParameters: z
    .object({
      source: z.string().describe("As the user named it"),
      version: z.string().nullable(),
      versionSuffix: z.string().nullable(),
      variant: z.string(),
      recipe: z.string(),
      python: z.string(),
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
type ResourceDescriptor = Materials["resolvedDependencies"][number];

const sha256 = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

function sourceOf({ request: { source }, sourceDigest }: Inputs): ResourceDescriptor {
  const { origin, checkout, label } = source;
  return {
    name: "source",
    uri: shownUrl(origin?.uri ?? `source:${label}`),
    digest: {
      ...(checkout === null ? {} : { gitCommit: checkout.commit }),
      ...origin?.digest,
      tree: sourceDigest,
    },
  };
}

/** A package of an index. Source: purl-spec, pypi. */
function packageOf({ requirement, hashes }: Inputs["pins"][number]): ResourceDescriptor {
  const [name = "", version = ""] = requirement.split(/==|[ ;]/);
  const [only, ...more] = hashes.map((hash) => hash.replace(/^sha256:/, ""));
  return {
    uri: `pkg:pypi/${name}@${version}`,
    // An index has several files of one version; which of them was taken, it does not say beforehand.
    ...(only !== undefined && more.length === 0 ? { digest: { sha256: only } } : {}),
    ...(more.length > 0 ? { annotations: { sha256: [only, ...more] } } : {}),
  };
}

/** What becomes of a compiled wheel, as far as it decides bytes. */
interface Finish {
  variant: Variant;
  kernels: KernelChoice | null;
  versionSuffix: string | null;
  torchRequirement: "release" | "local";
  glibc: string | null;
  keepDebug: boolean;
  epoch: number;
}

/** The materials of one variant's wheel. */
export function materialsOf(host: Host, inputs: Inputs, finish: Finish): Materials {
  const { request, compiler, python, pins, dependencies } = inputs;
  const { source, found, unit, patches } = request;
  const recipe = [found.recipe, unit, unit.patches.map((name) => patches[name]), finish.kernels];
  return {
    externalParameters: {
      source: shownUrl(source.label),
      version: source.version,
      versionSuffix: finish.versionSuffix,
      variant: finish.variant.name,
      recipe: found.recipe.name,
      python,
      torchRequirement: finish.torchRequirement,
      glibcFloor: finish.glibc,
      keepDebug: finish.keepDebug,
      buildEnvironment: { ...request.buildEnvironment },
      sourceDateEpoch: finish.epoch,
    },
    internalParameters: {
      path: host.env["PATH"] ?? "",
      target: compiler.target,
      compiler: `${compiler.family} ${compiler.version}`,
      glibc: glibcVersion() ?? "",
    },
    resolvedDependencies: [
      sourceOf(inputs),
      { name: "recipe", uri: `recipe:${found.recipe.name}`, digest: { sha256: sha256(recipe) } },
      { name: "variant", uri: `variant:${finish.variant.name}`, digest: { sha256: sha256(finish.variant) } },
      ...[...dependencies].map(
        ([name, origin]): ResourceDescriptor =>
          origin.kind === "git"
            ? { name, uri: `git+${shownUrl(origin.repository)}`, digest: { gitCommit: origin.ref.commit } }
            : { name, uri: `folder:${name}`, digest: { tree: origin.digest } },
      ),
      ...Object.entries(compiler.programs).map(
        ([role, { path, sha256: digest }]): ResourceDescriptor => ({
          name: role,
          uri: `file://${path}`,
          digest: { sha256: digest },
        }),
      ),
      { name: "system", uri: "file:///usr/include", digest: { sha256: compiler.system } },
      ...pins.map(packageOf),
    ],
  };
}
