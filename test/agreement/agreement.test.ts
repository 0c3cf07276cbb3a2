import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { removeScratch, root } from "../support/run.ts";
import { type Asked, askAll, READERS } from "./ask.ts";
import { CASES } from "./cases.ts";
import { agreementPage, closingTable, unexplained } from "./page.ts";

let asked: Asked[];

beforeAll(() => {
  asked = askAll();
}, 600_000);

afterAll(() => {
  process.stdout.write(`${closingTable(asked)}\n`);
  removeScratch();
});

test("every reader takes the plain wheel, and refuses some of the others", () => {
  const plain = asked.find(({ key }) => key === "archive: the plain wheel");
  expect(plain).toMatchObject({
    refused: [],
    said: Object.fromEntries(READERS.map((reader) => [reader, null])),
  });
  for (const reader of READERS)
    expect(asked.filter(({ said }) => said[reader] !== null).length).toBeGreaterThan(10);
  expect(asked).toHaveLength(CASES.length);
});

test("where a reader and we differ, the list says why, and the list has nothing that is not so", () => {
  expect(unexplained(asked)).toEqual([]);
});

test("docs/agreement.md is what was answered", () => {
  expect(readFileSync(join(root, "docs", "agreement.md"), "utf8")).toBe(agreementPage(asked));
});
