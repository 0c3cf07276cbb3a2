import { formatBytes, formatSeconds } from "../host/units.ts";
import { compilesOf } from "../variants/matrix.ts";
import type { PlanItem } from "../variants/plan.ts";
import type { Result } from "../verify/verdict/result.ts";
import { installLines } from "./install.ts";
import { resultMarkdown } from "./markdown.ts";
import { code, head, plainText, row } from "./markdown-text.ts";
import type { BuiltOutcome, PublishOutcome, TraceOutcome } from "./outcomes.ts";

/** A compile that a plan takes, as the matrix of builds lists it. */
interface PlannedBuild {
  id: string;
  "runs-on": readonly string[];
}

/** Compile → wheels → proofs, the longest compile first. */
function tree(items: readonly PlanItem[], builds: readonly PlannedBuild[]): string[] {
  const labels = new Map(builds.map((build) => [build.id, build["runs-on"]]));
  return compilesOf(items).flatMap(({ id, items: own }) => {
    const [{ seconds }] = own;
    const time = seconds === null ? "" : `, about ${formatSeconds(seconds)} of CPU time`;
    const wheels = [...new Set(own.map(({ variant }) => variant))].map((variant) => {
      const proofs = own.filter((item) => item.variant === variant).map((item) => code(item.id));
      return `  - ${code(variant)}: proven by ${proofs.join(" ")}`;
    });
    return [`- ${code(id)} on ${(labels.get(id) ?? []).map(code).join(" ")}${time}`, ...wheels];
  });
}

/** The plan as a table of jobs, and what is compiled for them. */
export function planSummary(
  items: readonly PlanItem[],
  existing: readonly PlanItem[],
  { include: builds }: { include: readonly PlannedBuild[] },
): string {
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
    ...(builds.length > 0
      ? ["", `${builds.length} ${builds.length === 1 ? "compile" : "compiles"}:`, "", ...tree(items, builds)]
      : []),
    ...(existing.length > 0 ? ["", `There already: ${existing.map(({ id }) => code(id)).join(" ")}`] : []),
    "",
  ].join("\n");
}

function stageText(built: BuiltOutcome): string {
  const stages = Object.entries(built.stages).map(([name, seconds]) => `${name} ${formatSeconds(seconds)}`);
  return `${formatSeconds(built.seconds)} (${stages.join(", ")})`;
}

/** One wheel (or environment), with what its build tells where it was built here. */
export function resultSummary(result: Result, built: BuiltOutcome | null): string {
  return resultMarkdown(result, {
    install: installLines(result),
    ...(built ? { time: stageText(built) } : {}),
  });
}

/** The stages that took the longest. */
export function slowestSummary({ slowest }: TraceOutcome): string {
  if (slowest.length === 0) return "";
  const rows = slowest.map(({ name, seconds }) => row([plainText(name), formatSeconds(seconds)]));
  return ["**Where the time went:**", "", ...head(["stage", "time"]), ...rows, ""].join("\n");
}

/** What was published, and how to install it. */
export function publishSummary(report: PublishOutcome): string {
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
    ...list(
      "Run with a part of their ISA emulated, which the machine lacked",
      report.emulated.map(({ file }) => file),
    ),
    ...list(
      "Run on",
      report.provers.filter(({ on }) => on.length > 0).map(({ file, on }) => `${file}: ${on.join("; ")}`),
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

/** GitHub refuses a step's summary above 1 MiB, all of it. */
const SUMMARY_BYTES = 1024 * 1024 - 4096;

/** As much of a summary as GitHub takes. */
export const cutSummary = (markdown: string): string =>
  Buffer.byteLength(markdown) > SUMMARY_BYTES ? `${markdown.slice(0, SUMMARY_BYTES / 4)}\n\n…cut` : markdown;
