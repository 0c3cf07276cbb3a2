// What a release costs on fleets of 1 to 64 runners: wall time, and minutes of runners, by how its work is cut into jobs.
// The stage times are those that docs/measurements.md and docs/measurements-engine.md tell of vLLM 0.32.0 (CPU seconds, spread over
// the cores of a runner), and can be given: a runner's start is an assumption.
// Usage: tsx bench/fleet.ts [CORES] [START-SECONDS]

import type { BenchRow } from "./all.ts";
import { type FleetOutcome, STRATEGIES, type StageTimes, simulate } from "./lib/fleet.ts";
import { report } from "./lib/report.mjs";

const cores = Number(process.argv[2] ?? 4);
const start = Number(process.argv[3] ?? 60);
const MEASURED = { compile: 4423, warmCompile: 28, finish: 19, proof: 87 };
const times: StageTimes = {
  start,
  compile: MEASURED.compile / cores,
  warmCompile: MEASURED.warmCompile / cores,
  finish: MEASURED.finish,
  proof: MEASURED.proof,
};
const VARIANTS = 5;
const PYTHONS = 1;
const SIZES = [1, 2, 5, 16, 64];

const outcomesOn = (runners: number): [string, FleetOutcome][] =>
  Object.entries(STRATEGIES).map(([name, strategy]) => [
    name,
    simulate(strategy(times, VARIANTS, PYTHONS), runners),
  ]);

/** The peer is the matrix that gives each wheel a job. */
function rowsOf(what: string, outcomes: [string, FleetOutcome][], kind: keyof FleetOutcome): BenchRow[] {
  const peer = outcomes.at(-1)?.[1][kind] ?? 1;
  return outcomes.map(([name, outcome]) => ({
    name: `${what}, ${name}`,
    value: outcome[kind] / 60,
    unit: "min",
    ratio: outcome[kind] / peer,
  }));
}

const rows = [
  ...SIZES.flatMap((runners) => rowsOf(`until the end on ${runners}`, outcomesOn(runners), "wall")),
  ...rowsOf("minutes of all runners", outcomesOn(1), "busy"),
  ...rowsOf("minutes of AVX512 runners", outcomesOn(1), "scarce"),
];
const quicker = SIZES.find((runners) => {
  const [[, one] = ["", null], , [, each] = ["", null]] = outcomesOn(runners);
  return one && each && each.wall < one.wall;
});
report(
  `a release of ${VARIANTS} variants on 1 to 64 AVX512 runners and one other, ${cores} cores each, ${start} s until a job begins; a job for each wheel is quicker from ${quicker ?? "no number of"} runners on`,
  rows,
);
