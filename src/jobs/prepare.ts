import { machineArchitecture } from "../build/preflight.ts";
import { completeSource } from "../build/source/obtain.ts";
import { asVersion, openSource, releaseSource, type Source } from "../build/source/source.ts";
import { WheelsError, wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import type { COMMANDS } from "../options/commands.ts";
import type { Values } from "../options/options.ts";
import { selectVariants, type Variant } from "../variants/manifest.ts";
import { makePlan, type PlanItem } from "../variants/plan.ts";
import { type FoundRecipe, findRecipe, plainRecipe, type Recipes } from "../variants/recipes.ts";
import { parsePythonVersions } from "../variants/request.ts";
import { chooseKernels, type KernelChoice, type Unit, unitsOf } from "../variants/units.ts";
import { isVersion, withSuffix } from "../wheel/version.ts";
import { loadVariants } from "./manifest.ts";
import { loadRecipes } from "./recipes.ts";

/** One variant of one source, and what it is made from. */
export interface Planned {
  variant: Variant;
  unit: Unit;
  kernels: KernelChoice | null;
}

/** What is built of one source for one architecture. */
export interface Batch {
  source: Source;
  found: FoundRecipe;
  planned: Planned[];
}

export interface Prepared {
  variants: Map<string, Variant>;
  recipes: Recipes;
  selected: Variant[];
  pythons: string[];
  batches: Batch[];
  plan: PlanItem[];
}

type RequestOptions = Pick<
  Values<typeof COMMANDS.build.options>,
  | "variant"
  | "vllm-version"
  | "source"
  | "recipe"
  | "architecture"
  | "allow-dirty"
  | "python-version"
  | "manifest"
>;

function parseVersions(text: string | null): string[] {
  const versions = (text ?? "")
    .split(",")
    .map((version) => version.trim().replace(/^v(?=\d)/, ""))
    .filter((version) => version !== "");
  for (const version of versions) {
    if (!isVersion(version))
      throw wheelsError("E_OPTION_VALUE", {
        option: "--vllm-version",
        value: version,
        expected: "a version such as 0.32.0",
      });
  }
  return [...new Set(versions)];
}

/** The sources that a request stands for: releases, or the one that it names. */
async function sourcesOf(host: Host, options: RequestOptions, recipes: Recipes): Promise<Source[]> {
  const versions = parseVersions(options["vllm-version"]);
  if (options.source === null) {
    const { project, version } = recipes.newest;
    return (versions.length > 0 ? versions : [version]).map((one) => releaseSource(project, one));
  }
  const source = await completeSource(host, await openSource(host, options.source), options["allow-dirty"]);
  return [versions.reduce(asVersion, source)];
}

function variantsOf(variants: ReadonlyMap<string, Variant>, options: RequestOptions): Variant[] {
  if (options.variant.trim() !== "all") return selectVariants(variants, options.variant);
  const wanted = options.architecture === "own" ? machineArchitecture() : options.architecture;
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
  options: RequestOptions,
): Batch[] {
  const architectures = [...new Set(variants.map(({ architecture }) => architecture))];
  return architectures.map((architecture) => {
    const own = variants.filter((variant) => variant.architecture === architecture);
    const found = findRecipe(recipes, source.project, source.version, architecture, options.recipe) ?? {
      recipe: plainRecipe(),
      covered: true,
    };
    if (!found.covered)
      host.log.warn(
        `${source.project} ${source.version} is newer than all recipes; trying ${found.recipe.name}, the newest`,
      );
    const chosen = buildable(host, found, own, options.variant.trim() === "all");
    const units = unitsOf(found.recipe, chosen);
    const planned = chosen.flatMap((variant) => {
      const unit = units.get(variant.name);
      return unit ? [{ variant, unit, kernels: chooseKernels(found.recipe, variant) }] : [];
    });
    return { source, found, planned };
  });
}

/**
 * Everything a request says, checked before anything is done; nothing is fetched, but a git repository is asked what
 * the name of a branch or tag stands for.
 * @throws E_MANIFEST, E_RECIPES, E_VARIANT_UNKNOWN, E_VARIANT_UNBUILDABLE, E_SOURCE, E_SOURCE_DIRTY,
 *   E_VERSION_MISMATCH, E_RELEASE_UNSUPPORTED, E_OPTION_VALUE
 */
export async function prepare(host: Host, options: RequestOptions, suffix: string | null): Promise<Prepared> {
  const variants = await loadVariants(host, options.manifest);
  const recipes = await loadRecipes();
  const selected = variantsOf(variants, options);
  const pythons = options["python-version"] === null ? [] : parsePythonVersions(options["python-version"]);
  const sources = await sourcesOf(host, options, recipes);
  if (suffix !== null) for (const { version } of sources) withSuffix(version ?? "0", suffix);
  const batches = sources.flatMap((source) => batchesOf(host, recipes, source, selected, options));
  const plan = makePlan(
    batches.flatMap(({ source, found, planned }) =>
      planned.map(({ variant, unit, kernels }) => ({
        variant,
        version: source.version === null ? null : source.version + (suffix ?? ""),
        environment: unit.environment,
        recipe: found.recipe.name === "none" ? null : found.recipe.name,
        kernels: kernels?.library ?? null,
      })),
    ),
    pythons,
  );
  return { variants, recipes, selected, pythons, batches, plan };
}
