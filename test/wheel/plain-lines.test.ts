import { afterAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseHeaders } from "../../src/wheel/metadata.ts";
import { parseRecord } from "../../src/wheel/record.ts";
import { demandPlainLines } from "../../src/wheel/strict-text.ts";
import { entryPoints } from "../../src/wheel/wheel-file.ts";
import { exec, removeScratch } from "../support/run.ts";

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

/** What Python's own readers see in each text, as installers use them. */
function python(kind: "metadata" | "points" | "record", all: readonly string[]): unknown[] {
  const program = `import email.parser, importlib.metadata, json, sys
class One(importlib.metadata.Distribution):
    def __init__(self, text): self.text = text
    def read_text(self, name): return self.text if name in ("entry_points.txt", "RECORD") else None
    def locate_file(self, path): return path
def metadata(text):
    message = email.parser.Parser().parsestr(text)
    return [[k, v] for k, v in message.items()]
def points(text):
    return [[p.group, p.name] for p in One(text).entry_points]
def record(text):
    return [str(p) for p in One(text).files]
kind, texts = json.load(sys.stdin)
answers = []
for text in texts:
    try: answers.append(globals()[kind](text))
    except Exception as error: answers.append(None)
json.dump(answers, sys.stdout)`;
  const ran = exec("python3", ["-I", "-c", program], { input: JSON.stringify([kind, all]) });
  expect(ran.stderr).toBe("");
  return JSON.parse(ran.stdout) as unknown[];
}

/** What we read where we take a text at all; undefined where we refuse it. */
function ours<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

test("METADATA that we take has the headers that Python's e-mail parser sees", () => {
  const all = texts(HEADERS);
  const theirs = python("metadata", all);
  let taken = 0;
  for (const [index, text] of all.entries()) {
    const seen = ours(() => {
      demandPlainLines(text, "METADATA", true);
      return parseHeaders(text, "METADATA").headers;
    });
    if (seen === undefined) continue;
    taken++;
    const plain = (value: string): string => value.replace(/\r\n/g, "\n").replace(/^[ \t\n]+|[ \t\n]+$/g, "");
    expect([text, seen.map(({ name, value }) => [name, plain(value)])]).toEqual([
      text,
      (theirs[index] as [string, string][]).map(([name, value]) => [name, plain(value)]),
    ]);
  }
  expect(taken).toBeGreaterThan(100);
});

test("entry points that we take are those that importlib.metadata sees", () => {
  const all = texts(POINTS);
  const theirs = python("points", all);
  let taken = 0;
  for (const [index, text] of all.entries()) {
    const seen = ours(() => {
      demandPlainLines(text, "entry_points.txt", false);
      return entryPoints(text, "console_scripts");
    });
    const points = theirs[index] as [string, string][] | null;
    if (seen === undefined || points === null) continue;
    taken++;
    const programs = points
      .filter(([group]) => group === "console_scripts")
      .flatMap(([, name]) => name || []);
    // More than Python sees is no harm: each is judged.
    expect([text, seen]).toEqual([text, expect.arrayContaining(programs)]);
  }
  expect(taken).toBeGreaterThan(100);
});

test("RECORD that we take lists the files that importlib.metadata sees", () => {
  const all = texts(LINES);
  const theirs = python("record", all);
  let taken = 0;
  for (const [index, text] of all.entries()) {
    const seen = ours(() => {
      demandPlainLines(text, "RECORD", false);
      return parseRecord(text).map(({ path }) => path);
    });
    const files = theirs[index] as string[] | null;
    if (seen === undefined || files === null) continue;
    taken++;
    expect([text, seen]).toEqual([text, files]);
  }
  expect(taken).toBeGreaterThan(100);
});
