import type { Result } from "../verify/verdict/result.ts";
import { type CheckId, isEmulated } from "../verify/verdict/verdict.ts";

const DONE: Partial<Record<CheckId, string>> = {
  "runtime.import": "imported",
  "runtime.kernels": "kernels run",
  "runtime.engine": "engine run",
  "runtime.speed": "speed",
};

const emulatedText = (features: readonly string[]): string =>
  features.every((feature) => feature.startsWith("amx_")) ? "AMX" : features.join(", ");

/** How many instructions were emulated, where they were counted. */
function countText(checks: Result["checks"]): string {
  const counts = checks.flatMap(({ evidence }) =>
    "tiles" in evidence ? Object.values(evidence.tiles ?? {}) : [],
  );
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total > 0 ? ` (${total} instructions)` : "";
}

/** The verdict in a few words, with what was not run, and what was run on an emulated CPU. */
export function verdictText({ result, checks, level }: Pick<Result, "result" | "checks" | "level">): string {
  if (result === "fail") {
    const failed = checks.filter((check) => check.result === "fail");
    return `FAILED ${failed.map(({ id }) => id).join(", ")}`;
  }
  const lacked = new Set(checks.flatMap((check) => check.lacks ?? []));
  if (lacked.size > 0) return `proven, not run (lacks ${[...lacked].join(", ")})`;
  const emulated = checks.filter(isEmulated);
  const unrun = checks.filter((check) => check.result === "not-run");
  const deepest = emulated.at(-1);
  if (deepest) {
    const features = [...new Set(emulated.flatMap((check) => check.emulated ?? []))];
    const rest = unrun.length > 0 ? `, ${unrun.length} checks not run` : "";
    return `${DONE[deepest.id] ?? deepest.id}, ${emulatedText(features)} emulated${countText(emulated)}${rest}`;
  }
  return unrun.length > 0 ? `${unrun.length} checks not run` : `proven (${level})`;
}

/** True for a wheel that passed without being run, because the machine lacked its ISA. */
export const isUnrun = ({ result, checks }: Pick<Result, "result" | "checks">): boolean =>
  result === "pass" && checks.some(({ lacks }) => lacks?.length);

/** What to do with a wheel that {@link isUnrun}. */
export const unrunText = (one: Pick<Result, "variant" | "wheel" | "result" | "checks" | "level">): string =>
  `${one.variant ?? one.wheel}: ${verdictText(one)}. Prove it on a machine that has it before it is published to an index of others.`;
