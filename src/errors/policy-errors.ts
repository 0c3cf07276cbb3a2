import { EXIT, entry } from "./entry.ts";

/** Errors of the policy. */
export const POLICY = {
  E_POLICY: entry(
    EXIT.badInput,
    "Policy error",
    (p: { file: string; line: number; column: number; problem: string }) => ({
      what: `${p.file}:${p.line}:${p.column}: ${p.problem}`,
      why: "The policy does not fit its schema (schemas/policy.schema.json).",
      remedy: "Correct this line; policy.yml, the default, shows every key.",
      place: { file: p.file, line: p.line, column: p.column },
    }),
  ),
  E_POLICY_UNREADABLE: entry(EXIT.badInput, "Policy unreadable", (p: { file: string; detail: string }) => ({
    what: `The policy ${p.file} can't be read.`,
    why: p.detail,
    remedy: "Check the path given with --policy.",
  })),
};
