import { basename, join, resolve } from "node:path";
import { type BuildGroups, buildPrepared, describeBuild } from "../build/build-wheels.ts";
import { keptMaterials } from "../build/materials/kept-materials.ts";
import { prepare } from "../build/prepare.ts";
import { compareReproduced, type Reproduction } from "../compare/reproduced.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { exists, readTextIfAny } from "../host/files.ts";
import { sha256Of } from "../host/hash.ts";
import type { Host } from "../host/host.ts";
import { readWheelFile } from "../verify/facts/wheel-bytes.ts";
import { parseVerdict } from "../verify/verdict/read-verdict.ts";
import { verdictFileName } from "../verify/verdict/verdict.ts";
import { wheelFormatError } from "../wheel/format-error.ts";
import { differingMaterials, type Materials } from "../wheel/materials.ts";

export interface ReproduceRequest {
  /** Path of the wheel, relative to the working folder. */
  wheel: string;
  /** Its verdict; null for the one beside it. */
  verdict: string | null;
  /** Where the source is now, where its own name leads nowhere here; null for that name. */
  source: string | null;
  localSources: Readonly<Record<string, string>>;
  /** Null for the place that torch came from. */
  torchIndex: string | null;
  manifest: string | null;
  recipe: string | null;
  /** Where the new wheel goes. */
  outputDir: string;
  maxJobs: number | null;
  dryRun: boolean;
}

export interface ReproduceReport extends Reproduction {
  wheel: string;
  rebuilt: string;
  /** What the two were made of that is not the same; where nothing is, other bytes are the build's own doing. */
  materials: string[];
}

/** What a verdict says that a wheel was made of. @param bytes the wheel's @throws E_MATERIALS */
async function materialsIn(
  host: Host,
  { wheel, verdict }: ReproduceRequest,
  bytes: Uint8Array,
): Promise<Materials> {
  const refuse = (problem: string): never => {
    throw wheelsError("E_MATERIALS", { wheel: basename(wheel), problem });
  };
  const place = resolve(host.cwd, verdict ?? verdictFileName(wheel));
  const text = (await readTextIfAny(place)) ?? refuse(`There is no verdict ${place}.`);
  const parsed = parseVerdict(basename(place), text);
  if (parsed instanceof Error) throw parsed;
  if (parsed.subject[0]?.digest.sha256 !== sha256Of(bytes))
    return refuse(`${basename(place)} is the verdict of other bytes.`);
  return (
    parsed.predicate.buildDefinition ?? refuse(`${basename(place)} does not say what the wheel was made of.`)
  );
}

/** The packages that a wheel was built with, torch among them, as `name==version`. */
const requirementsOf = ({ resolvedDependencies }: Materials): string[] =>
  resolvedDependencies.flatMap(({ name: role, uri }) => {
    const [, name, version] = /^pkg:pypi\/([^@]+)@(.+)$/.exec(uri) ?? [];
    // What has a role, such as the source, is no package of the build's environment.
    return role === undefined && name && version ? [`${name}==${version}`] : [];
  });

/** A source by its commit where it has one: a branch or tag may have moved since. */
function pinnedSource({ externalParameters: { source }, resolvedDependencies }: Materials): string | null {
  const commit = resolvedDependencies.find(({ name }) => name === "source")?.digest?.["gitCommit"];
  return source?.startsWith("git+") && commit ? source.replace(/@[^@/]*$/, `@${commit}`) : source;
}

/**
 * The build that its materials ask for.
 * @throws E_MATERIALS where they name no torch
 */
export function rebuildOf(materials: Materials, request: ReproduceRequest): BuildGroups {
  const { externalParameters: asked } = materials;
  const requirements = requirementsOf(materials);
  const torch = requirements.find((line) => line.startsWith("torch=="));
  if (torch === undefined)
    throw wheelsError("E_MATERIALS", {
      wheel: basename(request.wheel),
      problem: "Its materials name no torch.",
    });
  return {
    what: {
      variant: asked.variant,
      versions: asked.version === null ? [] : [asked.version],
      source: request.source ?? pinnedSource(materials),
      recipe: request.recipe ?? asked.recipe,
      architecture: "own",
      allowDirty: true,
      pythons: [asked.python.split(".").slice(0, 2).join(".")],
      versionSuffix: asked.versionSuffix,
      manifest: request.manifest,
    },
    how: {
      outputDir: request.outputDir,
      localSources: request.localSources,
      resume: false,
      fresh: true,
      buildEnv: Object.entries(asked.buildEnvironment)
        .map(([name, value]) => `${name}=${value}`)
        .join("\n"),
      glibc: asked.glibcFloor ?? "own",
      keepDebug: asked.keepDebug,
      torchRequirement: asked.torchRequirement,
      keepScratch: false,
      remoteObjects: null,
      maxJobs: request.maxJobs,
      requirements,
    },
    torch: {
      index: request.torchIndex ?? asked.torchIndex,
      packages: null,
      version: torch.slice("torch==".length),
    },
  };
}

/** @throws E_WHEEL_FORMAT */
function compared(wheel: string, was: Uint8Array, is: Uint8Array): Reproduction {
  try {
    return compareReproduced(was, is);
  } catch (thrown) {
    throw wheelFormatError(wheel, thrown);
  }
}

/**
 * Builds a wheel again of the materials that its verdict names, compiling anew whatever is kept, and says whether the
 * same comes of it.
 * @returns lines of a plan for a dry run
 * @throws E_MATERIALS, E_WHEEL_FILE, E_WHEEL_FORMAT, E_OUTPUT_DIR, what a build throws
 */
export async function reproduce(host: Host, request: ReproduceRequest): Promise<ReproduceReport | string[]> {
  const was = resolve(host.cwd, request.wheel);
  const before = await readWheelFile(was);
  const materials = await materialsIn(host, request, before);
  const { sourceDateEpoch } = materials.externalParameters;
  const then: Host = { ...host, env: { ...host.env, SOURCE_DATE_EPOCH: String(sourceDateEpoch) } };
  const groups = rebuildOf(materials, request);
  const prepared = await prepare(then, groups.what);
  if (request.dryRun) return describeBuild(then, groups, prepared);
  const folder = resolve(host.cwd, request.outputDir);
  if (await exists(join(folder, basename(was))))
    throw wheelsError("E_OUTPUT_DIR", {
      dir: folder,
      detail: `It has a ${basename(was)} already, which would be overwritten; name another folder by --output-dir.`,
    });
  const [made] = await buildPrepared(then, groups, prepared);
  if (!made) throw wheelsError("E_INTERNAL", { detail: "a build made no wheel" });
  const after = await readWheelFile(made.built.wheel);
  const now = await keptMaterials(host, sha256Of(after));
  return {
    wheel: was,
    rebuilt: made.built.wheel,
    ...compared(basename(was), before, after),
    materials: now === null ? [] : differingMaterials(materials, now),
  };
}
