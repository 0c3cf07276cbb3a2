import { wheelsError } from "../errors/wheels-error.ts";
import { satisfies } from "../wheel/specifier.ts";
import { compareVersions } from "../wheel/version.ts";
import type { Variant } from "./manifest.ts";
import {
  type Compilers,
  type Dependency,
  type LibrarySource,
  type Patch,
  type RawRecipe,
  type RawRecipes,
  type RawTarget,
  recipesSchema,
  type SystemLibrary,
} from "./recipe-schema.ts";
import { readYaml } from "./yaml.ts";

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
  /** Whether one build serves every later Python (PEP 384). */
  stableAbi: boolean;
  libraries: SystemLibrary[];
  /** What the build takes along where the dynamic loader's cache lists it. */
  listed: LibrarySource[];
  /** The glibc that its wheels are built for where nobody asks for another; null for the machine's own. */
  glibc: string | null;
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

const HINT = "Correct this line; docs/recipes.md describes every key.";

/**
 * Parses and schema-checks the recipes.
 * @param file name for error messages
 * @throws E_RECIPES with line and column
 */
export function parseRecipes(text: string, file: string): Recipes {
  const { data, positionOf } = readYaml(text, file, (at, problem, cause) => {
    throw wheelsError("E_RECIPES", { file, ...at, problem, hint: HINT }, cause);
  });
  const fail = (path: readonly PropertyKey[], problem: string): never => {
    throw wheelsError("E_RECIPES", { file, ...positionOf(path), problem, hint: HINT });
  };
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
    stableAbi: last(lineage.map((recipe) => recipe["stable-abi"])) ?? false,
    libraries: lineage.flatMap((recipe) => recipe.libraries ?? []),
    listed: lineage.flatMap((recipe) => recipe.listed ?? []),
    glibc: last(lineage.map((recipe) => recipe.glibc)),
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
    stableAbi: false,
    libraries: [],
    listed: [],
    glibc: null,
    dependencies: {},
    compilers: null,
    resources: null,
    switches: [],
    kernels: [],
    refuses: [],
  };
}
