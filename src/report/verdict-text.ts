import type { Result } from "../verify/verdict/result.ts";

/** The verdict in a few words, with what was not run. */
export function verdictText({ result, checks, level }: Pick<Result, "result" | "checks" | "level">): string {
  if (result === "fail") {
    const failed = checks.filter((check) => check.result === "fail");
    return `FAILED ${failed.map(({ id }) => id).join(", ")}`;
  }
  const lacked = new Set(checks.flatMap((check) => check.lacks ?? []));
  if (lacked.size > 0) return `proven, not run (lacks ${[...lacked].join(", ")})`;
  const unrun = checks.filter((check) => check.result === "not-run");
  return unrun.length > 0 ? `${unrun.length} checks not run` : `proven (${level})`;
}
