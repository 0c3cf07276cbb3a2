// How a benchmark tells what it measured: a table for people, and the same as JSON where BENCH_JSON names a file.
import { writeFileSync } from "node:fs";

const cell = (value) =>
  typeof value !== "number"
    ? String(value ?? "")
    : Number.isInteger(value)
      ? String(value)
      : value.toFixed(2);

/**
 * @param title what was measured, and how often
 * @param rows each {name, value, unit, ratio}: ratio is to the row that has 1, the peer
 */
export function report(title, rows) {
  const table = [
    ["", "value", "unit", "ratio"],
    ...rows.map(({ name, value, unit, ratio }) => [name, cell(value), unit, cell(ratio)]),
  ];
  const widths = table[0].map((_, at) => Math.max(...table.map((row) => row[at].length)));
  console.log(title);
  for (const row of table)
    console.log(
      `  ${row.map((text, at) => (at === 0 ? text.padEnd(widths[at]) : text.padStart(widths[at]))).join("  ")}`,
    );
  if (process.env["BENCH_JSON"]) writeFileSync(process.env["BENCH_JSON"], JSON.stringify({ title, rows }));
}
