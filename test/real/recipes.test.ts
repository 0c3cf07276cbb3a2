import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { buildNeeds, requirementLines } from "../../src/build/source/source-check.ts";
import { parseManifest, resolveManifest, type Variant } from "../../src/variants/manifest.ts";
import { applyPatches } from "../../src/variants/patches.ts";
import { findRecipe, parseRecipes } from "../../src/variants/recipes.ts";
import { unitsOf } from "../../src/variants/units.ts";
import { removeScratch, root, scratch, wheels } from "../support/run.ts";

/** Every release of vLLM from 0.11 to 0.33 that has an sdist. */
const RELEASES =
  "0.11.0 0.11.1 0.11.2 0.12.0 0.13.0 0.14.0 0.14.1 0.16.0 0.17.0 0.17.1 0.18.0 0.18.1 0.19.0 0.19.1 0.20.0 0.20.1 0.20.2 0.21.0 0.22.0 0.22.1 0.23.0 0.24.0 0.25.0 0.25.1 0.26.0 0.27.0 0.27.1 0.28.0 0.29.0 0.30.0 0.31.0 0.32.0 0.33.0".split(
    " ",
  );

const recipes = parseRecipes(readFileSync(join(root, "recipes.yml"), "utf8"), "recipes.yml");
const variants = [
  ...resolveManifest([
    parseManifest(readFileSync(join(root, "variants.yml"), "utf8"), "variants.yml"),
  ]).values(),
];

/** Says that it is new enough: the source is what is looked at, and nothing is compiled. */
const compiler = join(scratch(), "new-g++");
writeFileSync(
  compiler,
  '#!/bin/sh\ncase "$1" in -dumpfullversion) echo 14.2.0;; --version) echo "g++ 14.2.0";; *) exit 0;; esac\n',
  { mode: 0o755 },
);
const cache = join(root, ".test-cache", "real", "cache");

afterAll(removeScratch);

describe.each(RELEASES)("vLLM %s", (version) => {
  test("is what its recipe says", () => {
    // A folder without torch ends the build right after the source was fetched and checked.
    const args = [
      "build",
      "--variant=vllm-cpu",
      `--vllm-version=${version}`,
      `--torch-index-url=${scratch()}`,
    ];
    const ran = wheels([...args, `--cache-dir=${cache}`, `--output-dir=${scratch()}`, "--json"], {
      env: { CXX: compiler },
    });
    expect((JSON.parse(ran.stdout) as { error: { code: string } }).error.code).toBe("E_TORCH_NOT_FOUND");
  });

  test.each<Variant["architecture"]>(["x86_64", "aarch64"])(
    "takes the patches, and pins the torch, on %s",
    (architecture) => {
      const name =
        readdirSync(join(cache, "sources")).find((file) => file.startsWith(`vllm-${version}-`)) ?? "";
      const text = (file: string): string => readFileSync(join(cache, "sources", name, file), "utf8");
      const found = findRecipe(recipes, "vllm", version, architecture, null);
      if (!found) throw new Error("no recipe");
      const { recipe } = found;
      expect(buildNeeds(requirementLines(text(recipe.requirements ?? "")), architecture, "3.12").torch).toBe(
        recipe.torch,
      );
      const buildable = variants.filter(
        (variant) =>
          variant.architecture === architecture && !(version === "0.11.0" && variant.name.includes("amx")),
      );
      for (const unit of new Set(unitsOf(recipe, buildable).values())) {
        const patches = unit.patches.flatMap((patch) => recipes.patches[patch] ?? []);
        const files = new Map(
          patches.flatMap(({ edits }) => edits.map(({ file }): [string, string] => [file, text(file)])),
        );
        expect(applyPatches(files, patches)).toBeInstanceOf(Map);
      }
    },
  );
});
