import { basename } from "node:path";
import { isProblem } from "../../verify/verdict/check.ts";
import type { VerifyResult } from "../../verify/verify.ts";
import type { BuiltOutcome, PublishOutcome, TraceOutcome } from "../outcomes.ts";
import { checksText } from "./checks-text.ts";
import { buildTable, publishText, type Spent, spentText, traceText } from "./tables.ts";

/** What a release has done. */
interface Release {
  built: readonly BuiltOutcome[];
  results: readonly VerifyResult[];
  published: PublishOutcome | null;
  seconds: Spent;
  trace: TraceOutcome | null;
}

/** What `run` prints: the table of wheels, what is wrong with each, and what was published. */
export function releaseText(report: Release, colour: boolean): string {
  const parts = [`\n${buildTable(report.built, report.results)}`, spentText(report.seconds)];
  const slow = report.trace === null ? "" : traceText(report.trace);
  if (slow !== "") parts.push(slow);
  for (const result of report.results) {
    const checks = result.checks.filter(isProblem);
    if (checks.length > 0) parts.push(checksText(`\n${basename(result.wheel)}:`, { checks }, colour));
  }
  if (report.published) parts.push(`\n${publishText(report.published)}`);
  return parts.join("\n");
}
