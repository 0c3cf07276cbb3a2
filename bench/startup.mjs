// From process start to the first line of each action, against bare node and, where given, other actions' bundles.
// Usage: node bench/startup.mjs [NAME=PATH/TO/BUNDLE.js …]
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { report } from "./lib/report.mjs";

const ROUNDS = 25;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "startup-"));
// No runner's variables: an action ends after its first lines.
const env = { PATH: process.env.PATH, HOME: folder };

function firstOutput(args) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, args, { env, cwd: folder });
    let first = null;
    const seen = () => {
      first ??= performance.now() - started;
    };
    child.stdout.on("data", seen);
    child.stderr.on("data", seen);
    child.on("close", () =>
      resolve({ first: first ?? performance.now() - started, end: performance.now() - started }),
    );
  });
}

const ours = readdirSync(join(root, "actions"));
const others = process.argv.slice(2).map((argument) => argument.split("="));
const runs = [
  ["bare node", ["-e", "process.stdout.write('x\\n')"]],
  ...ours.map((name) => [name, [join(root, "dist", name, "index.js")]]),
  ...others.map(([name, path]) => [name, [path]]),
];
const times = new Map(runs.map(([name]) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, args] of runs) times.get(name).push(await firstOutput(args));
}
rmSync(folder, { recursive: true, force: true });
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const base = median(times.get("bare node").map(({ first }) => first));
const rows = [...times].flatMap(([name, list]) => {
  const first = median(list.map((time) => time.first));
  const end = median(list.map((time) => time.end));
  return [
    { name: `${name}: first line`, value: first, unit: "ms", ratio: first / base },
    { name: `${name}: end`, value: end, unit: "ms", ratio: end / base },
  ];
});
report(`until an action's first line, node ${process.version}, median of ${ROUNDS} interleaved rounds`, rows);
