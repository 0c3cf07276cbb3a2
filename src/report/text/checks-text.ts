import { styleText } from "node:util";
import type { Result } from "../../verify/verdict/result.ts";
import type { Check } from "../../verify/verdict/verdict.ts";
import { evidenceLines } from "../evidence.ts";
import { findingsOf } from "../findings.ts";
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

function unfolded(check: Check, isa: Result["isa"], paint: Paint): string[] {
  const findings = findingsOf(check, isa);
  const [only] = findings.length === 1 ? findings : [];
  const found = findings
    .slice(0, MOST_FINDINGS)
    .flatMap(({ message, places, header }) => [
      ...(message === check.detail ? [] : [`- ${visible(message)}`]),
      ...places
        .slice(0, MOST_PLACES)
        .map(
          ({ instruction, address, symbol }) =>
            `    ${visible(instruction)} at ${visible(address)}${symbol ? ` in ${visible(symbol, 200)}` : ""}`,
        ),
      ...(header === null ? [] : [`    Requires-Dist: ${visible(header)}`]),
    ]);
  const more = findings.length - MOST_FINDINGS;
  if (more > 0) found.push(`- and ${more} more; --json has all of them`);
  // Where nothing was told one by one, the evidence itself is the finding.
  const evidence =
    only && only.places.length === 0 && only.header === null && only.message === check.detail
      ? evidenceLines({ ...check.evidence, problems: [] }).slice(0, MOST_EVIDENCE)
      : [];
  const before = check.before;
  return [
    ...found,
    ...evidence.map((line) => paint("gray", line)),
    ...(before === undefined ? [] : [`the check itself said ${before}; the policy made it ${check.result}`]),
    ...(check.reference ? [`${paint("gray", "rule:")} ${visible(check.reference)}`] : []),
    ...(check.remedy ? [`${paint("gray", "do:  ")} ${paint("bold", visible(check.remedy))}`] : []),
  ].map((line) => INDENT + line);
}

function checkLines(check: Check, isa: Result["isa"], paint: Paint): string[] {
  const [word, style] = MARK[check.result];
  const isProblem = check.result === "fail" || check.result === "warn";
  const count = isProblem ? findingsOf(check, isa).length : 1;
  const detail = count > 1 ? `${count} findings:` : visible(check.detail);
  const line = `  ${paint(style, word.padEnd(7))} ${check.id.padEnd(26)} ${detail}`;
  return [line, ...(isProblem ? unfolded(check, isa, paint) : [])];
}

/**
 * A wheel's checks, a line each, failures and warnings unfolded: what was found where, the rule, the remedy.
 * Texts from the wheel can't move the cursor, colour the terminal or hide.
 * @param colour whether the reader is a terminal that wants colours
 */
export function checksText(
  title: string,
  { checks, isa }: Pick<Result, "checks" | "isa">,
  colour: boolean,
): string {
  const paint: Paint = (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text);
  return [title, ...checks.flatMap((check) => checkLines(check, isa, paint))].join("\n");
}
