import type { Finding } from "../../findings/findings.ts";
import type { OperatorCase } from "../checks/catalogue/run.ts";
import type { CheckAnswer } from "../verdict/check.ts";
import type { ImportAnswer } from "./import-check.ts";

/** What was compared: checks that the wheel declares itself, and vLLM's operators, judged outside. */
export interface KernelFacts {
  declared: ImportAnswer["kernels"];
  /** Null for a wheel that is not vLLM. */
  operators: { seed: number; cases: OperatorCase[] } | null;
  /** Programs that ended before they answered, and Python's stacks of them. */
  broken: { finding: Finding; stacks: string }[];
}

/** Operators that every CPU build of vLLM has had since 0.11; a wheel without one is broken. */
const INDISPENSABLE = ["silu_and_mul", "rms_norm", "fused_add_rms_norm", "rotary_embedding"];

function declaredFindings(declared: KernelFacts["declared"]): Finding[] {
  return declared.flatMap(({ name: kernel, error, cases }): Finding[] => {
    if (error !== null) return [{ kind: "kernel-error", kernel, shape: null, message: error }];
    if (cases.length === 0) return [{ kind: "kernel-untested", kernel }];
    return cases
      .filter(({ maxError, tolerance }) => maxError === null || maxError > tolerance)
      .map(({ shape, maxError, tolerance }) => ({
        kind: "kernel-off",
        kernel,
        shape,
        expected: tolerance,
        found: maxError,
      }));
  });
}

function operatorFindings(cases: readonly OperatorCase[]): Finding[] {
  const missing = INDISPENSABLE.filter((name) => cases.some((one) => one.name === name && one.absent));
  return [
    ...missing.map((operator): Finding => ({ kind: "operator-missing", operator })),
    ...cases.flatMap(({ name, shape, worst, problem }): Finding[] => {
      if (problem !== null) return [{ kind: "kernel-error", kernel: name, shape, message: problem }];
      return worst !== null && worst > 1
        ? [{ kind: "operator-off", operator: name, shape, found: worst }]
        : [];
    }),
  ];
}

/** runtime.kernels: numbers against plain torch. A wheel that offers nothing to compare has proven nothing. */
export function kernelsCheck({ declared, operators, broken }: KernelFacts): CheckAnswer<"runtime.kernels"> {
  const cases = operators?.cases ?? [];
  const stacks = broken.map((one) => one.stacks).filter((text) => text !== "");
  const evidence = { kernels: declared, operators, ...(stacks.length > 0 ? { stacks } : {}) };
  const findings = [
    ...broken.map(({ finding }) => finding),
    ...declaredFindings(declared),
    ...operatorFindings(cases),
  ];
  if (findings.length > 0) return { result: "fail", findings, evidence };
  const isEmpty =
    declared.every(({ cases: ran }) => ran.length === 0) && cases.every(({ worst }) => worst === null);
  return isEmpty
    ? { result: "not-run", findings: [{ kind: "gap", reason: "nothing-to-compare" }], evidence }
    : { result: "pass", findings: [], evidence };
}
