import { createHash } from "node:crypto";
import type { Host } from "../../host/host.ts";
import { glibcVersion } from "../../host/machine.ts";
import { shownUrl } from "../../host/network/urls.ts";
import type { Variant } from "../../variants/manifest.ts";
import type { KernelChoice } from "../../variants/units.ts";
import { BUILD_TYPE, type Descriptor, type Materials } from "../../wheel/materials.ts";
import type { Inputs } from "../compile/keys.ts";

const sha256 = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

function sourceOf({ request: { source }, sourceDigest }: Inputs): Descriptor {
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
function packageOf({ requirement, hashes }: Inputs["pins"][number]): Descriptor {
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
  const { request, compiler, python, torch, pins, dependencies } = inputs;
  const { source, found, unit, patches } = request;
  const recipe = [found.recipe, unit, unit.patches.map((name) => patches[name]), finish.kernels];
  return {
    buildType: BUILD_TYPE,
    externalParameters: {
      source: source.place.kind === "release" ? null : shownUrl(source.label),
      version: source.version,
      versionSuffix: finish.versionSuffix,
      variant: finish.variant.name,
      recipe: found.recipe.name,
      python,
      torchIndex: shownUrl(torch.index),
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
      glibc: glibcVersion(),
    },
    resolvedDependencies: [
      sourceOf(inputs),
      { name: "recipe", uri: `recipe:${found.recipe.name}`, digest: { sha256: sha256(recipe) } },
      { name: "variant", uri: `variant:${finish.variant.name}`, digest: { sha256: sha256(finish.variant) } },
      ...[...dependencies].map(
        ([name, origin]): Descriptor =>
          origin.kind === "git"
            ? { name, uri: `git+${shownUrl(origin.repository)}`, digest: { gitCommit: origin.ref.commit } }
            : { name, uri: `folder:${name}`, digest: { tree: origin.digest } },
      ),
      ...Object.entries(compiler.programs).map(
        ([role, { path, sha256: digest }]): Descriptor => ({
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
