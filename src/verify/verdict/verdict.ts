import { z } from "zod";

/** The names of the questions; permanent, because policies and published verdicts refer to them. */
export const CHECK_IDS = [
  "zip.integrity",
  "record.hashes",
  "name.agreement",
  "tags.agreement",
  "platform.glibc",
  "platform.libraries",
  "elf.cuda-free",
  "metadata.torch-requirement",
  "metadata.cpu-instructions",
  "isa.contained",
  "isa.used",
  "runtime.resolve",
  "runtime.torch-cpu",
  "runtime.cuda-unavailable",
  "runtime.no-cuda-packages",
  "runtime.torchvision",
  "runtime.import",
  "runtime.kernels",
  "runtime.engine",
] as const;

export type CheckId = (typeof CHECK_IDS)[number];

export const LEVELS = ["static", "import", "kernels", "engine"] as const;

/** How far a proof goes; each level includes the ones before it. */
export type Level = (typeof LEVELS)[number];

const ADDED: Record<Level, readonly CheckId[]> = {
  static: CHECK_IDS.filter((id) => !id.startsWith("runtime.")),
  import: CHECK_IDS.filter(
    (id) => id.startsWith("runtime.") && id !== "runtime.kernels" && id !== "runtime.engine",
  ),
  kernels: ["runtime.kernels"],
  engine: ["runtime.engine"],
};

/** The checks that a level is made of; each level includes the ones below it. */
export function demandedChecks(level: Level): readonly CheckId[] {
  return LEVELS.slice(0, LEVELS.indexOf(level) + 1).flatMap((one) => ADDED[one]);
}

/** Kinds of targets, as the part before the colon names them; `url` is any upload index but `pypi`. */
export const TARGET_KINDS = ["index", "pypi", "url", "github-release"] as const;

export type TargetKind = (typeof TARGET_KINDS)[number];

export const checkSchema = z.object({
  id: z.enum(CHECK_IDS),
  result: z.enum(["pass", "fail", "warn", "not-run"]),
  /** What the check itself said, where the policy made another result of it. */
  before: z.enum(["pass", "fail", "warn", "not-run"]).optional(),
  detail: z.string(),
  /** The facts the answer rests on; the shape is the check's own. */
  evidence: z.record(z.string(), z.unknown()),
  /** The rule the check applies: PEP, specification section, thread. */
  reference: z.string().optional(),
  remedy: z.string().optional(),
  /** Why a check was not run, for machines: the ISA features this machine lacks, or another reason. */
  lacks: z.array(z.string()).optional(),
  /** ISA features that this machine lacks and that were emulated while the check ran: more than not run, less than run. */
  emulated: z.array(z.string()).optional(),
  /** Kinds of targets whose policy, when the wheel was verified, took this gap; publishing demands it again. */
  acceptedBy: z.array(z.enum(TARGET_KINDS)).optional(),
});

/** One named question and its answer. A `not-run` is never a pass. */
export type Check = z.infer<typeof checkSchema>;

/** True where a check gave an answer, and gave it on an emulated CPU. */
export function isEmulated({
  result,
  before,
  emulated,
}: Pick<Check, "result" | "before" | "emulated">): boolean {
  const answer = before ?? result;
  return (answer === "pass" || answer === "warn") && emulated !== undefined && emulated.length > 0;
}

export const isaSchema = z.object({
  claimed: z.array(z.string()),
  found: z.record(z.string(), z.number()),
  files: z.array(
    z.object({
      path: z.string(),
      method: z.string(),
      bytes: z.number(),
      found: z.record(z.string(), z.number()),
      /** Bytes by who says that they are code (docs/decisions/0007-what-is-code.md). */
      coverage: z
        .object({
          symbols: z.number(),
          unwind: z.number(),
          linear: z.number(),
          padding: z.number(),
          unowned: z.number(),
        })
        .optional(),
      /** SHA-256 over the bytes of all executable sections; left out where the code was not decoded. */
      codeSha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
    }),
  ),
});

/** What the wheel claims, what its machine code holds (instructions per feature), and per library. */
export type IsaReport = z.infer<typeof isaSchema>;

export const torchSchema = z.object({ version: z.string(), cudaAvailable: z.boolean() }).nullable();

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1";

export const verdictSchema = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z
    .array(z.object({ name: z.string(), digest: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }) }))
    .length(1),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.object({
    verifier: z.object({ id: z.string(), version: z.record(z.string(), z.string()) }),
    timeVerified: z.string(),
    resourceUri: z.string(),
    policy: z.object({
      uri: z.string(),
      digest: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
    }),
    verificationResult: z.enum(["PASSED", "FAILED"]),
    verifiedLevels: z.array(z.string()),
    variant: z.string().nullable(),
    level: z.enum(LEVELS),
    torch: torchSchema,
    isa: isaSchema,
    checks: z.array(checkSchema),
  }),
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
