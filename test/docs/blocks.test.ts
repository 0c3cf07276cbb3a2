import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ACTIONS } from "../../src/options/actions.ts";
import { blocksOf, documents, parseDirective, shows } from "../support/documents.ts";
import { tool } from "../support/publish.ts";
import { exec } from "../support/run.ts";

const blocks = documents().flatMap(blocksOf);

test("every block is run, compared, or says why it can't be", () => {
  expect(blocks.length).toBeGreaterThan(10);
  const bare = blocks.filter(({ directive }) => directive === null);
  expect(bare.map(({ document, line }) => `${document}:${line}`)).toEqual([]);
});

test("an output follows the block that printed it", () => {
  const loose = blocks.filter(({ directive, document }, at) => {
    const before = blocks[at - 1];
    return (
      directive?.kind === "output" &&
      (before?.document !== document || !["run", "output"].includes(before.directive?.kind ?? ""))
    );
  });
  expect(loose.map(({ document, line }) => `${document}:${line}`)).toEqual([]);
});

describe("workflows to copy", () => {
  const workflows = blocks.filter(({ directive }) => directive?.kind === "workflow");

  test("give our actions inputs that they have", () => {
    const unknown: string[] = [];
    for (const { document, line, text } of workflows)
      for (const [whole, name = ""] of text.matchAll(
        /uses: org\/vllm-cpu-actions(?:\/([\w-]+))?@\S+\n(?:.*\n)*?(?= *- |\n|$)/g,
      )) {
        const known = Object.entries(ACTIONS).find(([action]) => action === name)?.[1];
        const [, given = ""] = /with:\n((?: {8,}.*\n?)*)/.exec(whole) ?? [];
        const inputs = [...given.matchAll(/^ +([\w-]+):/gm)].map(([, input = ""]) => input);
        const all = known
          ? Object.keys(known.inputs)
          : Object.values(ACTIONS).flatMap((one) => Object.keys(one.inputs));
        if (name !== "" && !known) unknown.push(`${document}:${line} ${name}`);
        for (const input of inputs)
          if (!all.includes(input) && input !== "publish-to")
            unknown.push(`${document}:${line} ${name} ${input}`);
      }
    expect(unknown).toEqual([]);
  });

  test("pass actionlint", () => {
    const folder = mkdtempSync(join(tmpdir(), "vcw-workflows-"));
    for (const { document, line, text } of workflows) {
      const name = `${document.replaceAll("/", "-")}-${line}.yml`;
      writeFileSync(join(folder, name), /^on:/m.test(text) ? text : `on: push\n${text}`);
      const ran = exec(tool("actionlint"), [
        "-color=false",
        "-shellcheck=",
        "-pyflakes=",
        join(folder, name),
      ]);
      const said = ran.stdout.replace(
        /^.*label "(avx512\w*|amxbf16)" is unknown[\s\S]*?\n(?=\S*\.yml|$)/gm,
        "",
      );
      expect(/\.yml:\d/.test(said) ? said : "").toBe("");
    }
    expect(workflows.length).toBeGreaterThan(1);
  });
});

describe("the grammar", () => {
  test("takes what it knows", () => {
    expect(parseDirective('<!-- test: run in=user exit=1 has="torch 2" -->')).toEqual({
      kind: "run",
      place: "user",
      exit: 1,
      dry: false,
      has: ["torch 2"],
    });
    expect(parseDirective("<!-- test: file a/b.toml in=user -->")).toEqual({
      kind: "file",
      path: "a/b.toml",
      place: "user",
    });
  });

  test.each(["<!-- test: skip -->", "<!-- test: ran -->", "<!-- test: run inn=user -->", "<!-- run -->", ""])(
    "refuses %s",
    (comment) => expect(parseDirective(comment)).toBeNull(),
  );

  test("compares outputs line by line", () => {
    expect(shows("before\na 12 b\nx\ny\nend\nafter\n", "a … b\n…\nend\n")).toBe(true);
    expect(shows("a 12 b\nend\n", "a … c\nend\n")).toBe(false);
    expect(shows("a 12 b\nmore\nend\n", "a … b\nend\n")).toBe(false);
  });

  test("lets figures differ where it is told to, and nothing else", () => {
    const promised = "x  1.5 KiB  2 s    avx2:3  proven (kernels)\n";
    const printed = "x  12.5 KiB  1 min 2 s  avx2:30  proven, not run (lacks amx_tile)\n";
    expect(shows(printed, promised, true)).toBe(true);
    expect(shows(printed, promised)).toBe(false);
    expect(shows(printed.replace("avx2", "avx512f"), promised, true)).toBe(false);
    expect(shows(printed.replace("proven", "FAILED"), promised, true)).toBe(false);
  });
});
