import { z } from "zod";
import { materialsSchema } from "../../wheel/materials.ts";
import { originSchema } from "../../wheel/origin.ts";
import { ENGINE_MODES, type EngineMode, LEVELS, type Level } from "../checks/catalogue/definition.ts";
import { coverageSchema } from "../checks/catalogue/isa.ts";
import { CHECK_IDS, type CheckId, demandedChecks } from "../checks/catalogue.ts";
import {
  answerOf,
  type Check,
  checkSchema,
  commonFields,
  isEmulated,
  isProof,
  TARGET_KINDS,
  type TargetKind,
} from "./check.ts";

export {
  answerOf,
  CHECK_IDS,
  type Check,
  type CheckId,
  demandedChecks,
  ENGINE_MODES,
  type EngineMode,
  isEmulated,
  isProof,
  LEVELS,
  type Level,
  TARGET_KINDS,
  type TargetKind,
};

/** The format of verdicts that this release writes; one without a number is of format 1. */
export const FORMAT_VERSION = 2;

const counts = z.record(z.string(), z.number());
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What the wheel claims and what its machine code holds; `coverage` differs from one format to the next. */
const isaOf = <Coverage extends z.ZodType>(coverage: Coverage) =>
  z.object({
    claimed: z.array(z.string()).describe("Features that the contract must use"),
    found: counts.describe("Instructions by feature"),
    files: z.array(
      z.object({
        path: z.string(),
        method: z.string().describe("Who named most of the code: symbols, unwind, linear (nobody) or none"),
        bytes: z.number().describe("Of code"),
        found: counts,
        coverage: coverage.optional(),
        codeSha256: sha256
          .optional()
          .describe("Over the bytes of all executable sections; absent where the code was not decoded"),
      }),
    ),
  });

export const isaSchema = isaOf(coverageSchema);

/** What the wheel claims, what its machine code holds (instructions per feature), and per library. */
export type IsaReport = z.infer<typeof isaSchema>;

export const torchSchema = z.object({ version: z.string(), cudaAvailable: z.boolean() }).nullable();

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1";

export const judgedBySchema = z
  .object({
    contract: sha256.nullable().describe("Of the variant's contract in the manifest; null for no variant"),
    probes: sha256.describe("Of the programs that ran beside the wheel"),
  })
  .describe("Digests of what decided the answers, beside the verifier's version and the policy");

/** Digests of what decided a verdict's answers. */
export type JudgedBy = z.infer<typeof judgedBySchema>;

/** A statement round a predicate; what differs between formats is left to the caller. */
const statementOf = <Shape extends z.ZodRawShape>(own: Shape) =>
  z.object({
    _type: z.literal(STATEMENT_TYPE),
    subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256 }) })).length(1),
    predicateType: z.literal(PREDICATE_TYPE),
    predicate: z.object({
      verifier: z.object({ id: z.string(), version: z.record(z.string(), z.string()) }),
      timeVerified: z.string(),
      resourceUri: z.string(),
      policy: z.object({ uri: z.string(), digest: z.object({ sha256 }).optional() }),
      verificationResult: z.enum(["PASSED", "FAILED"]),
      verifiedLevels: z.array(z.string()),
      variant: z.string().nullable(),
      level: z.enum(LEVELS),
      torch: torchSchema,
      ...own,
    }),
  });

const evidence = z.record(z.string(), z.unknown());

const placeFrame = z.looseObject({
  address: z.string(),
  symbol: z.string().nullable(),
  instruction: z.string(),
});

/** What any reader can tell of a finding, whatever its kind. */
const findingFrame = z.looseObject({
  kind: z.string(),
  file: z.string().nullable().optional(),
  requirement: z.string().nullable().optional(),
  places: z.array(placeFrame).optional(),
});

/** The deepest of these levels; static of none. */
export const deepest = (levels: readonly Level[]): Level =>
  levels.reduce((a, b) => (LEVELS.indexOf(b) > LEVELS.indexOf(a) ? b : a), "static");

/**
 * What makes a document a verdict. Findings and evidence are held to no more here than any reader must know, so that
 * a verdict of a newer release, with kinds that this one does not know, stays one.
 */
export const verdictFrame = statementOf({
  formatVersion: z.literal(FORMAT_VERSION).describe("The format of this document"),
  isa: isaSchema,
  judgedBy: judgedBySchema.optional(),
  origin: originSchema.optional(),
  lacks: z.array(z.string()).optional(),
  buildDefinition: materialsSchema.optional().catch(undefined),
  checks: z.array(
    z.object({ id: z.enum(CHECK_IDS), ...commonFields, findings: z.array(findingFrame), evidence }),
  ),
});

/** A verdict of format 1: without a number of its format, and without findings. */
export const olderFrame = statementOf({
  formatVersion: z.undefined().optional(),
  isa: isaOf(coverageSchema.omit({ unattributed: true }).extend({ unowned: z.number() })),
  checks: z.array(z.object({ id: z.enum(CHECK_IDS), ...commonFields, evidence })),
});

/** A verdict as this release writes it, every finding and every evidence of its own form. */
export const verdictSchema = statementOf({
  formatVersion: z.literal(FORMAT_VERSION),
  isa: isaSchema,
  judgedBy: judgedBySchema.optional(),
  origin: originSchema.optional().describe("The wheel that it was made of under another name"),
  lacks: z
    .array(z.string())
    .optional()
    .describe("Parts of vLLM's own CPU wheel that the wheel does not bring"),
  buildDefinition: materialsSchema
    .optional()
    .describe("What the wheel was made of, as its builder said; absent where that is not known"),
  checks: z.array(checkSchema),
});

/**
 * A verdict: an in-toto Statement v1 whose predicate is a SLSA verification summary v1, extended by the checks.
 * Sources: in-toto attestation framework, spec/v1/statement.md; slsa.dev/spec/v1.0/verification_summary.
 */
export type Verdict = z.infer<typeof verdictSchema>;

/** File name of the verdict that lies beside a wheel. */
export function verdictFileName(wheelFileName: string): string {
  return `${wheelFileName}.verdict.json`;
}

/** File name of the page for people that lies beside a wheel. */
export function reportFileName(wheelFileName: string): string {
  return `${wheelFileName}.report.html`;
}
