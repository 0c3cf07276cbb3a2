import { basename } from "node:path";
import type { BuiltWheel } from "../../build/build.ts";
import { formatBytes, formatSeconds } from "../../host/terminal.ts";
import { verdictText } from "../../report/verdict-text.ts";
import type { PlanItem } from "../../variants/plan.ts";
import type { VerifyResult } from "../../verify/verify.ts";

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
export function buildTable(built: readonly BuiltWheel[], verified: readonly VerifyResult[]): string {
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
  return table([["variant", "wheel", "size", "time", "ISA found (instructions)", "verdict"], ...rows]);
}

export function planTable(items: readonly PlanItem[]): string {
  return table([
    ["id", "distribution", "version", "must use", "runner labels"],
    ...items.map((item) => [
      item.id,
      item.distribution,
      item.version ?? "(by the build)",
      item.mustUse.join(" "),
      item.runnerLabels.join(", "),
    ]),
  ]);
}
