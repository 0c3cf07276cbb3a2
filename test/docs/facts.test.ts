import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type Measurements, megabytes } from "../../scripts/sizes-page.ts";
import { CATALOGUE } from "../../src/errors/catalogue.ts";
import { ACTIONS } from "../../src/options/actions.ts";
import { COMMANDS } from "../../src/options/commands.ts";
import type { OptionSpecs } from "../../src/options/spec.ts";
import { parseManifest, resolveManifest } from "../../src/variants/manifest.ts";
import { CHECK_IDS } from "../../src/verify/verdict/verdict.ts";
import { documents, readDocument } from "../support/documents.ts";
import { root } from "../support/run.ts";

const GENERATED = ["docs/commands.md", "docs/errors.md", "docs/actions.md"];
const pages = documents().map((path) => ({ path, text: readDocument(path) }));
const written = pages.filter(({ path }) => !GENERATED.includes(path));

/** What a pattern finds in the documents and `known` does not know, as "document: what". */
function unknown(pattern: RegExp, known: (found: string) => boolean, among = pages): string[] {
  return among.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)]
      .map(([whole, found]) => found ?? whole)
      .filter((found) => !known(found))
      .map((found) => `${path}: ${found}`),
  );
}

const optionNames = (options: OptionSpecs): string[] =>
  Object.entries(options).flatMap(([name, spec]) => [
    name,
    ...("aliases" in spec ? (spec.aliases ?? []) : []),
  ]);

test("error codes are in the catalogue", () => {
  expect(unknown(/\bE_[A-Z][A-Z_]+\b/g, (code) => code in CATALOGUE)).toEqual([]);
});

test("check ids are the verdict's", () => {
  const pattern = /`((?:zip|record|name|tags|platform|elf|metadata|isa|runtime)\.[a-z]+(?:-[a-z]+)*)`/g;
  // Keys of the manifest, a key of the verify document, and files have the same shape.
  const others = /^isa\.(may-use|must-use|run-time-dispatch|unnamed-code|files)$|\.ts$/;
  const known = (id: string): boolean => (CHECK_IDS as readonly string[]).includes(id) || others.test(id);
  expect(unknown(pattern, known)).toEqual([]);
});

describe("options", () => {
  const PROGRAM =
    /(?:vllm-cpu-wheels|node dist\/cli\/index\.js) ([a-z]+)([^`\n]*)|(\.\/(?:build_wheels|test_and_publish)\.sh)([^`\n]*)/g;

  test("that a document gives to a command are that command's", () => {
    const wrong: string[] = [];
    for (const { path, text } of pages)
      for (const [whole, name, rest, , more] of text.replaceAll("\\\n", " ").matchAll(PROGRAM)) {
        const command = Object.entries(COMMANDS).find(([one]) => one === (name ?? "run"))?.[1];
        if (!command) continue;
        const given = [...((rest ?? more ?? "").split(/[#|;&]/)[0]?.matchAll(/ --([a-z][a-z-]*)/g) ?? [])];
        for (const [, option = ""] of given)
          if (!optionNames(command.options).includes(option)) wrong.push(`${path}: ${whole}`);
      }
    expect(wrong).toEqual([]);
  });

  test("that stand alone are some command's, or another program's", () => {
    const ours = new Set(Object.values(COMMANDS).flatMap(({ options }) => optionNames(options)));
    const foreign = [
      "allow-net",
      "break-system-packages",
      "extra-index-url",
      "fix",
      "force-reinstall",
      "index-strategy",
      "index-url",
      "no-cache",
      "no-deps",
      "system-site-packages",
      "torch-backend",
      "local-repository",
      "use-system-ca",
      "trusted-publishing",
      "version",
    ];
    const known = (name: string): boolean => ours.has(name) || foreign.includes(name);
    expect(unknown(/`--([a-z][a-z-]*)[^`\n]*`/g, known, written)).toEqual([]);
  });
});

test("the guide's choice of a variant is the manifest's", () => {
  const variants = resolveManifest([
    parseManifest(readFileSync(join(root, "variants.yml"), "utf8"), "variants.yml"),
  ]);
  const choices = [...readDocument("PYTORCH_CPU_DEPENDENCY.md").matchAll(/\b([a-z0-9_]+):(vllm-cpu[\w-]*)/g)];
  const known = [...variants.values()].filter(({ architecture }) => architecture === "x86_64");
  expect(choices.map(([, , name]) => name)).toEqual(known.map(({ name }) => name).reverse());
  for (const [, feature = "", name = ""] of choices)
    expect(variants.get(name)?.isa.mustUse).toContain(feature);
});

test("npm scripts are there", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
  expect(unknown(/npm run ([\w:-]+)/g, (name) => name in scripts)).toEqual([]);
});

test("actions are there", () => {
  const known = (name: string): boolean => name in ACTIONS;
  expect(unknown(/org\/vllm-cpu-actions\/([a-z-]+)@/g, known)).toEqual([]);
});

test("files of this project are there", () => {
  const pattern = /`((?:src|test|scripts|docs|schemas|bench|actions|\.github)\/[\w./-]+\.\w+)`/g;
  expect(unknown(pattern, (path) => existsSync(join(root, path)), written)).toEqual([]);
});

describe("sizes", () => {
  const file = join(root, "docs", "measurements-sizes.json");
  const measured = JSON.parse(readFileSync(file, "utf8")) as Measurements;

  test("are on the page as they were measured", () => {
    const page = readDocument("docs/measurements-sizes.md");
    const rows = [...page.matchAll(/^\| ([^|]+) \| (\d+) \| (\d+) \| ([\d,]+) MB \| ([\d,]+) MB \|$/gm)].map(
      ([, what, ...cells]) => [what, ...cells.map((cell) => Number(cell.replaceAll(",", "")))],
    );
    const expected = measured.installs.map(({ what, packages, gpu, download, unpacked }) => [
      what,
      packages,
      gpu,
      ...[download, unpacked].map((bytes) => Number((bytes / 1e6).toFixed(0))),
    ]);
    expect(rows).toEqual(expected);
    const [cpu, plain, vllm, vllmPlain] = measured.installs.map(({ download }) => download);
    const shares = [...page.matchAll(/(\d+) %/g)].map(([, share]) => Number(share));
    const saved = (small = 0, large = 0): number => Math.round(((large - small) / large) * 100);
    expect(shares).toEqual([saved(cpu, plain), saved(vllm, vllmPlain)]);
    expect(page).toContain(measured.date);
  });

  test("in the README and the guide are measured ones", () => {
    const known = new Set(
      measured.installs.flatMap(({ download, unpacked }) => [download, unpacked].map(megabytes)),
    );
    const pages = readDocument("docs/measurements.md") + readDocument("docs/measurements-engine.md");
    const short = written.filter(({ path }) => ["README.md", "PYTORCH_CPU_DEPENDENCY.md"].includes(path));
    // What stands in a block is compared with what is printed; prose is what is checked here.
    const prose = short.map(({ path, text }) => ({ path, text: text.replace(/^```[\s\S]*?^```/gm, "") }));
    const isMeasured = (size: string): boolean => known.has(size) || pages.includes(size);
    expect(unknown(/\d[\d,.]*\s(?:[KMG]i?B)\b/g, isMeasured, prose)).toEqual([]);
  });
});
