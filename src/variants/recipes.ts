import { load, YAMLException } from "js-yaml";
import { wheelsError } from "../errors/wheels-error.ts";
import { compareVersions, satisfies } from "../wheel/version.ts";
import { closure, type IsaFeature } from "./features.ts";
import type { Variant } from "./manifest.ts";
import {
  type Compilers,
  type Dependency,
  type Patch,
  type RawRecipe,
  type RawRecipes,
  type RawTarget,
  recipesSchema,
  type SystemLibrary,
} from "./recipe-schema.ts";
import { yamlPositions } from "./yaml-positions.ts";

type Architecture = Variant["architecture"];

/** How a range of releases is built on one architecture; nothing inherited is left open. */
export interface Recipe {
  name: string;
  versions: string;
  requirements: string | null;
  torch: string | null;
  /** Import package of the kernels; null for a source that is left as it is. */
  package: string | null;
  environment: Record<string, string>;
  cmakeArguments: string[];
  patches: string[];
  assumptions: { file: string; text: string; because: string }[];
  libraries: SystemLibrary[];
  dependencies: Record<string, Dependency>;
  compilers: Compilers | null;
  /** MiB, MiB and CPU seconds. */
  resources: { memoryPerJob: number; disk: number; seconds: number } | null;
  switches: NonNullable<RawTarget["switches"]>;
  kernels: NonNullable<RawTarget["kernels"]>;
  refuses: NonNullable<RawTarget["refuses"]>;
}

/** All recipes, ready to be asked. */
export interface Recipes {
  newest: { project: string; version: string };
  patches: Record<string, Patch>;
  raw: Record<string, RawRecipe>;
}

/** What a recipe builds for one variant. */
export interface Unit {
  /** Stable name of what is compiled; variants with the same unit share one compile. */
  name: string;
  environment: Record<string, string>;
  compilers: Compilers | null;
  patches: string[];
  /** Features that the compile is shown as the machine's. */
  features: IsaFeature[];
}

/** One set of kernels out of a build that makes several, and the others that the wheel leaves out. */
export interface KernelChoice {
  library: string;
  others: string[];
}

const HINT = "Correct this line; docs/recipes.md describes every key.";

/**
 * Parses and schema-checks the recipes.
 * @param file name for error messages
 * @throws E_RECIPES with line and column
 */
export function parseRecipes(text: string, file: string): Recipes {
  const position = yamlPositions(text);
  const fail = (path: readonly PropertyKey[], problem: string): never => {
    throw wheelsError("E_RECIPES", { file, ...position(path), problem, hint: HINT });
  };
  let data: unknown;
  try {
    data = load(text, { filename: file, maxAliases: 200 });
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    return fail([], thrown.reason);
  }
  const parsed = recipesSchema.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return fail(issue?.path ?? [], `${issue?.path.map(String).join(".") || "recipes"}: ${issue?.message}`);
  }
  const raw: RawRecipes = parsed.data;
  for (const [name, recipe] of Object.entries(raw.recipes)) {
    const lineage = ancestry(raw.recipes, name, (problem) => fail(["recipes", name, "extends"], problem));
    const kernelPatches = Object.values(recipe.targets ?? {}).flatMap(
      (target) => target?.kernels?.flatMap(({ patch }) => patch ?? []) ?? [],
    );
    for (const patch of [...(recipe.patches ?? []), ...kernelPatches])
      if (!raw.patches[patch])
        fail(["recipes", name, "patches"], `${name} names the patch ${patch}, which is not there`);
    if (lineage.every((ancestor) => ancestor.project === undefined))
      fail(["recipes", name], `${name} says no project`);
  }
  return { newest: raw.newest, patches: raw.patches, raw: raw.recipes };
}

/** A recipe and all it extends, itself last. */
function ancestry(
  recipes: Readonly<Record<string, RawRecipe>>,
  name: string,
  fail: (problem: string) => never,
): RawRecipe[] {
  const lineage: RawRecipe[] = [];
  const seen = new Set<string>();
  for (let at: string | undefined = name; at !== undefined; ) {
    const recipe: RawRecipe | undefined = recipes[at];
    if (!recipe) return fail(`${name} extends ${at}, which is not there`);
    if (seen.has(at)) return fail(`extends goes in a circle: ${[...seen, at].join(" → ")}`);
    seen.add(at);
    lineage.unshift(recipe);
    at = recipe.extends;
  }
  return lineage;
}

