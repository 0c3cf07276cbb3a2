import { basename } from "node:path";
import { readText } from "../host/files.ts";
import { recipesPath } from "../host/resources.ts";
import { findRecipe, parseRecipes, type Recipes } from "../variants/recipes.ts";
import type { NewestVllm } from "./doctor.ts";
import { machineArchitecture } from "./preflight.ts";

/** The recipes that this product comes with. @throws E_RECIPES */
export async function loadRecipes(): Promise<Recipes> {
  const path = recipesPath();
  return parseRecipes(await readText(path), basename(path));
}

/** The newest release that a recipe covers, as it is built on this machine. @throws E_RECIPES */
export async function newestVllm(): Promise<NewestVllm> {
  const recipes = await loadRecipes();
  const { project, version } = recipes.newest;
  const architecture = machineArchitecture() === "aarch64" ? "aarch64" : "x86_64";
  const found = findRecipe(recipes, project, version, architecture, null);
  return { version, compilers: found?.recipe.compilers ?? null };
}
