import { expect, test } from "@jest/globals";
import { landingOf } from "../../src/wheel/landing.ts";
import { factsOf } from "../support/facts.ts";
import { forge } from "../support/forge.ts";

const FOUND: [string, string][] = [
  ["other/__init__.py", "other"],
  ["other.py", "other"],
  ["other/__init__.pyc", "other"],
  ["other/__init__.cpython-311-x86_64-linux-gnu.so", "other"],
  ["other.abi3.so", "other"],
  ["\u00e9t\u00e9.py", "\u00e9t\u00e9"],
  ["good-1.0.data/purelib/other/__init__.py", "other"],
  ["good-1.0.data/platlib/other.so", "other"],
  ["good-1.0.data/data/lib/python3.11/site-packages/other/__init__.py", "other"],
];

test.each(FOUND)("%s is a package that import finds", (name, found) => {
  const { fileName, bytes } = forge({ files: { [name]: "" } });
  expect(factsOf(fileName, bytes).packages).toEqual(["good", found].sort());
});

test.each([
  "other/x.py",
  "other-x.py",
  "other.txt",
  "good-1.0.data/scripts/other.py",
  "good-1.0.data/data/other.py",
  "good-1.0.data/headers/other.py",
])("%s is none", (name) => {
  const { fileName, bytes } = forge({ files: { [name]: "" } });
  expect(factsOf(fileName, bytes).packages).toEqual(["good"]);
});

test("what lands in one place by two ways has one landing", () => {
  const places = ["good-1.0.data/scripts/x", "good-1.0.data/data/bin/x"].map(landingOf);
  expect(places).toEqual([
    { place: "programs", path: "x", by: "scripts" },
    { place: "programs", path: "x", by: "data" },
  ]);
});
