import { expect, test } from "@jest/globals";
import { releaseText } from "../../src/report/text/release-text.ts";
import { spentText } from "../../src/report/text/tables.ts";

test("the closing line counts verifying and publishing, and gives the total", () => {
  expect(spentText({ building: 61, verifying: 122.4, publishing: 4.6, total: 188 })).toBe(
    "Total 3 min 08 s: building 1 min 01 s, verifying 2 min 02 s, publishing 4.6 s",
  );
  expect(spentText({ building: 0, verifying: 3, publishing: 0, total: 3.2 })).toBe(
    "Total 3.2 s: verifying 3.0 s",
  );
});

test("a release ends with it, and the column of the table is named for what it holds", () => {
  const seconds = { building: 61, verifying: 127, publishing: 0, total: 188 };
  const text = releaseText({ built: [], results: [], published: null, trace: null, seconds }, false);
  expect(text).toContain("Total 3 min 08 s");
  expect(text).toMatch(/size +build +ISA found/);
});
