import { z } from "zod";
import {
  type Finding,
  findingSchema,
  findingText,
  placeOf,
  placeText,
  remedyOf,
} from "../../findings/findings.ts";
import { CHECK_IDS, CHECKS, type CheckId, definitionOf, type EvidenceOf } from "../checks/catalogue.ts";

/** Kinds of targets, as the part before the colon names them; `url` is any upload index but `pypi`. */
export const TARGET_KINDS = ["index", "pypi", "url", "github-release"] as const;

/** One of {@link TARGET_KINDS}. */
export type TargetKind = (typeof TARGET_KINDS)[number];

const result = z.enum(["pass", "fail", "warn", "not-run"]);

/**
 * What keeps a wheel that is run from the rest of the machine, the least first: nothing; Landlock, which keeps it from
 * writing; namespaces of its own, in which it sees no other process and no network either.
 */
export const ISOLATIONS = ["none", "landlock", "namespaces"] as const;

/** One of {@link ISOLATIONS}. */
export type Isolation = (typeof ISOLATIONS)[number];

/** The least that kept any of these from the rest of the machine; undefined where none says. */
export const leastIsolation = (
  all: readonly { isolation?: Isolation | undefined }[],
): Isolation | undefined => ISOLATIONS.find((one) => all.some(({ isolation }) => isolation === one));

/** What a check says: `not-run` is never a pass. */
export type CheckResult = z.infer<typeof result>;

/** What all checks have, whatever they ask. */
export const commonFields = {
  result: result.describe("What the policy made of the answer"),
  before: result
    .optional()
    .describe("What the check itself said, where the policy made another result of it"),
  detail: z.string().describe("One line for people, made of the findings; means nothing to a program"),
  omitted: z.number().optional().describe("Findings that are left out here"),
  reference: z.string().optional().describe("The rule that the check applies"),
  remedy: z.string().optional().describe("What to do"),
  lacks: z
    .array(z.string())
    .optional()
    .describe(
      "Of a check not run: ISA features that the machine lacked; absent where another reason kept it",
    ),
  emulated: z
    .array(z.string())
    .optional()
    .describe(
      "Of a check that ran: ISA features that the machine lacked and that were emulated for it; absent where none were",
    ),
  acceptedBy: z
    .array(z.enum(TARGET_KINDS))
    .optional()
    .describe(
      "Of a check not run, or run with something emulated: kinds of targets whose policy took that when the wheel was verified",
    ),
  provenOn: z
    .string()
    .optional()
    .describe("Of a check that ran the wheel: the CPU, and the runner where there was one"),
  isolation: z
    .enum(ISOLATIONS)
    .optional()
    .describe("Of a check that ran the wheel: what kept it from the rest of the machine"),
  provenAt: z
    .string()
    .optional()
    .describe("Of a merged verdict: the time of the verdict that the answer is from"),
};

const common = z.object(commonFields);

/** One named question and its answer. */
export type CheckOf<Id extends CheckId> = z.infer<typeof common> & {
  id: Id;
  findings: Finding[];
  evidence: EvidenceOf<Id>;
};

/** One of all named questions and its answer. A `not-run` is never a pass. */
export type Check = { [Id in CheckId]: CheckOf<Id> }[CheckId];

const schemas = CHECK_IDS.map((id) =>
  z.object({
    id: z.literal(id),
    ...commonFields,
    findings: z.array(findingSchema),
    evidence: definitionOf(id).evidence,
  }),
);

/** A check with its findings and its evidence, each of its own form. */
export const checkSchema = z.discriminatedUnion("id", [
  schemas[0] as (typeof schemas)[number],
  ...schemas.slice(1),
]) as unknown as z.ZodType<Check>;

/** A check's answer before anything is made of it for people or by a policy. */
export interface CheckAnswer<Id extends CheckId> {
  result: CheckResult;
  /** What was found: why it is no pass. */
  findings: readonly Finding[];
  evidence: EvidenceOf<Id>;
  /** ISA features that this machine lacks and that were emulated while the check ran. */
  emulated?: readonly string[];
  /** Of programs that ran the wheel: what kept the least isolated of them from the rest of the machine. */
  isolation?: Isolation;
}

/** The answer of a check that any finding fails. */
export const failOn = <Evidence>(
  findings: readonly Finding[],
  evidence: Evidence,
): { result: "pass" | "fail"; findings: readonly Finding[]; evidence: Evidence } => ({
  result: findings.length > 0 ? "fail" : "pass",
  findings,
  evidence,
});

/**
 * The answer of a check that failures fail and warnings don't. In a wheel of no variant failures of these kinds are no more
 * than warnings: nobody said that such a wheel keeps our rules.
 */
