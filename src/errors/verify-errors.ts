import { EXIT, entry } from "./entry.ts";

/** Errors of proving. */
export const VERIFY = {
  E_VERIFY_NOTHING: entry(EXIT.badInput, "Nothing to verify", (p: { where: string }) => ({
    what: "There is no wheel to verify.",
    why: `${p.where} holds no *.whl.`,
    remedy: "Build first, or name the wheels.",
  })),
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
