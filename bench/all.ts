// Runs every benchmark, each against its peer in the same run, and keeps what came of it: docs/benchmarks.json, the page
// docs/benchmarks.md with a plot of each, and the change since the run that was kept before.
// Usage: npm run bench [-- NAME…]; needs dist/ and what ./run_tests.sh installs. Takes about 15 minutes on two cores.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { root, torchFolder } from "../test/support/run.ts";
import { plotOf } from "./lib/plot.ts";

export interface BenchRow {
  name: string;
  value: number;
  unit: string;
  /** To the peer of the same run. */
  ratio: number;
}

interface Outcome {
  name: string;
  title: string;
  rows: BenchRow[];
}

interface Kept {
  date: string;
  machine: string;
  benches: Outcome[];
}

const TSX = ["--import", "tsx"];
const BENCHES: Readonly<Record<string, string[]>> = {
  startup: ["bench/startup.mjs"],
  static: ["bench/static.mjs", "3"],
  variants: ["bench/variants.mjs", torchFolder, "sample-one-build"],
  upload: [...TSX, "bench/upload.ts", "3"],
  fleet: [...TSX, "bench/fleet.ts"],
};

const keptPath = join(root, "docs", "benchmarks.json");
const work = mkdtempSync(join(tmpdir(), "bench-"));

function measure(name: string, args: readonly string[]): Outcome {
  const place = join(work, `${name}.json`);
  console.log(`\n== ${name}`);
  const ran = spawnSync(process.execPath, args, {
    cwd: root,
    env: { ...process.env, BENCH_JSON: place },
    stdio: "inherit",
  });
  if (ran.status !== 0) throw new Error(`${name} ended with ${ran.status ?? ran.signal}`);
  return { name, ...(JSON.parse(readFileSync(place, "utf8")) as Omit<Outcome, "name">) };
}

/** Change of a ratio since the last kept run, in percent; empty where there was none. */
function change(before: Kept | null, bench: string, row: BenchRow): string {
  const old = before?.benches.find(({ name }) => name === bench)?.rows.find(({ name }) => name === row.name);
  if (!old?.ratio) return "";
  const percent = Math.round((row.ratio / old.ratio - 1) * 100);
  return percent > 0 ? `+${percent} %` : `${percent} %`;
}

function page(kept: Kept, before: Kept | null): string {
  const parts = kept.benches.flatMap(({ name, title, rows }) => [
    `## ${name}`,
    "",
    `${title}.`,
    "",
    `![Ratios of ${name}](benchmarks/${name}.svg)`,
    "",
    "| what | value | ratio | since the last kept run |",
    "| --- | --- | --- | --- |",
    ...rows.map(
      (row) =>
        `| ${row.name} | ${row.value.toFixed(2)} ${row.unit} | ${row.ratio.toFixed(2)} | ${change(before, name, row)} |`,
    ),
    "",
  ]);
  return [
    "# Benchmarks",
    "",
    `Made by \`npm run bench\` on ${kept.date}: ${kept.machine}. A ratio is to the peer of the same run, which has 1; below 1 is`,
    "better. Values of two runs can't be compared where machines are shared, ratios can.",
    "",
    ...parts,
  ].join("\n");
}

function main(): void {
  const asked = process.argv.slice(2);
  const names = asked.length > 0 ? asked : Object.keys(BENCHES);
  const before = existsSync(keptPath) ? (JSON.parse(readFileSync(keptPath, "utf8")) as Kept) : null;
  const began = Date.now();
  const measured = names.map((name) => {
    const args = BENCHES[name];
    if (!args) throw new Error(`no benchmark ${name}; there are ${Object.keys(BENCHES).join(", ")}`);
    return measure(name, args);
  });
  rmSync(work, { recursive: true });
  const others = before?.benches.filter(({ name }) => !names.includes(name)) ?? [];
  const order = Object.keys(BENCHES);
  const benches = [...measured, ...others].toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const kept: Kept = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node.js ${process.versions.node}`,
    benches,
  };
  mkdirSync(join(root, "docs", "benchmarks"), { recursive: true });
  for (const { name, rows } of benches)
    writeFileSync(join(root, "docs", "benchmarks", `${name}.svg`), plotOf(rows));
  writeFileSync(keptPath, `${JSON.stringify(kept, null, 2)}\n`);
  writeFileSync(join(root, "docs", "benchmarks.md"), page(kept, before));
  for (const { name, rows } of measured)
    for (const row of rows)
      console.log(
        `${name}: ${row.name}: ratio ${row.ratio.toFixed(2)} ${change(before, name, row)}`.trimEnd(),
      );
  console.log(
    `\n${names.length} benchmarks in ${Math.round((Date.now() - began) / 1000)} s; docs/benchmarks.md`,
  );
}

main();