/** A recipe with all that it inherits, for one architecture; null where it has none for that. */
function resolve(recipes: Recipes, name: string, architecture: Architecture): Recipe | null {
  const impossible = (problem: string): never => {
    throw wheelsError("E_INTERNAL", { detail: problem });
  };
  const lineage = ancestry(recipes.raw, name, impossible);
  const targets = lineage.flatMap((recipe) => recipe.targets?.[architecture] ?? []);
  if (targets.length === 0) return null;
  const last = <T>(values: readonly (T | undefined)[]): T | null =>
    values.findLast((value) => value !== undefined) ?? null;
  const merged = <T>(values: readonly (Record<string, T> | undefined)[]): Record<string, T> =>
    Object.assign({}, ...values);
  const resources = last(lineage.map((recipe) => recipe.resources));
  return {
    name,
    versions: recipes.raw[name]?.versions ?? "",
    requirements: last(lineage.map((recipe) => recipe.requirements)),
    torch: last(lineage.map((recipe) => recipe.torch)),
    package: last(lineage.map((recipe) => recipe.package)),
    environment: {
      ...merged(lineage.map((recipe) => recipe.environment)),
      ...merged(targets.map((target) => target.environment)),
    },
    cmakeArguments: targets.flatMap((target) => target["cmake-arguments"] ?? []),
    patches: lineage.flatMap((recipe) => recipe.patches ?? []),
    assumptions: lineage.flatMap((recipe) => recipe.assumptions ?? []),
    libraries: lineage.flatMap((recipe) => recipe.libraries ?? []),
    dependencies: merged(targets.map((target) => target.dependencies)),
    compilers: last(targets.map((target) => target.compilers)),
    resources: resources && {
      memoryPerJob: resources["memory-per-job"],
      disk: resources.disk,
      seconds: resources.seconds,
    },
    switches: last(targets.map((target) => target.switches)) ?? [],
    kernels: last(targets.map((target) => target.kernels)) ?? [],
    refuses: last(targets.map((target) => target.refuses)) ?? [],
  };
}

const projectOf = (recipes: Recipes, name: string): string | undefined =>
  ancestry(recipes.raw, name, (problem) => {
    throw wheelsError("E_INTERNAL", { detail: problem });
  }).findLast(({ project }) => project !== undefined)?.project;

/** Oldest release of a range such as `>=0.28,<0.33`. */
const floorOf = (versions: string): string => /(?:>=|==)\s*([\d.]+)/.exec(versions)?.[1] ?? "0";

/** A recipe for a release, and whether it was written for it. */
export interface FoundRecipe {
  recipe: Recipe;
  /** False for a release newer than all recipes know. */
  covered: boolean;
}

/**
 * The recipe for a project's release.
 * @param version null where the source does not tell; then only a recipe for all versions fits
 * @param named a recipe that the user names, which counts whatever the version
 * @returns null for a project without recipes, which is built as it is
 * @throws E_RECIPE_UNKNOWN, E_RELEASE_UNSUPPORTED for a release older than all recipes, or none for the architecture
 */
export function findRecipe(
  recipes: Recipes,
  project: string,
  version: string | null,
  architecture: Architecture,
  named: string | null,
): FoundRecipe | null {
  const names = Object.keys(recipes.raw).filter((name) => projectOf(recipes, name) === project);
  const unsupported = (why: string): never => {
    throw wheelsError("E_RELEASE_UNSUPPORTED", { project, version: version ?? "of unknown version", why });
  };
  const resolved = (name: string): Recipe =>
    resolve(recipes, name, architecture) ??
    unsupported(`The recipe ${name} has nothing for ${architecture}.`);
  if (named !== null) {
    if (!names.includes(named)) throw wheelsError("E_RECIPE_UNKNOWN", { name: named, project, known: names });
    return { recipe: resolved(named), covered: true };
  }
  const offered = names.filter((name) => !recipes.raw[name]?.["by-name-only"]);
  if (offered.length === 0) return null;
  const versionsOf = (name: string): string => recipes.raw[name]?.versions ?? "";
  const fitting = offered.find(
    (name) => versionsOf(name) === "" || (version !== null && satisfies(version, versionsOf(name))),
  );
  if (fitting !== undefined) return { recipe: resolved(fitting), covered: true };
  if (version === null) return unsupported("A recipe is chosen by version; name it with --vllm-version.");
  const floors = offered.map(versionsOf).map(floorOf).sort(compareVersions);
  if (compareVersions(version, floors[0] ?? "0") < 0)
    return unsupported(`The oldest release that a recipe covers is ${floors[0]}.`);
  const newest = offered
    .toSorted((a, b) => compareVersions(floorOf(versionsOf(a)), floorOf(versionsOf(b))))
    .at(-1);
  return { recipe: resolved(newest ?? ""), covered: false };
}

const hasAll = (features: readonly IsaFeature[], contract: ReadonlySet<IsaFeature>): boolean =>
  closure(features).every((feature) => contract.has(feature));

