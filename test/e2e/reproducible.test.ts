import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { cli, exec, type Ran, removeScratch, scratch, torchFolder, wheels } from "../support/run.ts";

afterAll(removeScratch);

const args = ["build", "--variant=vllm-cpu", "--source=sample", `--torch-index-url=${torchFolder}`];
const [dist, cache] = [join(scratch(), "dist"), join(scratch(), "cache")];
const here = [...args, `--cache-dir=${cache}`, `--output-dir=${dist}`];
const packages = { XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache") };
let first: Ran;

const bytesIn = (folder: string): string => {
  const [name = ""] = readdirSync(folder).filter((file) => file.endsWith(".whl"));
  return readFileSync(join(folder, name)).toString("base64");
};

beforeAll(() => {
  first = wheels(here, { env: { ...packages, VLLM_CPU_WHEELS_DEBUG: "1" } });
  expect(first.status === 0 ? "" : first.stderr).toBe("");
}, 600_000);

/** What differs from run to run, as a dry run writes it. */
const normal = (line: string): string =>
  line
    .replace(/\S*\/bin\/uv (?=\w)/, "uv ")
    .replaceAll(/\S*vllm-cpu-wheels-[a-z]+-\w{6}/g, "<scratch>")
    .replaceAll(/\/build\/[0-9a-f]{20}\//g, "/build/<key>/")
    .replace("<scratch>/library.so", "<each library>")
    .replace(/<scratch>\/\S+\.whl$/, "<scratch>/<wheel>")
    .replaceAll(/--python \S*\/bin\/python3(?= )/g, "--python <python3>");

test("a build runs the commands that its dry run prints, in that order", () => {
  const dry = wheels([...here, "--dry-run"], { env: packages }).stdout;
  const printed = dry
    .split("\n")
    .map((line) => line.replaceAll("'", "").replace(/^\(cd \S+ && (.*)\)$/, "$1"))
    .filter((line) => /^(uv|strip) /.test(line));
  const ran = first.stderr
    .split("\n")
    .flatMap((line) => /^\[DEBUG\] run: (.*)$/.exec(line)?.[1] ?? [])
    .map(normal)
    // Questions make nothing, and tools of ours are installed once, before.
    .filter((line) => /^(uv (pip|venv|build|tool) |strip )/.test(line) && !line.includes(" --target "))
    // Where an index has no torchvision, torch is asked for again without it.
    .filter((line, index, all) => line !== all[index - 1]);
  expect(printed).toEqual(ran);
}, 60_000);

test("the first lines say what is built, by what, and in which environment", () => {
  const lines = first.stdout
    .split("\n")
    .filter((line) => /\] (Source|Recipe|Compiler|Environment): /.test(line));
  expect(lines.map((line) => line.replace(/[0-9a-f]{64}/, "…"))).toEqual([
    "[INFO] Source: sample, content …; version 0.1.0",
    expect.stringMatching(/^\[INFO\] Recipe: sample; torch \d[\d.]*\+cpu of file:\S+; Python 3\.\d+\.\d+$/),
    expect.stringMatching(/^\[INFO\] Compiler: (gcc|clang) \S+, \/\S+, for \S+; glibc 2\.\d+$/),
    "[INFO] Environment: the default",
  ]);
});

test("another folder, home, time zone, locale, umask, and number of cores and jobs give the same bytes", () => {
  const [out, own, home] = [join(scratch(), "other", "dist"), join(scratch(), "a cache"), scratch()];
  mkdirSync(join(out, ".."), { recursive: true });
  const words = [...args, `--cache-dir=${own}`, `--output-dir=${out}`, "--max-jobs=1"];
  const shell = 'umask 027; exec taskset -c 0 "$@"';
  const around = { ...packages, HOME: home, CCACHE_DIR: undefined };
  const env = { ...around, TZ: "Pacific/Kiritimati", LC_ALL: "tr_TR.UTF-8", USER: "other" };
  const ran = exec("sh", ["-c", shell, "sh", process.execPath, cli, ...words], { cwd: home, env });
  expect(ran.status === 0 ? "" : ran.stderr).toBe("");
  expect(bytesIn(out) === bytesIn(dist)).toBe(true);
}, 600_000);
