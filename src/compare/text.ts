import { styleText } from "node:util";
import { formatBytes } from "../host/units.ts";
import { table } from "../report/text/tables.ts";
import { visible } from "../report/visible.ts";
import { letterOf } from "./answer.ts";
import type { Comparison } from "./document.ts";

const MOST_FOLDERS = 12;
const MOST_NAMES = 15;
const MOST_CHARACTERS = 140;

const short = (text: string): string => visible(text, MOST_CHARACTERS);

/** Which code each wheel has of a library: equal letters are equal code. */
function codeMarks(codes: readonly (string | null)[]): string[] {
  const known = [...new Set(codes.filter((code) => code !== null))];
  return codes.map((code) => (code === null ? "-" : `code ${known.indexOf(code) + 1}`));
}

function libraryTable({ wheels, libraries }: Comparison): string {
  return table([
    ["library", ...wheels.map((_wheel, index) => letterOf(index)), ""],
    ...libraries.map(({ path, codeSha256, equal, movedFrom }) => [
      short(path),
      ...codeMarks(codeSha256),
      equal ? "equal" : movedFrom === undefined ? "differs" : `equal to ${short(movedFrom)}`,
    ]),
  ]);
}

function isaTable({ wheels, isa }: Comparison): string {
  const differing = Object.entries(isa).filter(([, counts]) => counts.some((one) => one !== counts[0]));
  if (differing.length === 0) return "Every feature has the same number of instructions in all.";
  return table([
    ["feature (instructions)", ...wheels.map((_wheel, index) => letterOf(index))],
    ...differing.map(([feature, counts]) => [
      short(feature),
      ...counts.map((one) => one.toLocaleString("en")),
    ]),
  ]);
}

function folderTable({ wheels, folders }: Comparison): string {
  const more = folders.length - MOST_FOLDERS;
  const rows = table([
    ["folder (compressed)", ...wheels.map((_wheel, index) => letterOf(index))],
    ...folders
      .slice(0, MOST_FOLDERS)
      .map(({ path, packed }) => [
        short(path === "" ? "(top)" : `${path}/`),
        ...packed.map((bytes) => (bytes === null ? "-" : formatBytes(bytes))),
      ]),
  ]);
  return more > 0 ? `${rows}\nand ${more} smaller ones` : rows;
}

const lettersOf = (wheels: readonly number[]): string => wheels.map(letterOf).join(" ");

function list(lines: readonly string[], nothing: string): string {
  const more = lines.length - MOST_NAMES;
  if (lines.length === 0) return `  ${nothing}`;
  return [
    ...lines.slice(0, MOST_NAMES).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more; --json has them`] : []),
  ].join("\n");
}

/** A comparison for people: the answer first, then what it rests on. */
export function comparisonText(comparison: Comparison, colour: boolean): string {
  const bold = (text: string): string => (colour ? styleText("bold", text, { validateStream: false }) : text);
  const { answer, wheels, metadata, files } = comparison;
  return [
    bold("Is each variant worth its own wheel?"),
    answer,
    "",
    bold("Wheels"),
    ...wheels.map(
      ({ wheel, size, variant, claimed }, index) =>
        `  ${letterOf(index)}  ${short(wheel)}  ${formatBytes(size)}${variant ? `, ${variant} promises ${claimed.join(", ") || "nothing"}` : ""}`,
    ),
    "",
    bold("Machine code"),
    libraryTable(comparison),
    "",
    isaTable(comparison),
    "",
    bold("Sizes"),
    folderTable(comparison),
    "",
    bold("METADATA lines that not every wheel has"),
    list(
      metadata.map(
        ({ header, value, wheels: having }) => `${lettersOf(having)}: ${short(`${header}: ${value}`)}`,
      ),
      "none",
    ),
    "",
    bold(`Other files: ${files.equal.toLocaleString("en")} equal, these not`),
    list(
      [
        ...files.different.map((path) => `differs: ${short(path)}`),
        ...files.notInAll.map(({ path, wheels: having }) => `only in ${lettersOf(having)}: ${short(path)}`),
      ],
      "none",
    ),
  ].join("\n");
}
