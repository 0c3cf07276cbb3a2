import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { type Edge, mermaidOf, withMap } from "../../scripts/map.ts";
import { root } from "../support/run.ts";

const edge = (text: string): Edge => {
  const [from = "", to = ""] = text.split(" ");
  return { from, to };
};

const layers = { all: ["a", "b", "c"] };

const document = (): string => readFileSync(join(root, "CONTRIBUTING.md"), "utf8");

/** The arrows of the map that is committed: `from to`. */
const drawn = (): string[] =>
  [...document().matchAll(/^ {2}(\w+) -\.?->? (\w+)$|^ {2}(\w+) --> (\w+)$/gm)].map(
    ([, from, to]) => `${from} ${to}`,
  );

/** Who imports whom by the text of the files alone: what dependency-cruiser says is not asked. */
function written(): string[] {
  const found = new Set<string>();
  const src = join(root, "src");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => /(?<!\.d)\.ts$/.test(name))) {
    const text = readFileSync(join(src, file), "utf8");
    for (const [, path = ""] of text.matchAll(/(?:\bfrom|\bimport\() ?"(\.[^"]+\.ts)"/g)) {
      const [from = "", to = ""] = [file, join(dirname(file), path)].map((name) => name.split("/")[0]);
      if (from !== to) found.add(`${from} ${to}`);
    }
  }
  return [...found].sort();
}

test("an arrow that a chain of others implies is dotted", () => {
  const lines = mermaidOf(["a b", "a c", "c b"].map(edge), layers).split("\n");
  expect(lines).toContain("  a -.-> b");
  expect(lines).toContain("  a --> c");
  expect(lines).toContain("  c --> b");
});

test("folders that import each other keep a solid way to all that they import", () => {
  const lines = mermaidOf(["a b", "a c", "b a", "b c"].map(edge), layers).split("\n");
  expect(lines.filter((line) => line.endsWith("--> c"))).toHaveLength(1);
  expect(lines).toContain("  a --> b");
  expect(lines).toContain("  b --> a");
});

test("a folder that no layer has is refused", () => {
  expect(() => mermaidOf([edge("a d")], layers)).toThrow("src/d is in no layer");
});

test("the map goes between its marks, and nowhere else", () => {
  const text = document();
  const changed = withMap(text, "MAP");
  expect(changed.match(/MAP/g)).toHaveLength(1);
  const rest = (whole: string): string =>
    whole.replace(/(?<=<!-- map: [^\n]*\n)[\s\S]*?(?=\n<!-- end of map)/, "");
  expect(rest(changed)).toBe(rest(text));
  expect(() => withMap("no marks", "MAP")).toThrow("before");
});

test("the committed map has the imports that are written in the files", () => {
  expect(drawn()).toEqual(written());
});

test("no arrow points up: every import is of the same layer or one below", () => {
  const ranks = [
    ["faces"],
    ["jobs", "options"],
    ["build", "compare", "publish", "report", "torch", "verify"],
    ["elf", "findings", "variants", "wheel"],
    ["host"],
    ["errors"],
  ];
  const rank = (folder = ""): number => ranks.findIndex((layer) => layer.includes(folder));
  const up = written().filter((pair) => {
    const [from, to] = pair.split(" ");
    return rank(from) < 0 || rank(to) < rank(from);
  });
  expect(up).toEqual([]);
  // Below the use cases nothing knows the world, and the world knows no use case.
  expect(written().filter((pair) => /^(elf|variants|wheel) host$/.test(pair))).toEqual([]);
});
