import { describe, expect, test } from "@jest/globals";
import { WheelsError } from "../../src/errors/wheels-error.ts";
import { parseManifest } from "../../src/variants/manifest.ts";
import { parseRecipes } from "../../src/variants/recipes.ts";
import { parsePolicy } from "../../src/verify/policy/policy.ts";

const place = (work: () => unknown): unknown => {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof WheelsError) return thrown.place;
    throw thrown;
  }
  return null;
};

describe.each<[string, (text: string) => unknown]>([
  ["a manifest", (text) => parseManifest(text, "x.yml")],
  ["recipes", (text) => parseRecipes(text, "x.yml")],
  ["a policy", (text) => parsePolicy("x.yml", text)],
])("%s", (_what, parse) => {
  test.each([
    ["a tab as indentation", "version: 1\nkey:\n\tx: 1\n", 3],
    ["an open quote", 'version: 1\nother: "open\n', 3],
    ["a key twice", "version: 1\nversion: 1\n", 2],
    ["a bracket that is never closed", "version: 1\nlist: [a\nmore: b\n", 3],
  ])("points at the line of %s", (_name, text, line) => {
    expect(place(() => parse(text))).toMatchObject({ file: "x.yml", line });
  });
});
