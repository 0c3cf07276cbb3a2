import { wheelsError } from "../../errors/wheels-error.ts";
import { outcome } from "../verify.ts";
import { ISOLATIONS } from "./check.ts";
import {
  CHECK_IDS,
  type Check,
  type CheckId,
  demandedChecks,
  isEmulated,
  LEVELS,
  type Verdict,
} from "./verdict.ts";

/** A verdict and where it was read. */
export interface NamedVerdict {
  file: string;
  verdict: Verdict;
}

type GivenAnswer = Check & { file: string; time: string };

/** @throws E_MERGE_OTHER_WHEEL where a property of the verdicts is not one and the same */
function demandSame(
  verdicts: readonly NamedVerdict[],
  what: string,
  of: (verdict: Verdict) => unknown,
): void {
  const values = verdicts.map(({ verdict }) => JSON.stringify(of(verdict)));
  if (new Set(values).size < 2) return;
  const shown = verdicts.map(({ file }, index) => `${file} has ${values[index]?.slice(0, 200)}`);
  throw wheelsError("E_MERGE_OTHER_WHEEL", { what, values: shown });
}

const holds = ({ result }: Pick<Check, "result">): boolean => result === "pass" || result === "warn";

/** What the answers to one question can't both be; null where they go together. */
function contradiction(id: CheckId, answers: readonly GivenAnswer[]): string | null {
  const said = (one: GivenAnswer | undefined): string =>
    `${one?.file}: ${one?.result} (${one?.detail.slice(0, 200)})`;
  const proof = answers.find(holds);
  const failure = answers.find(({ result }) => result === "fail");
  if (proof && failure) return `${id}: ${said(proof)}, but ${said(failure)}`;
  // Questions about the bytes have one answer wherever they are asked.
  const other = id.startsWith("runtime.")
    ? undefined
    : answers.find(({ result }) => result !== answers[0]?.result);
  return other && other.result !== "not-run" && answers[0]?.result !== "not-run"
    ? `${id}: ${said(answers[0])}, but ${said(other)}`
    : null;
}

/**
 * Of answers that go together, the one that says most: a warning weighs more than a pass that did not see it, and
 * either on a real CPU more than both on an emulated one.
 */
const WEIGHT = { "not-run": 0, pass: 3, warn: 4, fail: 5 } as const;
const LESS_EMULATED = 2;

/** Of two that say the same, the one whose wheel was kept from more. */
const seclusion = ({ isolation = "none" }: Check): number => ISOLATIONS.indexOf(isolation);

const weight = ({ result, emulated }: Check): number =>
  WEIGHT[result] - (holds({ result }) && emulated?.length ? LESS_EMULATED : 0);

function best(answers: readonly GivenAnswer[]): Check[] {
  const [first] = answers.toSorted((a, b) => weight(b) - weight(a) || seclusion(b) - seclusion(a));
  if (!first) return [];
  const { file: _file, time, ...check } = first;
  return [{ ...check, provenAt: time }];
}

/**
 * One verdict of several on the same bytes: for every check the best proven answer, with the time of the verdict it comes from.
 * @param verdicts at least one
 * @throws E_MERGE_OTHER_WHEEL, E_MERGE_CONTRADICTION
 */
export function mergeVerdicts(verdicts: readonly [NamedVerdict, ...NamedVerdict[]]): Verdict {
  demandSame(verdicts, "the wheel", ({ subject }) => subject);
  demandSame(verdicts, "the variant", ({ predicate }) => predicate.variant);
  demandSame(verdicts, "the verifier", ({ predicate }) => predicate.verifier);
  demandSame(verdicts, "the policy", ({ predicate }) => predicate.policy);
  demandSame(verdicts, "what it was judged by", ({ predicate }) => predicate.judgedBy);
  demandSame(verdicts, "the instructions found", ({ predicate }) => predicate.isa);
  const answersTo = (id: CheckId): GivenAnswer[] =>
    verdicts.flatMap(({ file, verdict }) =>
      verdict.predicate.checks
        .filter((check) => check.id === id)
        .map((check) => ({ ...check, file, time: verdict.predicate.timeVerified })),
    );
  const contradictions = CHECK_IDS.flatMap((id) => contradiction(id, answersTo(id)) ?? []);
  if (contradictions.length > 0) throw wheelsError("E_MERGE_CONTRADICTION", { contradictions });
  const checks = CHECK_IDS.flatMap((id) => best(answersTo(id)));
  const proven = new Set(checks.filter((check) => holds(check) && !isEmulated(check)).map(({ id }) => id));
  const deepest = verdicts.toSorted(
    (a, b) => LEVELS.indexOf(b.verdict.predicate.level) - LEVELS.indexOf(a.verdict.predicate.level),
  );
  const [{ verdict: first }] = verdicts;
  const { predicate } = first;
  // The build's own verdict says it; those of other machines' proofs don't.
  const madeOf = verdicts
    .map(({ verdict }) => verdict.predicate.buildDefinition)
    .find((one) => one !== undefined);
  return {
    ...first,
    predicate: {
      ...predicate,
      timeVerified:
        verdicts
          .map(({ verdict }) => verdict.predicate.timeVerified)
          .toSorted()
          .at(-1) ?? "",
      verificationResult: outcome(checks) === "pass" ? "PASSED" : "FAILED",
      verifiedLevels: LEVELS.filter((level) => demandedChecks(level).every((id) => proven.has(id))).map(
        (level) => `VLLM_CPU_${level.toUpperCase()}`,
      ),
      level: deepest[0]?.verdict.predicate.level ?? predicate.level,
      torch: deepest.map(({ verdict }) => verdict.predicate.torch).find((torch) => torch !== null) ?? null,
      ...(madeOf === undefined ? {} : { buildDefinition: madeOf }),
      checks,
    },
  };
}
