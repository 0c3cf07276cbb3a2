import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { parseJudging } from "../../src/options/judging.ts";
import { judge } from "../../src/publish/gate/gate.ts";
import { loadPolicy } from "../../src/verify/policy/load-policy.ts";
import { mergeVerdicts, type NamedVerdict } from "../../src/verify/verdict/merge.ts";
import type { Check, CheckId, Verdict } from "../../src/verify/verdict/verdict.ts";
import { demandedChecks } from "../../src/verify/verdict/verdict.ts";
import { type Ran, removeScratch, scratch, wheels } from "../support/run.ts";
import { verdictFor } from "../support/wheel.ts";

afterAll(removeScratch);

const SHA = "a".repeat(64);
const OTHER = "b".repeat(64);
const unrun: Partial<Check> = { result: "not-run", detail: "not run: lacks amx_tile", lacks: ["amx_tile"] };
const ALL = demandedChecks("kernels");

const verdict = (
  file: string,
  changes: Partial<Record<CheckId, Partial<Check>>> = {},
  ids: readonly CheckId[] = ALL,
  sha = SHA,
): NamedVerdict => ({ file, verdict: verdictFor("x-1-py3-none-any.whl", sha, ids, changes) });

const builder = verdict("builder", { "runtime.import": unrun, "runtime.kernels": unrun });

const resultsOf = ({ predicate }: Verdict): Record<string, string> =>
  Object.fromEntries(predicate.checks.map(({ id, result }) => [id, result]));

describe("verdicts of two machines", () => {
  test("fill each other's gaps, and satisfy a publish that neither would", async () => {
    const merged = mergeVerdicts([builder, verdict("runner", {}, demandedChecks("kernels"))]);
    expect(resultsOf(merged)["runtime.kernels"]).toBe("pass");
    expect(merged.predicate.verifiedLevels).toContain("VLLM_CPU_KERNELS");
    const wheel = { fileName: "x-1-py3-none-any.whl", sha256: SHA };
    const demand = {
      policy: (await loadPolicy("", parseJudging({}))).policy,
      target: "pypi" as const,
      contracts: new Map<string, string[]>(),
      own: null,
    };
    expect(judge(wheel, builder.verdict, demand)).toMatchObject({ code: "E_VERDICT_FAILED" });
    expect(judge(wheel, merged, demand)).toMatchObject({ status: "proven" });
  });

  test("prefer a run on a real CPU to one on an emulated CPU, and that to none", () => {
    const emulated = { emulated: ["amx_tile"], result: "warn" as const };
    const pretender = verdict("pretender", { "runtime.import": emulated, "runtime.kernels": emulated });
    const kernels = (...verdicts: [NamedVerdict, NamedVerdict]): Check | undefined =>
      mergeVerdicts(verdicts).predicate.checks.find(({ id }) => id === "runtime.kernels");
    expect(kernels(pretender, verdict("runner"))).not.toHaveProperty("emulated");
    expect(kernels(builder, pretender)).toMatchObject(emulated);
    expect(mergeVerdicts([builder, pretender]).predicate.verifiedLevels).toEqual(["VLLM_CPU_STATIC"]);
    expect(mergeVerdicts([pretender, verdict("runner")]).predicate.verifiedLevels).toContain(
      "VLLM_CPU_KERNELS",
    );
  });

  test("say when each answer was proven", () => {
    const later = verdict("runner");
    later.verdict.predicate.timeVerified = "2026-02-02T00:00:00.000Z";
    const merged = mergeVerdicts([builder, later]);
    const check = merged.predicate.checks.find(({ id }) => id === "runtime.kernels");
    expect(check?.provenAt).toBe("2026-02-02T00:00:00.000Z");
    expect(merged.predicate.timeVerified).toBe("2026-02-02T00:00:00.000Z");
  });

  test("keep what nobody ran, and each failure", () => {
    const failed = verdict("runner", { "runtime.kernels": { result: "fail", detail: "SIGILL" } });
    const merged = mergeVerdicts([builder, failed]);
    expect(resultsOf(merged)["runtime.kernels"]).toBe("fail");
    expect(merged.predicate.verificationResult).toBe("FAILED");
    expect(resultsOf(mergeVerdicts([builder, builder]))["runtime.kernels"]).toBe("not-run");
  });

  test("keep a warning that the other did not see", () => {
    const warned = verdict("runner", { "runtime.resolve": { result: "warn", detail: "left out" } });
    expect(resultsOf(mergeVerdicts([verdict("other"), warned]))["runtime.resolve"]).toBe("warn");
  });

  test("come to the same in any order", () => {
    const runner = verdict("runner");
    expect(mergeVerdicts([builder, runner])).toEqual(mergeVerdicts([runner, builder]));
  });
});

