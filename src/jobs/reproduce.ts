import { basename } from "node:path";
import { differingMaterials, type Materials } from "../build/materials/materials.ts";
import { compareReproduced, type Reproduction } from "../build/materials/reproduced.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { readBytes } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { FormatError } from "../wheel/format-error.ts";

/** What to build again. */
export interface Rebuild {
  variant: string;
  source: string;
  version: string | null;
  versionSuffix: string | null;
  recipe: string;
  /** Such as 3.11.7. */
  python: string;
  /** Such as 2.13.0+cpu. */
  torchVersion: string;
  torchRequirement: "release" | "local";
  glibc: string | null;
  keepDebug: boolean;
  buildEnvironment: Record<string, string>;
  /** Seconds. */
  epoch: number;
  /** `name==version` of every package that the build had. */
  requirements: string[];
}

export interface ReproduceRequest {
  /** Path of the wheel. */
  wheel: string;
  materials: Materials;
  /** Where the source is now, where its own name leads nowhere here; null for that name. */
  source: string | null;
  /** Compiles anew, whatever is kept, and says which wheel it made and of what. */
  rebuild(host: Host, wanted: Rebuild): Promise<{ wheel: string; materials: Materials }>;
}

export interface ReproduceReport extends Reproduction {
  wheel: string;
  rebuilt: string;
  /** What the two were made of that is not the same; with none of it, other bytes are the build's own doing. */
  materials: string[];
}

/** What was built, out of its materials. @throws E_MATERIALS where they name no torch */
export function rebuildOf(wheel: string, materials: Materials, source: string | null): Rebuild {
  const { externalParameters: asked, resolvedDependencies } = materials;
  const requirements = resolvedDependencies.flatMap(({ uri }) => {
    const [, name, version] = /^pkg:pypi\/([^@]+)@(.+)$/.exec(uri) ?? [];
    return name && version ? [`${name}==${version}`] : [];
  });
  const torch = requirements.find((line) => line.startsWith("torch=="));
  if (torch === undefined)
    throw wheelsError("E_MATERIALS", { wheel: basename(wheel), problem: "They name no torch." });
  const commit = resolvedDependencies.find(({ name }) => name === "source")?.digest?.["gitCommit"];
  const named = asked.source;
  // A branch or tag may have moved since.
  const pinned = named.startsWith("git+") && commit ? named.replace(/@[^@/]*$/, `@${commit}`) : named;
  return {
    variant: asked.variant,
    source: source ?? pinned,
    version: asked.version,
    versionSuffix: asked.versionSuffix,
    recipe: asked.recipe,
    python: asked.python,
    torchVersion: torch.slice("torch==".length),
    torchRequirement: asked.torchRequirement,
    glibc: asked.glibcFloor,
    keepDebug: asked.keepDebug,
    buildEnvironment: asked.buildEnvironment,
    epoch: asked.sourceDateEpoch,
    requirements,
  };
}

/**
 * Builds a wheel again of the materials that its verdict names, and says whether the same comes of it.
 * @throws E_MATERIALS, E_WHEEL_FORMAT, what the build throws
 */
export async function reproduce(host: Host, request: ReproduceRequest): Promise<ReproduceReport> {
  const { wheel, materials } = request;
  const was = await readBytes(wheel);
  const made = await request.rebuild(host, rebuildOf(wheel, materials, request.source));
  try {
    const compared = compareReproduced(was, await readBytes(made.wheel));
    const differing = differingMaterials(materials, made.materials);
    return { wheel, rebuilt: made.wheel, ...compared, materials: differing };
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    throw wheelsError("E_WHEEL_FORMAT", { wheel: basename(wheel), detail: thrown.message }, thrown);
  }
}
