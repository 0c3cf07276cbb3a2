import { basename } from "node:path";
import type { BuiltWheel } from "../build/build.ts";
import { installCommands } from "../build/instructions.ts";
import { formatBytes, formatSeconds } from "../host/terminal.ts";
import type { PublishReport } from "../publish/publish.ts";
import type { PlanItem } from "../variants/plan.ts";
import type { Check } from "../verify/verdict.ts";
import { normalizeName, parseWheelFileName } from "../wheel/names.ts";
import type { Result } from "./answers.ts";
import { verdictText } from "./report.ts";

/** A text that Markdown, HTML and a table cell show as it is: names and details come from hostile wheels. */
export function plainText(text: string): string {
  return text
    .replace(/[&<>]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[char] ?? char)
    .replace(/[\\`*_[\]|#~!:@]/g, (char) => `&#${char.charCodeAt(0)};`)
    .replace(/\s*\n\s*/g, "<br>");
}

const code = (text: string): string =>
  `<code>${text.replace(/[&<>|]/g, (char) => `&#${char.charCodeAt(0)};`).replaceAll("\n", " ")}</code>`;

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const head = (cells: readonly string[]): string[] => [row(cells), row(cells.map(() => "---"))];

/** The plan as a table of jobs. */
export function planSummary(items: readonly PlanItem[], existing: readonly PlanItem[]): string {
  const lines = items.map((item) =>
    row([
      code(item.id),
      plainText(item.version ?? "by the build"),
      item.mustUse.map(code).join(" "),
      item.runnerLabels.map(code).join(" "),
    ]),
  );
  return [
    `### ${items.length} ${items.length === 1 ? "wheel" : "wheels"} to build`,
    "",
    ...(items.length > 0 ? [...head(["wheel", "version", "must use", "runner labels"]), ...lines] : []),
    ...(existing.length > 0 ? ["", `There already: ${existing.map(({ id }) => code(id)).join(" ")}`] : []),
    "",
  ].join("\n");
}

const MARK = { pass: "✅", fail: "❌", warn: "⚠️", "not-run": "⏭️" } as const;

function checkRows(checks: readonly Check[]): string[] {
  return checks.map(({ id, result, detail, remedy }) =>
    row([
      `${MARK[result]} ${result}`,
      code(id),
      plainText(detail) + (result === "fail" && remedy ? `<br><b>Do:</b> ${plainText(remedy)}` : ""),
    ]),
  );
}

function folded(title: string, body: string): string {
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;
}

function stageText(built: BuiltWheel): string {
  const stages = Object.entries(built.stages).map(([name, seconds]) => `${name} ${formatSeconds(seconds)}`);
  return `${formatSeconds(built.seconds)} (${stages.join(", ")})`;
}

const torchText = ({ version, cudaAvailable }: NonNullable<Result["torch"]>): string =>
  `${code(version)}, CUDA available: ${cudaAvailable ? "True" : "False"}`;

/** One wheel (or environment): a table of what it is, and its checks with their evidence folded. */
export function resultSummary(result: Result, built: BuiltWheel | null): string {
  const title = result.wheel === null ? `environment ${result.environment}` : basename(result.wheel);
  const { claimed, found } = result.isa;
  const isa = Object.entries(found).map(([feature, count]) => `${code(feature)} ${count}`);
  const isWheel = result.wheel !== null;
  const facts: [string, string | null][] = [
    ["variant", result.variant && code(result.variant)],
    ["sha256", result.sha256 && code(result.sha256)],
    ["size", result.size === undefined ? null : formatBytes(result.size)],
    ["time", built && stageText(built)],
    ["ISA contract", isWheel ? claimed.map(code).join(" ") || "none" : null],
    ["ISA found (instructions)", isWheel ? isa.join(", ") || "none" : null],
    ["torch", result.torch && torchText(result.torch)],
  ];
  const bad = result.checks.filter((check) => check.result === "fail");
  const evidence = result.checks.map(
    ({ id, evidence: facts_ }) => `${id}: ${JSON.stringify(facts_).slice(0, 2000)}`,
  );
  const table = (checks: readonly Check[]): string =>
    [...head(["", "check", "detail"]), ...checkRows(checks)].join("\n");
  return [
    `### ${result.result === "pass" ? "✅" : "❌"} ${plainText(title)}`,
    "",
    ...(bad.length > 0 ? [table(bad), ""] : []),
    ...head(["", ""]),
    ...facts.flatMap(([name, value]) => (value === null ? [] : [row([name, value])])),
    "",
    ...installLines(built),
    folded(`${result.checks.length} checks: ${plainText(wordOf(result))}`, table(result.checks)),
    "",
    folded("Evidence", `<pre>${plainText(evidence.join("\n"))}</pre>`),
    "",
  ].join("\n");
}

/** How to install the wheel that was built, from wherever it will be published. */
function installLines(built: BuiltWheel | null): string[] {
  if (!built) return [];
  const { distribution, version } = parseWheelFileName(basename(built.wheel));
  const facts = {
    distribution: normalizeName(distribution),
    version,
    torchVersion: built.torch,
    companions: built.companions,
  };
  return ["```sh", ...installCommands(facts), "```", ""];
}

const wordOf = (result: Result): string =>
  result.wheel !== null && result.sha256 !== null && result.size !== undefined
    ? verdictText({ ...result, wheel: result.wheel, sha256: result.sha256, size: result.size })
    : result.result;

/** What was published, and how to install it. */
export function publishSummary(report: PublishReport): string {
  const list = (title: string, files: readonly string[]): string[] =>
    files.length > 0 ? [`**${title}:**`, "", ...files.map((file) => `- ${code(file)}`), ""] : [];
  return [
    `### ${report.dryRun ? "Would publish" : "Published"} to ${code(report.target)}`,
    "",
    ...list("New", report.planned),
    ...list("There already", report.skipped),
    ...list(
      "Proven from their bytes, not run: the machine lacked their ISA",
      report.unrun.map(({ file }) => file),
    ),
    ...(report.install.length > 0
      ? ["```sh", ...report.install.map((line) => line.replaceAll("`", "")), "```", ""]
      : []),
  ].join("\n");
}

/** The environment that was set up, with what it saved. */
export function setupSummary(
  torch: string,
  cacheHit: boolean,
  savings: { cpu: number; cuda: number; saved: number } | null,
): string {
  return [
    `### ✅ CPU-only PyTorch ${code(torch)}${cacheHit ? " from the cache" : ""}`,
    "",
    ...(savings
      ? [
          `${formatBytes(savings.cpu)} to download instead of ${formatBytes(savings.cuda)}: **${formatBytes(savings.saved)} saved**, as the indexes list the files of this version and all it needs.`,
          "",
        ]
      : []),
  ].join("\n");
}
