import type { Check } from "../verdict/verdict.ts";
import type { Crash } from "./crash.ts";
import type { ImportAnswer } from "./import-check.ts";
import type { OperatorCase } from "./operators.ts";

/** What was compared: checks that the wheel declares itself, and vLLM's operators, judged outside. */
export interface KernelFacts {
  declared: ImportAnswer["kernels"];
  /** Null for a wheel that is not vLLM. */
  operators: { seed: number; cases: OperatorCase[] } | null;
  /** Programs that ended before they answered. */
  broken: { text: string; crash: Crash | null; stacks: string }[];
}

/** Operators that every CPU build of vLLM has had since 0.11; a wheel without one is broken. */
const INDISPENSABLE = ["silu_and_mul", "rms_norm", "fused_add_rms_norm", "rotary_embedding"];

function declaredProblems(declared: KernelFacts["declared"]): string[] {
  return declared.flatMap(({ name, error, cases }) => {
    if (error !== null) return [`${name}: ${error}`];
    if (cases.length === 0) return [`${name}: no case was run`];
    return cases
      .filter(({ maxError, tolerance }) => maxError === null || maxError > tolerance)
      .map(
        ({ shape, maxError, tolerance }) =>
          `${name} ${shape}: off by ${maxError ?? "NaN"}, tolerance ${tolerance}`,
      );
  });
}

function operatorProblems(cases: readonly OperatorCase[]): string[] {
  const missing = INDISPENSABLE.filter((name) => cases.some((one) => one.name === name && one.absent));
  return [
    ...missing.map((name) => `${name}: the wheel has no such operator`),
    ...cases.flatMap(({ name, shape, worst, problem }) => {
      if (problem !== null) return [`${name} ${shape}: ${problem}`];
      return worst !== null && worst > 1
        ? [`${name} ${shape}: off by ${worst.toPrecision(3)} times what is allowed`]
        : [];
    }),
  ];
}

/** runtime.kernels: numbers against plain torch. A wheel that offers nothing to compare has proven nothing. */
export function kernelsCheck({ declared, operators, broken }: KernelFacts): Check {
  const cases = operators?.cases ?? [];
  const evidence = { kernels: declared, operators, ...(broken.length > 0 ? { broken } : {}) };
  const base = { id: "runtime.kernels", evidence } as const;
  const problems = [
    ...broken.map(({ text }) => text),
    ...declaredProblems(declared),
    ...operatorProblems(cases),
  ];
  const compared = cases.filter(({ worst }) => worst !== null);
  const own = declared.reduce((sum, { cases: ran }) => sum + ran.length, 0);
  if (problems.length > 0) {
    return {
      ...base,
      result: "fail",
      detail: problems.slice(0, 5).join("; "),
      remedy: broken.some(({ crash }) => crash !== null)
        ? "Compile this function without what the CPU lacks, or choose it at run time by asking the CPU."
        : "The kernels compute something else than torch does.",
    };
  }
  if (own === 0 && compared.length === 0) {
    return {
      ...base,
      result: "not-run",
      detail:
        "the wheel declares no kernel checks (entry points of the group cpu_wheel.kernel_checks) and is not vLLM",
    };
  }
  const names = new Set(compared.map(({ name }) => name));
  const absent = new Set(cases.filter((one) => one.absent).map(({ name }) => name));
  const parts = [
    ...(own > 0
      ? [`${own} cases of ${declared.length} kernels agree with plain torch, as the wheel checks itself`]
      : []),
    ...(compared.length > 0
      ? [
          `${compared.length} cases of ${names.size} operators agree with plain torch (${[...names].join(", ")})`,
        ]
      : []),
    ...(absent.size > 0 ? [`not there in this release: ${[...absent].join(", ")}`] : []),
  ];
  return { ...base, result: "pass", detail: parts.join("; ") };
}
