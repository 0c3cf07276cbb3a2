import { leastIsolation } from "../../verify/verdict/check.ts";
import type { Result } from "../../verify/verdict/result.ts";
import type { Verdict } from "../../verify/verdict/verdict.ts";
import { titleOf } from "../markdown.ts";
import { checksText } from "./checks-text.ts";

/** What `verify` prints: each wheel's or environment's checks under its own title. */
export function verifyText(results: readonly Result[], colour: boolean): string {
  return results
    .map((result) => {
      const seen = result.torch
        ? `\n  torch ${result.torch.version}, CUDA available: ${result.torch.cudaAvailable ? "True" : "False"}`
        : "";
      const isolation = leastIsolation(result.checks);
      const open =
        isolation === undefined || isolation === "namespaces" ? "" : `\n  run with isolation ${isolation}`;
      const title = `${titleOf(result)}: ${result.result === "pass" ? "passed" : "FAILED"} (${result.level})${seen}${open}`;
      return checksText(title, result, colour);
    })
    .join("\n\n");
}

/** What `merge` prints. */
export function mergeText({ subject, predicate }: Verdict, colour: boolean): string {
  const { verificationResult, verifiedLevels } = predicate;
  const levels = verifiedLevels.map((level) => level.replace("VLLM_CPU_", "").toLowerCase());
  const title = `${subject[0]?.name}: ${verificationResult} (${levels.join(", ") || "no level"} proven)`;
  return checksText(title, predicate, colour);
}
