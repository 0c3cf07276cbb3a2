import { z } from "zod";
import { ISA_FEATURES } from "../../variants/features.ts";
import { isSpecifier } from "../../wheel/specifier.ts";
import { ISOLATIONS } from "../verdict/check.ts";
import { CHECK_IDS, LEVELS, TARGET_KINDS } from "../verdict/verdict.ts";

const severity = z
  .enum(["strict", "error", "warn", "off"])
  .describe(
    "strict: a failure or a warning refuses the wheel; error: a failure does; warn: a failure is told only; off: the answer counts for nothing",
  );

const checks = z
  .partialRecord(z.enum(CHECK_IDS), severity)
  .describe("Severity by check; what is left out stays as in the default policy");

const target = z
  .strictObject({
    level: z.enum(LEVELS).optional().describe("How far the proof must go"),
    "accept-unproven": z
      .strictObject({
        features: z
          .array(z.enum(ISA_FEATURES))
          .optional()
          .describe("ISA features whose absence on the proving machine excuses a check that was not run"),
        "own-contract": z
          .boolean()
          .optional()
          .describe("Excuse a check not run for want of any feature of the wheel's own ISA contract"),
      })
      .optional()
      .describe("Gaps in the proof that this target takes"),
    "accept-emulated": z
      .boolean()
      .optional()
      .describe(
        "Take checks that ran on an emulated CPU, because the proving machine lacks ISA features: more than not run, less than run",
      ),
    isolation: z
      .enum(ISOLATIONS)
      .optional()
      .describe(
        "The least that must have kept the wheel from the rest of the machine while it was run: namespaces, landlock (it could write nowhere else), none",
      ),
    checks: checks.optional(),
  })
  .describe("What one kind of target demands");

/** A policy as written. Published as schemas/policy.schema.json. */
export const policySchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(1),
    strict: z.boolean().optional().describe("Take every check that is an error for strict"),
    checks: checks.optional(),
    verifier: z
      .strictObject({
        versions: z
          .string()
          .refine(isSpecifier, "is no version specifier such as >=0.1,<2 (PEP 440)")
          .describe("Versions of the verifier whose verdicts are published, as a PEP 440 specifier"),
      })
      .optional()
      .describe("Whose verdicts are published"),
    "signed-by": z
      .string()
      .optional()
      .describe(
        "Who must have signed the verdicts that are published: OWNER/REPO or OWNER/REPO@WORKFLOW.yml",
      ),
    targets: z.partialRecord(z.enum(TARGET_KINDS), target).optional(),
  })
  .describe("Which checks refuse a wheel, and what each target demands of its proof");

export type RawPolicy = z.infer<typeof policySchema>;
export type Severity = z.infer<typeof severity>;
