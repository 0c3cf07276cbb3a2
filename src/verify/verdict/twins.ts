import { basename } from "node:path";
import type { VerifyResult } from "../verify.ts";
import { checkOf, withFinding } from "./check.ts";

/** Digests of all machine code of a wheel, whatever its files are called; null where some of it was not decoded. */
function codeOf({ isa }: VerifyResult): string | null {
  const digests = isa.files.map(({ codeSha256 }) => codeSha256);
  if (digests.length === 0 || digests.includes(undefined)) return null;
  return digests.sort().join();
}

/**
 * Wheels that were verified together, the answer of `isa.used` extended by a wheel with the same machine code where a
 * feature that the name promises does not occur: then two names stand for one build.
 * @returns in the order given; a result without such a twin is the same object
 */
export function nameTwins(results: readonly VerifyResult[]): VerifyResult[] {
  const codes = results.map(codeOf);
  return results.map((result, index) => {
    const twins = results.filter(
      (other, position) => other !== result && codes[index] !== null && codes[position] === codes[index],
    );
    const wheels = twins.map(({ wheel }) => basename(wheel));
    const isEmpty = checkOf(result.checks, "isa.used")?.findings.some(
      ({ kind }) => kind === "absent-feature",
    );
    if (wheels.length === 0 || !isEmpty) return result;
    const checks = result.checks.map((check) =>
      check.id === "isa.used" ? withFinding(check, { kind: "same-code", wheels }) : check,
    );
    return { ...result, checks };
  });
}
