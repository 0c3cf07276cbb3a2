import { afterAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseHeaders } from "../../src/wheel/metadata.ts";
import { parseRecord } from "../../src/wheel/record.ts";
import { demandPlainLines } from "../../src/wheel/strict-text.ts";
import { entryPoints } from "../../src/wheel/wheel-file.ts";
import { pythonSees } from "../support/python-readers.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

/** Pieces of which readers could make different lines. */
const PIECES = [
  ..."\u2028 \u2029 \u0085 \v \f \x1c \x1d \x1e \r \ufeff \u00a0 \u200b".split(" "),
  ...["\n", "\r\n", "\n\n", "\t", " ", "é", "x", ",", "="],
];
const HEADERS = ["Name: a", "Requires-Dist: b", "Requires-Dist: torch==2+cu130", "X-Y:z", " folded"];
const POINTS = ["[console_scripts]", "[other]", "git = a:b", "python3=a:b", "# c", "; d"];
const LINES = ["a.py,sha256=x,1", "b.py,,", '"c,d.py",sha256=y,2'];

const texts = (words: readonly string[]): string[] =>
  fc.sample(
    fc
      .array(
        fc.oneof(fc.constantFrom(...words), fc.constantFrom(...words, "\n"), fc.constantFrom(...PIECES)),
        {
          maxLength: 14,
        },
      )
      .map((parts) => parts.join("")),
    { numRuns: 3000, seed: 7 },
  );

/** Each text that we take at all, with what we and Python see in it. */
function taken<Ours>(
  kind: Parameters<typeof pythonSees>[0],
  words: readonly string[],
  file: string,
  read: (text: string) => Ours,
): { text: string; ours: Ours; theirs: unknown }[] {
  const all = texts(words);
  const theirs = pythonSees(kind, all);
  return all.flatMap((text, index) => {
    try {
      demandPlainLines(text, file, kind === "metadata");
      return [{ text, ours: read(text), theirs: theirs[index] }];
    } catch {
      return [];
    }
  });
}

test("METADATA that we take has the headers that Python's e-mail parser sees", () => {
  const plain = (value: string): string => value.replace(/\r\n/g, "\n").replace(/^[ \t\n]+|[ \t\n]+$/g, "");
  const all = taken("metadata", HEADERS, "METADATA", (text) => parseHeaders(text, "METADATA").headers);
  for (const { text, ours, theirs } of all)
    expect([text, ours.map(({ name, value }) => [name, plain(value)])]).toEqual([
      text,
      (theirs as [string, string][]).map(([name, value]) => [name, plain(value)]),
    ]);
  expect(all.length).toBeGreaterThan(100);
});

test("entry points that we take are those that importlib.metadata sees", () => {
  const all = taken("points", POINTS, "entry_points.txt", (text) => entryPoints(text, "console_scripts"));
  // What Python itself refuses makes no program.
  const read = all.filter(({ theirs }) => theirs !== null);
  for (const { text, ours, theirs } of read) {
    const programs = (theirs as [string, string][])
      .filter(([group]) => group === "console_scripts")
      .flatMap(([, name]) => name || []);
    // More than Python sees is no harm: each is judged.
    expect([text, ours]).toEqual([text, expect.arrayContaining(programs)]);
  }
  expect(read.length).toBeGreaterThan(100);
});

test("RECORD that we take lists the files that importlib.metadata sees", () => {
  const all = taken("record", LINES, "RECORD", (text) => parseRecord(text).map(({ path }) => path));
  const read = all.filter(({ theirs }) => theirs !== null);
  for (const { text, ours, theirs } of read) expect([text, ours]).toEqual([text, theirs]);
  expect(read.length).toBeGreaterThan(100);
});
