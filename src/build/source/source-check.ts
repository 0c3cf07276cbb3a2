import { join } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import { readTextIfAny, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { applyPatches } from "../../variants/patches.ts";
import type { Patch } from "../../variants/recipe-schema.ts";
import type { FoundRecipe, Recipe } from "../../variants/recipes.ts";
import type { Unit } from "../../variants/units.ts";
import { FormatError } from "../../wheel/format-error.ts";
import { linuxEnvironment, markerHolds } from "../../wheel/marker.ts";
import { isFor, parseRequirement, pinnedVersion } from "../../wheel/requirement.ts";
import { withoutLocal } from "../../wheel/version.ts";
import { asTomlComments, type InstallFacts } from "../instructions.ts";
import type { ReadySource } from "./source.ts";

/** What a source says about its own build. */
export interface BuildNeeds {
  /** PEP 508 lines, torch left out: it is there already, and from its own index. */
  requires: string[];
  /** The torch release that the source pins for this machine; null where it pins none. */
  torch: string | null;
}

/** Requirement lines of a requirements file: no comments, no options. Source: pip, "Requirements File Format". */
export function requirementLines(text: string): string[] {
  return text
    .replace(/\\\n/g, "")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("-"));
}

/**
 * Splits a build's requirements into torch and the rest.
 * @param python version such as 3.11.7
 * @throws FormatError for lines that are no requirements
 */
export function buildNeeds(lines: readonly string[], architecture: string, python: string): BuildNeeds {
  const environment = linuxEnvironment(architecture, python);
  const requires: string[] = [];
  let torch: string | null = null;
  for (const line of lines) {
    const requirement = parseRequirement(line);
    if (!isFor(requirement, "torch")) {
      requires.push(line);
    } else if (markerHolds(requirement.marker, environment)) {
      const pinned = pinnedVersion(requirement);
      torch = pinned === null ? torch : withoutLocal(pinned);
    }
  }
  return { requires, torch };
}

/** Reads what a source needs for its build. @throws E_SOURCE, E_RECIPE_ASSUMPTION */
export async function readNeeds(
  source: ReadySource,
  recipe: Recipe,
  architecture: string,
  python: string,
): Promise<BuildNeeds> {
  const { requirements } = recipe;
  const text = requirements === null ? null : await readTextIfAny(join(source.path, requirements));
  if (requirements !== null && text === null)
    throw wheelsError("E_RECIPE_ASSUMPTION", {
      recipe: recipe.name,
      file: requirements,
      problem: "It is not there.",
    });
  try {
    return buildNeeds(text === null ? source.buildRequires : requirementLines(text), architecture, python);
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    throw wheelsError("E_SOURCE", { source: source.label, problem: thrown.message }, thrown);
  }
}

/**
 * Checks the texts that a recipe relies on, and the commits that the source pins.
 * For a release that the recipe was written for a difference is an error; for a newer one it is a warning where the
 * build can go on, and an error where the result would not be the variant's.
 * @returns the refs to fetch, by the dependency's name
 * @throws E_RECIPE_ASSUMPTION
 */
export async function checkAssumptions(
  host: Host,
  source: ReadySource,
  { recipe, covered }: FoundRecipe,
): Promise<Map<string, string>> {
  for (const { file, text, because } of recipe.assumptions) {
    const found = await readTextIfAny(join(source.path, file));
    if (!found?.includes(text))
      throw wheelsError("E_RECIPE_ASSUMPTION", {
        recipe: recipe.name,
        file,
        problem: `It does not hold ${JSON.stringify(text)}: ${because}.`,
      });
  }
  const refs = new Map<string, string>();
  const cmake = await readTextIfAny(join(source.path, "cmake", "cpu_extension.cmake"));
  for (const [name, { repository, ref }] of Object.entries(recipe.dependencies)) {
    const pinned = pinnedRefs(cmake ?? "", repository);
    if (pinned.length === 0 || pinned.includes(ref)) {
      refs.set(name, ref);
    } else if (covered) {
      throw wheelsError("E_RECIPE_ASSUMPTION", {
        recipe: recipe.name,
        file: "cmake/cpu_extension.cmake",
        problem: `It pins ${name} at ${pinned.join(" or ")}, the recipe at ${ref}.`,
      });
    } else {
      const [first = ref] = pinned;
      host.log.warn(
        `This release pins ${name} at ${first}, the recipe ${recipe.name} at ${ref}; taking ${first}`,
      );
      refs.set(name, first);
    }
  }
  return refs;
}

/** The refs that a cmake file gives for a repository (FetchContent, GIT_REPOSITORY and GIT_TAG). */
export function pinnedRefs(cmake: string, repository: string): string[] {
  const pattern = /GIT_REPOSITORY\s+(\S+)\s+GIT_TAG\s+(\S+)/g;
  return [...cmake.matchAll(pattern)].flatMap(([, url, ref]) => (url === repository && ref ? [ref] : []));
}

/** Patches a copy of the source. @returns the files that it changed @throws E_PATCH, with nothing changed */
export async function patchSource(
  folder: string,
  unit: Pick<Unit, "patches">,
  patches: Readonly<Record<string, Patch>>,
): Promise<string[]> {
  const files = new Map<string, string>();
  const named = unit.patches.flatMap((name) => (patches[name] ? [{ name, patch: patches[name] }] : []));
  for (const { file } of named.flatMap(({ patch }) => patch.edits))
    files.set(file, (await readTextIfAny(join(folder, file))) ?? "");
  let changed: ReadonlyMap<string, string> = files;
  for (const { name, patch } of named) {
    const result = applyPatches(changed, [patch]);
    if (!(result instanceof Map))
      throw wheelsError("E_PATCH", { patch: name, ...result, find: result.find.trim() });
    changed = new Map([...changed, ...result]);
  }
  for (const [file, text] of changed) await writeFile(join(folder, file), text);
  return [...changed.keys()];
}

/** Writes the CPU-only instructions into a copy's pyproject.toml, as comments. */
export async function addTomlComments(folder: string, facts: InstallFacts): Promise<void> {
  const path = join(folder, "pyproject.toml");
  const text = await readTextIfAny(path);
  if (text !== null) await writeFile(path, asTomlComments(facts) + text);
}
