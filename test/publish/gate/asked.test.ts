import { readdirSync } from "node:fs";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { doubtfulDescription } from "../../../src/publish/gate/asked.ts";
import { parseHeaders } from "../../../src/wheel/metadata.ts";
import { proved, pypiserver, tool } from "../../support/publish.ts";
import { exec, removeScratch, scratch, start } from "../../support/run.ts";
import type { Server } from "../../support/server.ts";
import type { TinyWheel } from "../../support/wheel.ts";

const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
afterAll(removeScratch);

const BROKEN = "A title\n===\n\n.. nothing-of-this-name::\n\n   x\n\n`an unclosed text\n";
const GOOD = "A title\n=======\n\nA `link <https://example.org>`_ and *emphasis*.\n";

/** twine's word on the same wheel, as a second opinion. */
const twineTakes = (wheel: string): boolean => exec(tool("twine"), ["check", wheel]).status === 0;

/** Publishes a wheel, which twine and the index must take or refuse alike. @returns what was printed */
async function published(options: TinyWheel, isTaken: boolean): Promise<string> {
  const folder = scratch();
  const index = await pypiserver(folder);
  open.push(index);
  const wheel = proved(folder, options);
  expect(twineTakes(wheel)).toBe(isTaken);
  const ran = await start(["publish", wheel, `--to=${index.url}/`, "--json"], { UV_PUBLISH_TOKEN: "x" })
    .ended;
  expect([ran.status, ran.stderr]).toEqual([isTaken ? 0 : 1, expect.any(String)]);
  expect(ran.stderr).not.toContain("was not asked");
  expect(readdirSync(index.packages)).toHaveLength(isTaken ? 1 : 0);
  return ran.stdout;
}

test.each<[string, string, boolean]>([
  ["broken reStructuredText", `Description-Content-Type: text/x-rst\n\n${BROKEN}`, false],
  ["broken reStructuredText, whose type is left out", `\n${BROKEN}`, false],
  ["good reStructuredText", `Description-Content-Type: text/x-rst\n\n${GOOD}`, true],
  ["the same as Markdown", `Description-Content-Type: text/markdown\n\n${BROKEN}`, true],
  ["the same as plain text", `Description-Content-Type: text/plain; charset=UTF-8\n\n${BROKEN}`, true],
])("%s", async (_name, metadata, renders) => {
  const said = await published({ metadata }, renders);
  if (!renders) expect(said).toMatch(/E_PUBLISH_RULES[\s\S]*does not render[\s\S]*line \d+/);
});

test.each<[string, boolean]>([
  ["MIT OR (Apache-2.0 WITH LLVM-exception)", true],
  ["LicenseRef-Own", true],
  ["mit", true],
  ["MIT OR", false],
  ["Own-1.0", false],
])("License-Expression: %s", async (expression, isTaken) => {
  const said = await published(
    {
      metadata: `License-Expression: ${expression}\n\nText.\n`,
      metadataVersion: "2.4",
    },
    isTaken,
  );
  if (!isTaken) expect(said).toMatch(/E_PUBLISH_RULES[\s\S]*License-Expression/);
});

describe("what is rendered to see", () => {
  test.each<[string, boolean]>([
    ["\nA description.\n", false],
    ["\nTwo lines\nof plain words, no more.\n\nAnd another.\n", false],
    ["\n", false],
    ["Description-Content-Type: text/markdown\n\n# `x\n", false],
    ["\nA list:\n\n- one\n", true],
    ["\n  indented\n", true],
    ["\nTitle\n-----\n", true],
    ["\n*emphasis\n", true],
    ["Description-Content-Type: text/x-rst; charset=UTF-8\n\n|x|\n", true],
  ])("%j: %s", (metadata, isDoubtful) => {
    const document = parseHeaders(`Metadata-Version: 2.1\nName: x\nVersion: 1\n${metadata}`, "METADATA");
    expect(doubtfulDescription(document) !== null).toBe(isDoubtful);
  });
});
