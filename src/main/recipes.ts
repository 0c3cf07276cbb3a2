import { basename } from "node:path";
import { readText } from "../host/files.ts";
import { recipesPath } from "../host/resources.ts";
import { parseRecipes, type Recipes } from "../variants/recipes.ts";

/** The recipes that this product comes with. @throws E_RECIPES */
export async function loadRecipes(): Promise<Recipes> {
  const path = recipesPath();
  return parseRecipes(await readText(path), basename(path));
}
