import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { importsOf } from "../../scripts/map.ts";
import { CATALOGUE } from "../../src/errors/catalogue.ts";
import { CHECK_IDS } from "../../src/verify/verdict/verdict.ts";
import { exec, root } from "../support/run.ts";

const DOCUMENTS = [
  "CONTRIBUTING.md",
  "docs/migration.md",
  "docs/recipes.md",
  "docs/runbooks.md",
  "docs/threat-model.md",
  "docs/verdict.md",
];

const text = (name: string): string => readFileSync(join(root, name), "utf8");

const tracked = new Set(
  exec("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).stdout.split("\0"),
);
const isThere = (path: string): boolean => tracked.has(path) || existsSync(join(root, path));

/** What stands in backticks, code blocks left out. */
const quoted = (document: string): string[] =>
  [...document.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, word = ""]) => word);

/** Prefixes of check ids; `runtime.` and the like in a quoted word make it one. */
const FAMILIES = new Set(CHECK_IDS.map((id) => id.split(".")[0]));
const isFile = (word: string): boolean => /\.(ts|mjs|cjs|js|py|yml|json|md|sh)$/.test(word);

/** GitHub's anchor of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");

describe.each(DOCUMENTS)("%s", (name) => {
  const document = text(name);
  const words = quoted(document);

  test("names errors that exist", () => {
    const codes = document.match(/\bE_[A-Z][A-Z0-9_]+\b/g) ?? [];
    expect(codes.filter((code) => !Object.hasOwn(CATALOGUE, code))).toEqual([]);
  });

  test("names checks that exist", () => {
    const ids = words.filter(
      (word) => /^[a-z]+\.[a-z-]+$/.test(word) && !isFile(word) && FAMILIES.has(word.split(".")[0] ?? ""),
    );
    const others = new Set(["isa.run-time-dispatch"]);
    const known: readonly string[] = CHECK_IDS;
    expect(ids.filter((id) => !known.includes(id) && !others.has(id))).toEqual([]);
  });

  test("names files of the project that are there", () => {
    const files = words.filter(
      (word) => /^(src|scripts|test|docs|schemas|bench|actions|\.github)\//.test(word) && isFile(word),
    );
    expect(files.filter((path) => !isThere(path))).toEqual([]);
  });

  test("links to what is there", () => {
    const links = [...document.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const broken = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = "", at] = link.split("#");
      const target = path === "" ? name : join(dirname(name), path);
      if (!isThere(target)) return true;
      const headings = at === undefined ? [] : (text(target).match(/^#+ .*$/gm) ?? []);
      return at !== undefined && !headings.some((heading) => anchor(heading.replace(/^#+ /, "")) === at);
    });
    expect(broken).toEqual([]);
  });
});

test("the walk through a build names files that a build loads", () => {
  const imports = new Map(
    importsOf(root).map(({ source, dependencies }) => [source, dependencies.map(({ resolved }) => resolved)]),
  );
  const loaded = new Set<string>();
  const next = [
    "src/faces/cli/cli.ts",
    "src/faces/action/entries/build-variant.ts",
    "src/verify/facts/audit-worker.ts",
  ];
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    if (loaded.has(file)) continue;
    loaded.add(file);
    next.push(...(imports.get(file) ?? []));
  }
  const [walk = ""] = /## One build, by file[\s\S]*?(?=^## )/m.exec(text("CONTRIBUTING.md")) ?? [];
  const named = quoted(walk).filter((word) => word.startsWith("src/") && isFile(word));
  expect(named.length).toBeGreaterThan(40);
  // Python is not imported: what runs it names it.
  const runs = [...loaded]
    .filter((file) => file.startsWith("src/"))
    .map(text)
    .join("\n");
  const isLoaded = (path: string): boolean =>
    path.endsWith(".py") ? runs.includes(`"${path.split("/").at(-1)}"`) : loaded.has(path);
  expect(named.filter((path) => !isLoaded(path))).toEqual([]);
});

test.each(["docs/threat-model.md", "docs/verdict.md"])("%s names every check", (name) => {
  const words = quoted(text(name));
  expect(CHECK_IDS.filter((id) => !words.includes(id))).toEqual([]);
});

test("the verdict's page has each field of the schema", () => {
  const words = quoted(text("docs/verdict.md"));
  const schema = JSON.parse(text("schemas/verdict.schema.json")) as {
    properties: {
      predicate: {
        properties: Record<string, unknown> & {
          checks: { items: { properties: object } };
          isa: { properties: { files: { items: { properties: object } } } };
        };
      };
    };
  };
  const { properties } = schema.properties.predicate;
  const fields = [
    ...Object.keys(properties),
    ...Object.keys(properties.checks.items.properties),
    ...Object.keys(properties.isa.properties.files.items.properties),
  ];
  const missing = fields.filter(
    (field) => !words.some((word) => word === field || word.startsWith(`${field}.`)),
  );
  expect(missing).toEqual([]);
});
