import { basename, join } from "node:path";
import { formatBytes, formatSeconds } from "../../host/units.ts";
import type { PlanItem } from "../../variants/plan.ts";
import type { VerifyResult } from "../../verify/verify.ts";
import type { BuiltOutcome, PublishOutcome, SetupOutcome, TraceOutcome } from "../outcomes.ts";
import { verdictText } from "../verdict-text.ts";

/** Rows as aligned text columns, the first row as the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const text = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const [head = [], ...body] = rows;
  return [text(head), widths.map((width) => "-".repeat(width)).join("  "), ...body.map(text)].join("\n");
}

/** The features worth a column: what a variant's name can be about. */
const TELLING = /^(avx2|avx512f|avx512_|amx_)/;

function isaText({ isa }: VerifyResult): string {
  const found = Object.entries(isa.found).filter(([feature]) => TELLING.test(feature));
  return found.map(([feature, count]) => `${feature}:${count}`).join(" ") || "none";
}

/** What `run` and `build` end with. */
export function buildTable(built: readonly BuiltOutcome[], verified: readonly VerifyResult[]): string {
  const rows = (verified.length > 0 ? verified : built).map((one) => {
    const result = "checks" in one ? one : null;
    const own = built.find(({ wheel }) => wheel === one.wheel);
    return [
      one.variant ?? "?",
      basename(one.wheel),
      result ? formatBytes(result.size) : "",
      own ? formatSeconds(own.seconds) : "-",
      result ? isaText(result) : "",
      result ? verdictText(result) : "not verified",
    ];
  });
  return table([["variant", "wheel", "size", "build", "ISA found (instructions)", "verdict"], ...rows]);
}

/** How long the parts of a command took, and all of it; seconds. */
export interface Spent {
  building: number;
  verifying: number;
  publishing: number;
  total: number;
}

/** The closing line: what the table's column of build times leaves out, and the total. */
export function spentText({ building, verifying, publishing, total }: Spent): string {
  const parts = [
    ["building", building],
    ["verifying", verifying],
    ["publishing", publishing],
  ] as const;
  const named = parts.filter(([, seconds]) => seconds > 0);
  return `Total ${formatSeconds(total)}: ${named.map(([name, seconds]) => `${name} ${formatSeconds(seconds)}`).join(", ")}`;
}

/** Where the time went; empty for a run that had no stages. */
export function traceText({ path, slowest }: TraceOutcome): string {
  if (slowest.length === 0) return "";
  const named = slowest.map(({ name, seconds }) => `${name} ${formatSeconds(seconds)}`);
  return `Slowest: ${named.join(", ")}\nTrace: ${path} (ui.perfetto.dev opens it)`;
}

/** What `plan` prints. */
export function planText(
  plan: readonly PlanItem[],
  existing: readonly PlanItem[],
  builds: readonly { id: string; variants: string }[],
): string {
  const rows = plan.map((item) => [
    item.id,
    item.distribution,
    item.version ?? "(by the build)",
    item.mustUse.join(" "),
    item.runnerLabels.join(", "),
  ]);
  return [
    table([["id", "distribution", "version", "must use", "runner labels"], ...rows]),
    ...existing.map(({ id }) => `${id}: there already`),
    ...builds.map(({ id, variants }) => `compile ${id}: ${variants.replaceAll(",", ", ")}`),
  ].join("\n");
}

/** What a publish ends with. */
export function publishText(report: PublishOutcome): string {
  return [
    `${report.dryRun ? "Would publish" : "Published"} to ${report.target}: ${report.planned.length} new, ${report.skipped.length} already there`,
    ...report.unrun.map(
      ({ file, lacked }) =>
        `  ${file}: built and proven from its bytes, not run: this machine lacks ${lacked.join(", ")}`,
    ),
    ...report.emulated.map(
      ({ file, lacked }) => `  ${file}: run with ${lacked.join(", ")} emulated, which this machine lacks`,
    ),
    ...report.provers
      .filter(({ on }) => on.length > 0)
      .map(({ file, on }) => `  ${file}: run on ${on.join("; ")}`),
    ...report.install.map((command) => `  ${command}`),
  ].join("\n");
}

/** What `setup` prints. */
export function setupText({ venv, savings }: SetupOutcome): string {
  const saved = savings
    ? `Saved ${formatBytes(savings.saved)} of download: ${formatBytes(savings.cpu)} instead of ${formatBytes(savings.cuda)}\n`
    : "";
  return `${saved}Use it: . ${join(venv, "bin", "activate")}`;
}

/** What `withdraw` prints. */
export function withdrawText(report: {
  target: string;
  withdrawn: readonly string[];
  reason: string;
}): string {
  const { target, withdrawn, reason } = report;
  return withdrawn.map((file) => `Withdrawn from ${target}: ${file} (${reason})`).join("\n");
}
