import { WheelsError } from "../../errors/wheels-error.ts";
import type { Finding } from "../../findings/findings.ts";
import type { Host } from "../../host/host.ts";
import { closure } from "../../variants/features.ts";
import type { LeastCpu } from "../checks/catalogue/run.ts";
import type { ClaimedVariant } from "../facts/facts.ts";
import { type Check, type CheckOf, checkOf, makeCheck } from "../verdict/check.ts";
import { type Programs, runPrograms } from "./programs.ts";

/** The least CPU with AVX2 that QEMU knows, and what it has. Source: qemu target/i386/cpu.c, "Haswell". */
const EMULATOR = ["qemu-x86_64", "-cpu", "Haswell"];
const FEATURES: ReadonlySet<string> = new Set(
  closure(["x86-64-v3", "aes", "pclmulqdq", "rdrand"]).filter((feature) => feature !== "x86-64"),
);

/** True for a contract that promises a CPU with AVX2 and no more. */
function promisesHaswell(variant: ClaimedVariant): boolean {
  if (variant === null) return false;
  const { mayUse, mustUse } = variant.isa;
  return mustUse.includes("avx2") && closure(mayUse).every((one) => one === "x86-64" || FEATURES.has(one));
}

/**
 * Both answers as one: a CPU that the contract promises and that does not suffice is a failure.
 * @param why why there is no second answer, where there is none
 */
function joined<Id extends "runtime.import" | "runtime.kernels">(
  check: CheckOf<Id>,
  second: CheckOf<Id> | undefined,
  why: Finding,
): Check {
  const emulator = EMULATOR.join(" ");
  const { result, findings }: Pick<Check, "result" | "findings"> = second ?? {
    result: "not-run",
    findings: [why],
  };
  const leastCpu: LeastCpu = { emulator, result, findings };
  const evidence = { ...check.evidence, leastCpu };
  // Nothing of a failure or a gap changes, its words included.
  if (check.result !== "pass" && check.result !== "warn") return { ...check, evidence } as unknown as Check;
  if (!second || result !== "fail") {
    const { emulated = [], isolation } = check;
    const told = isolation === undefined ? {} : { isolation };
    return makeCheck(check.id, {
      result: check.result,
      findings: check.findings,
      evidence,
      emulated,
      ...told,
    });
  }
  return makeCheck(check.id, {
    result,
    findings: [{ kind: "fails-on-least-cpu", emulator }, ...findings],
    evidence: { ...second.evidence, leastCpu },
  });
}

async function isThere(host: Host, program: string): Promise<boolean> {
  try {
    await host.ask(program, ["--version"], { env: host.env });
    return true;
  } catch (thrown) {
    if (thrown instanceof WheelsError && thrown.code === "E_TOOL_MISSING") return false;
    throw thrown;
  }
}

/**
 * A second opinion on what ran here: import and kernels once more on an emulated CPU that has AVX2 and nothing beyond
 * it, and dies of what this CPU can do and the contract's need not.
 * @param checks answers of this machine, which come back with the second opinion in their evidence
 */
export async function onLeastCpu(
  host: Host,
  programs: Programs,
  variant: ClaimedVariant,
  checks: readonly Check[],
): Promise<Check[]> {
  const hear = (again: readonly Check[], why: Finding): Check[] =>
    checks.map((check) => {
      if (check.id === "runtime.import") return joined(check, checkOf(again, check.id), why);
      return check.id === "runtime.kernels" ? joined(check, checkOf(again, check.id), why) : check;
    });
  const without = (why: Finding): Check[] => hear([], why);
  if (!promisesHaswell(variant)) return without({ kind: "gap", reason: "no-avx2-contract" });
  if (programs.room.settings.emulator.length > 0) return without({ kind: "gap", reason: "emulated-already" });
  const [program = ""] = EMULATOR;
  if (!(await isThere(host, program))) return without({ kind: "emulator-missing", program });
  if (checks.some(({ id, result }) => id === "runtime.import" && result === "fail"))
    return without({ kind: "gap", reason: "not-importable" });
  host.log.info(`  once more, on ${EMULATOR.join(" ")}`);
  const room = { ...programs.room, settings: { ...programs.room.settings, emulator: EMULATOR } };
  const level = programs.level === "import" ? "import" : "kernels";
  const again = await runPrograms(host, { ...programs, room, level, flags: FEATURES });
  return hear(again, { kind: "gap", reason: "not-asked" });
}