describe("what does not go together is refused", () => {
  const failing = { result: "fail", detail: "bad" } as const;
  const variant = verdict("b");
  variant.verdict.predicate.variant = "vllm-cpu-avx512";
  const older = verdict("b");
  older.verdict.predicate.verifier.version = { "vllm-cpu-wheels": "0.0.1" };
  const isa = verdict("b");
  isa.verdict.predicate.isa.found = { avx2: 1 };
  test.each<[string, NamedVerdict, string, RegExp]>([
    ["other bytes", verdict("b", {}, ALL, OTHER), "E_MERGE_OTHER_WHEEL", /the wheel/],
    ["another variant", variant, "E_MERGE_OTHER_WHEEL", /the variant/],
    ["another version of the verifier", older, "E_MERGE_OTHER_WHEEL", /the verifier/],
    ["other instructions", isa, "E_MERGE_OTHER_WHEEL", /instructions/],
    [
      "a pass and a failure",
      verdict("b", { "runtime.import": failing }),
      "E_MERGE_CONTRADICTION",
      /runtime.import/,
    ],
    [
      "two answers about the same bytes",
      verdict("b", { "isa.used": { result: "warn", detail: "none" } }),
      "E_MERGE_CONTRADICTION",
      /isa.used/,
    ],
  ])("%s", (_name, other, code, text) => {
    expect(() => mergeVerdicts([verdict("a"), other])).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(text) }),
    );
  });
});

describe("the command", () => {
  const folder = scratch();
  const file = (name: string, content: unknown): string => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };
  const codeOf = (ran: Ran): string => (JSON.parse(ran.stdout) as { error: { code: string } }).error.code;
  const a = file("a.json", builder.verdict);
  const b = file("b.json", verdict("b").verdict);

  test("writes the merged verdict", () => {
    const output = join(folder, "merged.json");
    const ran = wheels(["merge", a, b, `--output=${output}`]);
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    expect(ran.stdout).toContain("PASSED (static, import, kernels proven)");
    expect(JSON.parse(readFileSync(output, "utf8"))).toEqual(mergeVerdicts([builder, verdict("b")]));
  });

  test.each<[string, string[], string, number]>([
    ["one verdict", [a], "E_USAGE", 2],
    ["no JSON", [a, file("c.json", "{")], "E_VERDICT_INVALID", 1],
    ["no verdict", [a, file("d.json", {})], "E_VERDICT_INVALID", 1],
    ["no file", [a, join(folder, "none")], "E_VERDICT_INVALID", 1],
    [
      "a verdict with a name twice, spelt in two ways",
      [
        a,
        file(
          "f.json",
          JSON.stringify(builder.verdict).replace(
            '"verificationResult":',
            '"verification\\u0052esult":"PASSED",$&',
          ),
        ),
      ],
      "E_VERDICT_INVALID",
      1,
    ],
    [
      "a verdict that answers twice",
      [a, file("e.json", verdictFor("x-1-py3-none-any.whl", SHA, ["runtime.import", "runtime.import"]))],
      "E_VERDICT_INVALID",
      1,
    ],
  ])("refuses %s", (_name, args, code, status) => {
    const ran = wheels(["merge", ...args, "--json"]);
    expect([codeOf(ran), ran.status]).toEqual([code, status]);
  });

  /** As an earlier release wrote it. */
  const older = (name: string, { verdict: { predicate, ...rest } }: NamedVerdict): string => {
    const { formatVersion: _version, checks, ...more } = predicate;
    return file(name, {
      ...rest,
      predicate: { ...more, checks: checks.map(({ findings: _findings, ...check }) => check) },
    });
  };

  test("takes verdicts of the format before in which nothing was found, and writes today's", () => {
    const output = join(folder, "renewed.json");
    const ran = wheels(["merge", older("o1.json", builder), b, `--output=${output}`]);
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    expect(JSON.parse(readFileSync(output, "utf8"))).toEqual(mergeVerdicts([builder, verdict("b")]));
  });

  test("refuses one that does not say what a warning found, with what to do", () => {
    const warned = verdict("w", { "runtime.resolve": { result: "warn", detail: "left out" } });
    const ran = wheels(["merge", older("o2.json", warned), b]);
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(/E_VERDICT_OLDER[\s\S]*runtime\.resolve[\s\S]*Verify the wheel again/);
  });
});