export const failOnOwn = <Evidence>(
  { failures, warnings }: { failures: readonly Finding[]; warnings: readonly Finding[] },
  evidence: Evidence,
  told: ReadonlySet<Finding["kind"]>,
  isVariant: boolean,
): { result: "pass" | "warn" | "fail"; findings: readonly Finding[]; evidence: Evidence } => {
  const fails = failures.some(({ kind }) => isVariant || !told.has(kind));
  const findings = [...failures, ...warnings];
  return { result: fails ? "fail" : findings.length > 0 ? "warn" : "pass", findings, evidence };
};

/** Findings that an answer keeps, and those that its sentence tells. */
const MOST_FINDINGS = 50;
const MOST_TOLD = 5;

function detailOf(id: CheckId, { result: said, findings, evidence }: CheckAnswer<CheckId>): string {
  const { summary, holdsWithWarning = false } = definitionOf(id);
  const good = said === "pass" || (said === "warn" && holdsWithWarning) ? summary(evidence) : null;
  // uv and pip often say the same of a wheel: a sentence is told once.
  const sentences = [...new Set(findings.map(findingText))];
  const told = sentences.slice(0, MOST_TOLD);
  const more = sentences.length - told.length;
  const [first] = findings;
  const [place] = first && first.kind !== "crash" ? placeOf(first).places : [];
  const parts = [
    ...(good === null ? [] : [good]),
    ...(told.length === 0 ? [] : [told.join("; ") + (more > 0 ? ` (and ${more} more)` : "")]),
    ...(place ? [`first: ${placeText(place)}`] : []),
  ];
  return parts.join("; ");
}

/**
 * A check of an answer. What people read of it is made here, of findings and evidence, and nowhere else.
 * ISA features that a finding says this machine lacks are told to machines too.
 */
export function makeCheck<Id extends CheckId>(id: Id, answer: CheckAnswer<Id>): Check {
  const { result: said, findings, evidence, emulated = [], isolation } = answer;
  const { reference, remedy } = CHECKS[id];
  const lacks = findings.find((one) => one.kind === "lacks-features")?.features;
  const advice = said === "pass" ? null : (remedyOf(findings) ?? (isProblem(answer) ? remedy : null));
  const check: CheckOf<Id> = {
    id,
    result: said,
    detail: detailOf(id, answer as CheckAnswer<CheckId>),
    findings: findings.slice(0, MOST_FINDINGS),
    ...(findings.length > MOST_FINDINGS ? { omitted: findings.length - MOST_FINDINGS } : {}),
    evidence,
    ...(reference === null ? {} : { reference }),
    ...(advice === null ? {} : { remedy: advice }),
    ...(said === "not-run" && lacks ? { lacks } : {}),
    ...(emulated.length > 0 ? { emulated: [...emulated] } : {}),
    ...(isolation === undefined || said === "not-run" ? {} : { isolation }),
  };
  // One of a union by its id; the compiler does not follow that from a type parameter.
  return check as unknown as Check;
}

/** A check with one more finding; its words are made anew. */
export function withFinding<Id extends CheckId>(check: CheckOf<Id>, finding: Finding): Check {
  const { id, result: said, before, findings, evidence, detail: _d, remedy: _r, ...rest } = check;
  const own = makeCheck(id, { result: before ?? said, findings: [...findings, finding], evidence });
  return { ...own, ...rest, result: said, ...(before === undefined ? {} : { before }) };
}

/** The answer to one question among several; undefined where it was not asked. */
export function checkOf<Id extends CheckId>(checks: readonly Check[], id: Id): CheckOf<Id> | undefined {
  return checks.find((check): check is Check & CheckOf<Id> => check.id === id);
}

/** What a check itself said, whatever a policy made of it. */
export const answerOf = ({ result: said, before }: Pick<Check, "result" | "before">): Check["result"] =>
  before ?? said;

/** True where a check said itself, whatever a policy made of it, that what it asks holds. */
export function isProof(check: Pick<Check, "result" | "before">): boolean {
  const answer = answerOf(check);
  return answer === "pass" || answer === "warn";
}

/** True where a check gave an answer, and gave it on an emulated CPU: more than not run, less than run. */
export const isEmulated = (check: Pick<Check, "result" | "before" | "emulated">): boolean =>
  isProof(check) && (check.emulated ?? []).length > 0;

/** True for an answer that people must be told of. */
export const isProblem = ({ result: said }: Pick<Check, "result">): boolean =>
  said === "fail" || said === "warn";

/** A check that was not run, and why. */
export const notRun = (id: CheckId, ...findings: readonly Finding[]): Check =>
  makeCheck(id, { result: "not-run", findings, evidence: {} });
