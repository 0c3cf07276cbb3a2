import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { type Edge, importEdges, mermaidOf, withMap } from "../../scripts/map.ts";
import { root } from "../support/run.ts";

const edge = (text: string): Edge => {
  const [from = "", to = ""] = text.split(" ");
  return { from, to };
};

test("an arrow that a chain of others implies is dotted", () => {
  const lines = mermaidOf(["main host", "main torch", "torch host"].map(edge)).split("\n");
  expect(lines).toContain("  main -.-> host");
  expect(lines).toContain("  main --> torch");
  expect(lines).toContain("  torch --> host");
});

test("the map goes between its marks, and nowhere else", () => {
  const text = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const changed = withMap(text, "MAP");
  expect(changed.match(/MAP/g)).toHaveLength(1);
  expect(withMap(changed, mermaidOf(importEdges(root)))).toBe(text);
  expect(() => withMap("no marks", "MAP")).toThrow("before");
});

test("what the code imports is on the map, and the layers hold", () => {
  const edges = importEdges(root).map(({ from, to }) => `${from} ${to}`);
  expect(edges).toEqual(
    expect.arrayContaining(["main build", "build torch", "publish verify", "torch host"]),
  );
  for (const forbidden of ["host build", "wheel host", "build publish", "verify main", "elf host"])
    expect(edges).not.toContain(forbidden);
});
