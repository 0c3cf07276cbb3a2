import { EXIT, entry } from "./entry.ts";

/** Errors of proving. */
export const VERIFY = {
  E_VERIFY_NOTHING: entry(EXIT.badInput, "Nothing to verify", (p: { where: string }) => ({
    what: "There is no wheel to verify.",
    why: `${p.where} holds no *.whl.`,
    remedy: "Build first, or name the wheels.",
  })),
  E_PLANNED_WHEEL: entry(
    EXIT.badInput,
    "Not one wheel of the plan",
    (p: { id: string; found: string[] }) => ({
      what: `The planned wheel ${p.id} can't be proven.`,
      why:
        p.found.length === 0
          ? "No artifact of this run holds it: its build failed, or its artifact has a name of its own."
          : `Several wheels of this run fit it: ${p.found.join(", ")}.`,
      remedy: "Look at the build job, and leave the input artifact-name of build-variant empty.",
    }),
  ),
  E_WHEEL_DIGEST: entry(
    EXIT.checkFailed,
    "Another wheel than was named",
    (p: { wheel: string; is: string; wanted: string }) => ({
      what: `${p.wheel} is not the wheel that was named.`,
      why: `Its sha256 is ${p.is}, and not ${p.wanted}.`,
      remedy:
        "Run the build job and all proof jobs again; trust none of the two wheels until it is known where they come from.",
    }),
  ),
  E_MERGE_OTHER_WHEEL: entry(
    EXIT.badInput,
    "Verdicts of several wheels",
    (p: { what: string; values: string[] }) => ({
      what: `These verdicts can't be merged: they differ in ${p.what}.`,
      why: `Found: ${p.values.join("; ")}.`,
      remedy: "Merge only verdicts on the very same file, asked about the same variant by the same version.",
    }),
  ),
  E_MERGE_CONTRADICTION: entry(
    EXIT.checkFailed,
    "Verdicts contradict each other",
    (p: { contradictions: string[] }) => ({
      what: `The verdicts contradict each other in ${p.contradictions.length} ${p.contradictions.length === 1 ? "check" : "checks"}.`,
      why: p.contradictions.join("; "),
      remedy:
        "Find out which machine is wrong, and verify again there; a merged verdict never picks the kinder answer.",
    }),
  ),
} as const;
