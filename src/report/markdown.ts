import { formatBytes } from "../host/units.ts";
import { type Check, isProblem, leastIsolation } from "../verify/verdict/check.ts";
import type { Result } from "../verify/verdict/result.ts";
import { code, head, plainText, row } from "./markdown-text.ts";
import { isToldByDetail, toldOf } from "./told.ts";
import { verdictText } from "./verdict-text.ts";
import { visible } from "./visible.ts";

/** What whoever built or verified a wheel knows beyond the answers. */
export interface Extras {
  /** How long its build took. */
  time?: string;
  /** Shell lines that install it. */
  install: readonly string[];
}

const MARK = { pass: "✅", fail: "❌", warn: "⚠️", "not-run": "⏭️" } as const;
const MOST_EVIDENCE = 2000;
/** Places told of one finding. */
const MOST_PLACES = 3;

/** What was found, as lines in a table's cell, where there is more to say than the detail does. */
function findingsCell(check: Check): string {
  const findings = toldOf(check);
  const lines = findings.flatMap(({ message, places, requirement }) => [
    ...(isToldByDetail(findings) ? [] : [`<li>${plainText(message)}</li>`]),
    ...places
      .slice(0, MOST_PLACES)
      .map(
        ({ instruction, address, symbol }) =>
          `<li>${code(instruction)} at ${code(address)}${symbol ? ` in ${code(symbol)}` : ""}</li>`,
      ),
    ...(requirement === null ? [] : [`<li>${code(`Requires-Dist: ${requirement}`)}</li>`]),
  ]);
  return lines.length === 0 ? "" : `<ul>${lines.join("")}</ul>`;
}

function checkRow(check: Check): string {
  const { id, result, detail, remedy, before, reference } = check;
  const isTold = isProblem(check);
  return row([
    `${MARK[result]} ${result}`,
    code(id),
    plainText(detail) +
      (before === undefined ? "" : `<br>The check itself said ${before}; the policy made it ${result}.`) +
      (isTold ? findingsCell(check) : "") +
      (isTold && reference ? `<br><b>Rule:</b> ${plainText(reference)}` : "") +
      (isTold && remedy ? `<br><b>Do:</b> ${plainText(remedy)}` : ""),
  ]);
}

const folded = (title: string, body: string): string =>
  `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;

function factRows(result: Result, { time }: Extras): string[] {
  const { claimed, found } = result.isa;
  const isWheel = result.wheel !== null;
  const counts = Object.entries(found).map(([feature, count]) => `${code(feature)} ${count}`);
  const { torch, size, checks } = result;
  const facts: [string, string | null | undefined][] = [
    ["variant", result.variant && code(result.variant)],
    ["sha256", result.sha256 && code(result.sha256)],
    ["size", size === undefined ? null : formatBytes(size)],
    ["time", time],
    ["ISA contract", isWheel ? claimed.map(code).join(" ") || "none" : null],
    ["ISA found (instructions)", isWheel ? counts.join(", ") || "none" : null],
    ["isolation of what ran it", leastIsolation(checks)],
    ["torch", torch && `${code(torch.version)}, CUDA available: ${torch.cudaAvailable ? "True" : "False"}`],
  ];
  return facts.flatMap(([name, value]) => (value ? [row([name, value])] : []));
}

/** The subject's name for people. */
export const titleOf = ({ wheel, environment }: Result): string =>
  visible(wheel === null ? `environment ${environment}` : (wheel.split("/").at(-1) ?? wheel), 300);

/**
 * One wheel (or environment) in GitHub's Markdown, for a job's summary or a comment: what failed or warned, what it
 * is, how to install it, and all checks with their evidence folded.
 */
export function resultMarkdown(result: Result, extras: Extras): string {
  const { checks } = result;
  const table = (some: readonly Check[]): string =>
    [...head(["", "check", "detail"]), ...some.map((check) => checkRow(check))].join("\n");
  const problems = checks.filter(isProblem);
  const rows = factRows(result, extras);
  const evidence = checks.map(
    ({ id, evidence: facts }) => `${id}: ${JSON.stringify(facts).slice(0, MOST_EVIDENCE)}`,
  );
  return [
    `### ${MARK[result.result]} ${plainText(titleOf(result))}`,
    "",
    ...(problems.length > 0 ? [table(problems), ""] : []),
    ...(rows.length > 0 ? [...head(["", ""]), ...rows, ""] : []),
    ...(extras.install.length > 0
      ? ["```sh", ...extras.install.map((line) => visible(line).replaceAll("`", "")), "```", ""]
      : []),
    folded(`${checks.length} checks: ${plainText(verdictText(result))}`, table(checks)),
    "",
    folded("Evidence", `<pre>${plainText(evidence.join("\n"))}</pre>`),
    "",
  ].join("\n");
}
