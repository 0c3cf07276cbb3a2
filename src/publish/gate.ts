import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import type { Check, CheckId, Verdict } from "../verify/verdict.ts";

/** What a target asks of a wheel's proof. */
export interface Demand {
  checks: readonly CheckId[];
  /** True where a check may be missing for no other reason than an ISA that the proving machine lacks. */
  allowIsaGap: boolean;
}

export interface Proof {
  /** `proven-but-isa`: all is proven but what this ISA would have to run. */
  status: "proven" | "proven-but-isa";
  /** ISA features that the proving machine lacked. */
  lacked: string[];
}

/** A warning here means that the wheel's name promises instructions it does not hold: the second lie. */
const NO_WARNING: ReadonlySet<CheckId> = new Set<CheckId>(["isa.used"]);

/** Only running needs the ISA; nothing else may be excused by its absence. */
const NEEDS_ISA: ReadonlySet<CheckId> = new Set<CheckId>([
  "runtime.import",
  "runtime.kernels",
  "runtime.engine",
]);

function excused(check: Check, demand: Demand): boolean {
  return (
    demand.allowIsaGap &&
    check.result === "not-run" &&
    NEEDS_ISA.has(check.id) &&
    (check.lacks?.length ?? 0) > 0
  );
}

/**
 * Decides from the checks themselves, not from the summary that somebody may have edited.
 * @param wheel file name and sha256 of the very bytes to publish
 * @returns the proof, or the refusal as an error to throw
 */
export function judge(
  wheel: { fileName: string; sha256: string },
  verdict: Verdict,
  demand: Demand,
): Proof | WheelsError {
  const [subject] = verdict.subject;
  if (subject?.digest.sha256 !== wheel.sha256 || subject.name !== wheel.fileName) {
    const proven = `${subject?.digest.sha256}${subject?.name === wheel.fileName ? "" : ` (${subject?.name})`}`;
    return wheelsError("E_VERDICT_OTHER_BYTES", { wheel: wheel.fileName, sha256: wheel.sha256, proven });
  }
  const { checks, verificationResult } = verdict.predicate;
  const failures: string[] = [];
  for (const check of checks) {
    if (check.result === "fail") failures.push(`${check.id}: ${check.detail}`);
    if (check.result === "warn" && NO_WARNING.has(check.id)) failures.push(`${check.id}: ${check.detail}`);
  }
  const lacked = new Set<string>();
  for (const id of demand.checks) {
    const [answer, ...others] = checks.filter((check) => check.id === id);
    if (!answer) failures.push(`${id} was not asked`);
    else if (others.length > 0) failures.push(`${id} is answered ${others.length + 1} times`);
    else if (answer.result === "not-run") {
      if (excused(answer, demand)) for (const feature of answer.lacks ?? []) lacked.add(feature);
      else failures.push(`${id}: ${answer.detail}`);
    }
  }
  if (verificationResult !== "PASSED" && failures.length === 0)
    failures.push("the verdict's own result is FAILED");
  if (failures.length > 0) return wheelsError("E_VERDICT_FAILED", { wheel: wheel.fileName, failures });
  return { status: lacked.size > 0 ? "proven-but-isa" : "proven", lacked: [...lacked].sort() };
}
