import { styleText } from "node:util";
import { placeText } from "../../findings/findings.ts";
import { type Check, isProblem } from "../../verify/verdict/check.ts";
import type { Result } from "../../verify/verdict/result.ts";
import { evidenceLines } from "../evidence.ts";
import { isToldByDetail, toldOf } from "../told.ts";
import { visible } from "../visible.ts";

type Style = Parameters<typeof styleText>[0];

const MARK: Readonly<Record<Check["result"], readonly [string, Style]>> = {
  pass: ["pass", "green"],
  fail: ["FAIL", ["red", "bold"]],
  warn: ["warn", "yellow"],
  "not-run": ["not-run", "gray"],
};

/** Findings, places of each, and lines of evidence that a terminal shows; --json has all of them. */
const MOST_FINDINGS = 12;
const MOST_PLACES = 3;
const MOST_EVIDENCE = 8;

const INDENT = " ".repeat(10);

type Paint = (style: Style, text: string) => string;

/** Findings one by one, each with the places and the requirement that it names. */
function findingLines(check: Check): string[] {
  const told = toldOf(check);
  const lines = told
    .slice(0, MOST_FINDINGS)
    .flatMap(({ message, places, requirement }) => [
      ...(isToldByDetail(told) ? [] : [`- ${visible(message)}`]),
      ...places.slice(0, MOST_PLACES).map((place) => `    ${visible(placeText(place))}`),
      ...(requirement === null ? [] : [`    Requires-Dist: ${visible(requirement)}`]),
    ]);
  const more = told.length - MOST_FINDINGS + (check.omitted ?? 0);
  return more > 0 ? [...lines, `- and ${more} more; --json has all that were kept`] : lines;
}

function unfolded(check: Check, paint: Paint): string[] {
  const found = findingLines(check);
  // Where nothing was told one by one, the evidence itself is the finding.
  const evidence = found.length === 0 ? evidenceLines(check.evidence).slice(0, MOST_EVIDENCE) : [];
  const { before } = check;
  return [
    ...found,
    ...evidence.map((line) => paint("gray", line)),
    ...(before === undefined ? [] : [`the check itself said ${before}; the policy made it ${check.result}`]),
    ...(check.reference ? [`${paint("gray", "rule:")} ${visible(check.reference)}`] : []),
    ...(check.remedy ? [`${paint("gray", "do:  ")} ${paint("bold", visible(check.remedy))}`] : []),
  ].map((line) => INDENT + line);
}

function checkLines(check: Check, paint: Paint): string[] {
  const [word, style] = MARK[check.result];
  const isTold = isProblem(check);
  const count = isTold ? check.findings.length + (check.omitted ?? 0) : 1;
  const detail = count > 1 ? `${count} findings:` : visible(check.detail);
  const line = `  ${paint(style, word.padEnd(7))} ${check.id.padEnd(26)} ${detail}`;
  return [line, ...(isTold ? unfolded(check, paint) : [])];
}

/** What is told of a wheel beside its checks. */
type Noted = Pick<Result, "indexRefuses" | "contents">;

function noteLines(title: string, told: readonly string[], paint: Paint): string[] {
  if (told.length === 0) return [];
  const lines = told.slice(0, MOST_FINDINGS).map((one) => `${INDENT}- ${visible(one)}`);
  return [`  ${paint("cyan", "note".padEnd(7))} ${title}`, ...lines];
}

/** What a maintainer learns better before the upload than by it. */
const indexLines = ({ indexRefuses = [] }: Noted, paint: Paint): string[] =>
  noteLines("an upload index, such as PyPI, would refuse it:", indexRefuses, paint);

const lackLines = ({ contents }: Noted, paint: Paint): string[] =>
  noteLines(
    "it lacks parts of vLLM's own CPU wheel:",
    (contents?.lacks ?? []).map(({ part, effect }) => `${part}: ${effect}`),
    paint,
  );

/**
 * A wheel's checks, a line each, failures and warnings unfolded: what was found where, the rule, the remedy.
 * Texts from the wheel can't move the cursor, colour the terminal or hide.
 * @param colour whether the reader is a terminal that wants colours
 */
export function checksText(title: string, result: Pick<Result, "checks"> & Noted, colour: boolean): string {
  const paint: Paint = (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text);
  return [
    title,
    ...result.checks.flatMap((check) => checkLines(check, paint)),
    ...indexLines(result, paint),
    ...lackLines(result, paint),
  ].join("\n");
}
