import { WheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { selectVariants, type Variant } from "../variants/manifest.ts";
import { makePlan, type PlanItem } from "../variants/plan.ts";
import { type FoundRecipe, findRecipe, plainRecipe, type Recipes } from "../variants/recipes.ts";
import type { WheelRequest } from "../variants/request.ts";
import { chooseKernels, unitsOf } from "../variants/units.ts";
import { withSuffix } from "../wheel/version.ts";
import { type Batch, planned } from "./compile-jobs.ts";
import { loadVariants } from "./load-manifest.ts";
import { loadRecipes } from "./load-recipes.ts";
import { machineArchitecture } from "./preflight.ts";
import { completeSource } from "./source/obtain.ts";
import { demandReleases } from "./source/releases.ts";
import { asVersion, openSource, releaseSource, type Source } from "./source/source.ts";

/** A request for wheels, with nothing left open but what only a build can tell. */
export interface Prepared {
  variants: Map<string, Variant>;
  recipes: Recipes;
  selected: Variant[];
  /** Minor versions; empty for the Python on PATH. */
  pythons: readonly string[];
  batches: Batch[];
  plan: PlanItem[];
}

/** The sources that a request stands for: releases, or the one that it names. */
async function sourcesOf(host: Host, what: WheelRequest, recipes: Recipes): Promise<Source[]> {
  const { versions } = what;
  if (what.source === null) {
    const { project, version } = recipes.newest;
    await demandReleases(host, project, versions);
    return (versions.length > 0 ? versions : [version]).map((one) => releaseSource(project, one));
  }
  const source = await completeSource(host, await openSource(host, what.source), what.allowDirty);
  return [versions.reduce(asVersion, source)];
}

const wantsAll = ({ variant }: WheelRequest): boolean => variant.trim() === "all";

function variantsOf(variants: ReadonlyMap<string, Variant>, what: WheelRequest): Variant[] {
  if (!wantsAll(what)) return selectVariants(variants, what.variant);
  const wanted = what.architecture === "own" ? machineArchitecture() : what.architecture;
  return [...variants.values()].filter(({ architecture }) => wanted === "any" || architecture === wanted);
}

/** Of a request for all, what can't be built is left out with a word; what is named is refused. */
function buildable(host: Host, found: FoundRecipe, variants: readonly Variant[], isAll: boolean): Variant[] {
  return variants.filter((variant) => {
    try {
      chooseKernels(found.recipe, variant);
      return true;
    } catch (thrown) {
      if (!isAll || !(thrown instanceof WheelsError) || thrown.code !== "E_VARIANT_UNBUILDABLE") throw thrown;
      host.log.warn(`${thrown.what} ${thrown.why} It is left out.`);
      return false;
    }
  });
}

function batchesOf(
  host: Host,
  recipes: Recipes,
  source: Source,
  variants: readonly Variant[],
  what: WheelRequest,
): Batch[] {
  const architectures = [...new Set(variants.map(({ architecture }) => architecture))];
  return architectures.map((architecture) => {
    const own = variants.filter((variant) => variant.architecture === architecture);
    const found = findRecipe(recipes, source.project, source.version, architecture, what.recipe) ?? {
      recipe: plainRecipe(),
      covered: true,
    };
    if (!found.covered)
      host.log.warn(
        `${source.project} ${source.version} is newer than all recipes; trying ${found.recipe.name}, the newest`,
      );
    const chosen = buildable(host, found, own, wantsAll(what));
    return { source, found, planned: planned(chosen, unitsOf(found.recipe, chosen), found.recipe) };
  });
}

function planOf(batches: readonly Batch[], suffix: string | null, pythons: readonly string[]): PlanItem[] {
  return makePlan(
    batches.flatMap(({ source, found, planned: members }) =>
      members.map(({ variant, unit, kernels }) => ({
        variant,
        release: source.place.kind === "release" ? source.version : null,
        version: source.version === null ? null : source.version + (suffix ?? ""),
        environment: unit.environment,
        recipe: found.recipe.name === "none" ? null : found.recipe.name,
        compile: unit.name,
        stableAbi: found.recipe.stableAbi,
        seconds: found.recipe.resources?.seconds ?? null,
        kernels: kernels?.library ?? null,
      })),
    ),
    pythons,
  );
}

/**
 * Everything a request says, checked before anything is done; nothing is fetched but the index's list of releases,
 * and what the name of a branch or tag stands for in a git repository.
 * @throws E_MANIFEST, E_RECIPES, E_VARIANT_UNKNOWN, E_VARIANT_UNBUILDABLE, E_SOURCE, E_SOURCE_DIRTY, E_VERSION_UNKNOWN,
 *   E_VERSION_MISMATCH, E_RELEASE_UNSUPPORTED, E_OPTION_VALUE
 */
export async function prepare(host: Host, what: WheelRequest): Promise<Prepared> {
  const variants = await loadVariants(host, what.manifest);
  const recipes = await loadRecipes();
  const selected = variantsOf(variants, what);
  const sources = await sourcesOf(host, what, recipes);
  const { versionSuffix: suffix, pythons } = what;
  if (suffix !== null) for (const { version } of sources) withSuffix(version ?? "0", suffix);
  const batches = sources.flatMap((source) => batchesOf(host, recipes, source, selected, what));
  return { variants, recipes, selected, pythons, batches, plan: planOf(batches, suffix, pythons) };
}
