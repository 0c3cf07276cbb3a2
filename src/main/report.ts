import { basename } from "node:path";
import type { BuiltWheel } from "../build/build.ts";
import type { DoctorReport } from "../build/doctor.ts";
import { formatBytes, formatSeconds } from "../host/terminal.ts";
import { verdictText } from "../report/verdict-text.ts";
import type { PlanItem } from "../variants/plan.ts";
import type { VerifyResult } from "../verify/verify.ts";

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

export function doctorText(report: DoctorReport): string {
  const { cpu, memory, disk, compiler } = report;
  const runnable = report.variants.filter(({ lacks }) => lacks.length === 0).at(-1);
  return [
    `CPU       ${cpu.model || cpu.architecture}, ${cpu.cores} cores, ${cpu.architecture}`,
    `memory    ${formatBytes(memory.free)} free of ${formatBytes(memory.total)}`,
    `disk      ${formatBytes(disk.free)} free for ${disk.path}`,
    `python    ${report.python ?? "none (3.10 or newer is needed)"}`,
    `compiler  ${compiler ? `${compiler.command}: ${compiler.family} ${compiler.version}` : "none: apt-get install g++ (or dnf install gcc-c++)"}`,
    "",
    table([
      ["variant", "can be built here", "can be run here"],
      ...report.variants.map(({ variant, cannotBuild, lacks }) => [
        variant,
        cannotBuild === null ? "yes" : `no: ${cannotBuild}`,
        lacks.length === 0 ? "yes" : `no: lacks ${lacks.join(", ")}`,
      ]),
    ]),
    "",
    `Next: ./build_wheels.sh --variant=${runnable?.variant ?? "all"} --source=sample --publish-to=./index`,
  ].join("\n");
}
