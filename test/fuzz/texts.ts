import fc from "fast-check";
import { harmless } from "../../src/faces/action/harmless.ts";
import { askStatic } from "../../src/verify/checks/static-checks.ts";
import { parseHeaders } from "../../src/wheel/metadata.ts";
import { parseRecord } from "../../src/wheel/record.ts";
import { decodeText, demandPlainLines } from "../../src/wheel/strict-text.ts";
import { entryPoints } from "../../src/wheel/wheel-file.ts";
import { factsOf } from "../support/facts.ts";
import { forge, GOOD_INFO, type Lie } from "../support/forge.ts";
import { pythonSees } from "../support/python-readers.ts";
import { equal, refusing, type Target, textOf } from "./property.ts";

type Kind = Parameters<typeof pythonSees>[0];

/** What we take of a text has the same meaning for Python's own readers. */
function asPythonReads(
  kind: Kind,
  file: string,
  words: readonly string[],
  agree: (text: string, theirs: unknown) => void,
): fc.IProperty<unknown> {
  return fc.property(fc.array(textOf(words), { minLength: 100, maxLength: 200 }), (texts) => {
    // Half a surrogate can't be handed to another program.
    const sound = texts.filter((text) => Buffer.from(text).toString() === text);
    const theirs = pythonSees(kind, sound);
    for (const [index, text] of sound.entries()) {
      const taken = refusing(() => {
        const ours = decodeText(Buffer.from(text), file);
        demandPlainLines(ours, file, kind === "metadata");
        return ours;
      });
      if (taken !== null && theirs[index] !== null) refusing(() => agree(taken, theirs[index]));
    }
  });
}

const plain = (value: string): string => value.replace(/\r\n/g, "\n").replace(/^[ \t\n]+|[ \t\n]+$/g, "");

/** What the runner takes away at the beginning of a line: .NET's Char.IsWhiteSpace, which String.TrimStart() goes by. */
const DOTNET_BLANKS = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** The lines that the runner would carry out. Source: actions/runner, ActionCommand.cs and StreamReader.ReadLine. */
const commandsIn = (text: string): string[] =>
  text
    .split(/\r\n|\n|\r/)
    .filter((line) => line.replace(DOTNET_BLANKS, "").startsWith("::") || line.includes("##["));

/** Where a text of a wheel is read, by what surrounds it there. */
const SITES: Readonly<Record<string, (text: string) => Lie>> = {
  description: (text) => ({ metadata: (good) => `${good.split("\n\n")[0]}\n\n${text}\n` }),
  requirement: (text) => ({ headers: [`Requires-Dist: ${text}`] }),
  headers: (text) => ({ headers: [text] }),
  points: (text) => ({ files: { [`${GOOD_INFO}/entry_points.txt`]: text } }),
  RECORD: (text) => ({ record: (good) => `${good}${text}` }),
  WHEEL: (text) => ({ wheel: (good) => `${good}${text}` }),
};

const repeated = fc.record({
  site: fc.constantFrom(...Object.keys(SITES)),
  first: textOf(["x; ", "torch>=", "a @ ", "[console_scripts]", '"', "<!--"]),
  piece: textOf([
    "--index-url=",
    "os_name=='a' or ",
    "a.",
    "[",
    "(",
    "=",
    "1.",
    ",>=1",
    "A: b",
    "<!--",
    "a,b,c",
  ]),
});

/** Bytes of the repeated texts, each four times the one before: one more than the longest takes 16 times as long where it is a square. */
const SIZES = [2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20];
/** CPU seconds from which on a time is no noise. */
const NOTABLE = 1;
/** Times as long for four times as much that is still no square. */
const STEEPEST = 10;

/** Throws where the time that a repeated text takes grows as a square does, or faster. */
function demandSteadyTime({ site, first, piece }: { site: string; first: string; piece: string }): void {
  let before = 0;
  for (const size of SIZES) {
    const { fileName, bytes } = forge(
      SITES[site]?.(first + piece.repeat(Math.ceil(size / Math.max(1, piece.length)))) ?? {},
    );
    const started = process.cpuUsage();
    askStatic({ ...factsOf(fileName, bytes), audits: [] }, null);
    const { user, system } = process.cpuUsage(started);
    const seconds = (user + system) / 1e6;
    if (seconds > NOTABLE && seconds > before * STEEPEST)
      throw new Error(`${size} bytes take ${seconds} s of CPU, a quarter of them ${before} s`);
    before = Math.max(seconds, NOTABLE / STEEPEST);
  }
}

export const TEXTS: readonly Target[] = [
  {
    name: "METADATA: what we take has the headers that Python's e-mail parser sees",
    runs: 5,
    property: asPythonReads(
      "metadata",
      "METADATA",
      ["Name: a", "Requires-Dist: torch==2+cu130", "X-Y:z", " folded", "Requires-Dist: b"],
      (text, theirs) =>
        equal(
          JSON.stringify(text),
          parseHeaders(text, "METADATA").headers.map((one) => [one.name, plain(one.value)]),
          (theirs as [string, string][]).map(([key, value]) => [key, plain(value)]),
        ),
    ),
  },
  {
    name: "RECORD: what we take lists the files that importlib.metadata sees",
    runs: 5,
    property: asPythonReads(
      "record",
      "RECORD",
      ["a.py,sha256=x,1", "b.py,,", '"c,d.py",sha256=y,2'],
      (text, theirs) =>
        equal(
          JSON.stringify(text),
          parseRecord(text).map(({ path }) => path),
          theirs,
        ),
    ),
  },
  {
    name: "entry points: no program that importlib.metadata sees is missed",
    runs: 5,
    property: asPythonReads(
      "points",
      "entry_points.txt",
      ["[console_scripts]", "[other]", "git = a:b", "python3=a:b", "# c", "; d"],
      (text, theirs) => {
        const ours = new Set(entryPoints(text, "console_scripts"));
        const missed = (theirs as [string, string][])
          .filter(([group, point]) => group === "console_scripts" && point !== "")
          .filter(([, point]) => !ours.has(point));
        equal(JSON.stringify(text), [], missed);
      },
    ),
  },
  {
    name: "repeated texts: none takes longer than its length allows",
    runs: 25,
    property: fc.property(repeated, demandSteadyTime),
  },
  {
    name: "runner: no foreign text is a command",
    runs: 2000,
    property: fc.property(
      textOf([
        "::set-output name=a::b",
        "::stop-commands::x",
        ":",
        "##[add-mask]x",
        "##",
        "\u1680",
        "\u3000",
      ]),
      (text) => equal(JSON.stringify(text), [], commandsIn(harmless(text))),
    ),
  },
];