/** Throws for a contract that these releases can't be built for. @throws E_VARIANT_UNBUILDABLE */
function demandBuildable(recipe: Recipe, variant: Variant): void {
  const contract = new Set(variant.isa.mayUse);
  const refused = recipe.refuses.find(({ needs }) => hasAll(needs, contract));
  if (refused)
    throw wheelsError("E_VARIANT_UNBUILDABLE", {
      variant: variant.name,
      recipe: recipe.name,
      why: refused.reason,
    });
}

/**
 * The set of kernels for a variant: the richest whose code stays within the contract.
 * @returns null for a build that makes one set only
 * @throws E_VARIANT_UNBUILDABLE where none uses what the contract must use
 */
export function chooseKernels(recipe: Recipe, variant: Variant): KernelChoice | null {
  demandBuildable(recipe, variant);
  if (recipe.kernels.length === 0) return null;
  const contract = new Set(variant.isa.mayUse);
  const within = recipe.kernels.filter(({ features }) => hasAll(features, contract));
  const best = within.toSorted((a, b) => closure(b.features).length - closure(a.features).length)[0];
  const used = new Set<IsaFeature>(best ? closure([...best.features, ...(best.dispatched ?? [])]) : []);
  const missing = variant.isa.mustUse.filter((feature) => !used.has(feature));
  if (!best || missing.length > 0) {
    throw wheelsError("E_VARIANT_UNBUILDABLE", {
      variant: variant.name,
      recipe: recipe.name,
      why: best
        ? `Its kernels within the contract, ${best.library}, don't use ${missing.join(", ")}.`
        : `None of its sets of kernels (${recipe.kernels.map(({ library }) => library).join(", ")}) stays within the contract.`,
    });
  }
  const others = recipe.kernels.map(({ library }) => library).filter((library) => library !== best.library);
  return { library: best.library, others };
}

/**
 * What has to be compiled for these variants, which share one architecture.
 * @returns a unit by variant name; variants that share a compile share the very unit
 * @throws E_VARIANT_UNBUILDABLE
 */
export function unitsOf(recipe: Recipe, variants: readonly Variant[]): Map<string, Unit> {
  const choices = new Map(variants.map((variant) => [variant.name, chooseKernels(recipe, variant)]));
  if (recipe.kernels.length === 0) {
    return new Map(variants.map((variant) => [variant.name, ownUnit(recipe, variant)]));
  }
  // Variables of one's own may change what is compiled, so that only variants with the same ones share it.
  const groups = new Map<string, Variant[]>();
  for (const variant of variants) {
    const key = JSON.stringify(Object.entries(variant.environment).sort());
    groups.set(key, [...(groups.get(key) ?? []), variant]);
  }
  const units = new Map<string, Unit>();
  for (const members of groups.values()) {
    const unit = sharedUnit(recipe, members, new Set(members.map(({ name }) => choices.get(name)?.library)));
    for (const { name } of members) units.set(name, unit);
  }
  return units;
}

function sharedUnit(
  recipe: Recipe,
  members: readonly Variant[],
  wanted: ReadonlySet<string | undefined>,
): Unit {
  const added = recipe.kernels.filter(({ library, patch }) => patch !== undefined && wanted.has(library));
  const own = members[0]?.environment ?? {};
  const suffix = Object.keys(own).length > 0 ? [members[0]?.name ?? ""] : [];
  return {
    name: [
      "kernels",
      ...suffix,
      ...added.map(({ library }) => library.replace(/^_C_?/, "").toLowerCase()),
    ].join("-"),
    environment: { ...recipe.environment, ...own },
    compilers: recipe.compilers,
    patches: [...new Set([...recipe.patches, ...added.flatMap(({ patch }) => patch ?? [])])],
    features: closure(
      recipe.kernels.flatMap(({ features, dispatched }) => [...features, ...(dispatched ?? [])]),
    ),
  };
}

function ownUnit(recipe: Recipe, variant: Variant): Unit {
  const contract = new Set(variant.isa.mayUse);
  const applying = recipe.switches.filter(
    ({ needs, lacks }) => hasAll(needs, contract) && !(lacks ?? []).some((feature) => contract.has(feature)),
  );
  return {
    name: variant.name,
    environment: {
      ...recipe.environment,
      ...Object.assign({}, ...applying.map(({ environment }) => environment)),
      ...variant.environment,
    },
    compilers:
      applying.map(({ compilers }) => compilers).findLast((floor) => floor !== undefined) ?? recipe.compilers,
    patches: recipe.patches,
    features: variant.isa.mayUse,
  };
}

/** A recipe for a project that has none: the source is built as it is. */
export function plainRecipe(): Recipe {
  return {
    name: "none",
    versions: "",
    requirements: null,
    torch: null,
    package: null,
    environment: {},
    cmakeArguments: [],
    patches: [],
    assumptions: [],
    libraries: [],
    dependencies: {},
    compilers: null,
    resources: null,
    switches: [],
    kernels: [],
    refuses: [],
  };
}
