import { z } from "zod";
import { define } from "./definition.ts";

const REFERENCE =
  "Intel SDM vol. 2 (CPUID feature of each instruction); the variant's contract in the manifest; gABI, chapter 5 (loaders go by segments)";

const counts = z.record(z.string(), z.number());

/** Bytes of code by who says that they are code (docs/decisions/0007-what-is-code.md). */
export const coverageSchema = z.object({
  symbols: z.number(),
  unwind: z.number(),
  linear: z.number(),
  padding: z.number(),
  unattributed: z.number().describe("Bytes that nobody names and nothing leads to"),
});

/** Checks of machine code against the variant's contract. */
export const ISA_CHECKS = {
  "isa.contained": define({
    level: "static",
    title: "No instruction beyond the contract",
    question: "Is every instruction within the variant's ISA contract, or behind a named run-time choice?",
    why: "A CPU that has just what the name promises ends with an illegal instruction.",
    remedy:
      "Build it so that the build machine's CPU can't leak in, or publish it as the variant that it is.",
    tags: ["isa", "correctness"],
    reference: REFERENCE,
    evidence: {
      variant: z.string(),
      instructions: z.number(),
      method: z.array(z.string()),
      libraries: z.array(
        z.object({
          path: z.string(),
          method: z.string(),
          coverage: coverageSchema.optional(),
          sections: z.array(coverageSchema.extend({ name: z.string() })).optional(),
          constants: counts.optional().describe("What unattributed bytes that read like constants would be"),
        }),
      ),
    },
    holdsWithWarning: true,
    summary: ({ instructions, variant }) =>
      `all ${instructions} instructions are within the contract of ${variant}`,
  }),
  "isa.used": define({
    level: "static",
    title: "The promised instructions are there",
    question: "Does the machine code hold the instructions that the variant's name promises?",
    why: "Users choose the variant for its speed, and get the code of a lesser one.",
    remedy: "Look for cmake's warnings on disabled ISA support in the build's log, or drop the variant.",
    tags: ["isa", "performance"],
    reference: REFERENCE,
    evidence: { counts: counts.describe("Instructions of each feature that the contract must use") },
    summary: ({ counts: found = {} }) =>
      Object.entries(found)
        .map(([feature, count]) => `${count} × ${feature}`)
        .join(", "),
  }),
};
