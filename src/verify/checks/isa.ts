import type { Finding, FindingOf } from "../../findings/findings.ts";
import type { CodePlace } from "../../findings/kind.ts";
import { isIsaFeature } from "../../variants/features.ts";
import type { RuntimeDispatch } from "../../variants/manifest-schema.ts";
import type { AuditFacts, ClaimedVariant, FeatureSample, WheelFacts } from "../facts/facts.ts";
import { compileGlob } from "../facts/glob.ts";
import type { CheckAnswer } from "../verdict/check.ts";

/** Of a library's instructions of a feature, how many the manifest's run-time dispatch excuses. */
function excused(audit: Counted, feature: string, dispatch: readonly RuntimeDispatch[]): number {
  const rules = dispatch.filter(
    (rule) => compileGlob(rule.file).test(audit.path) && rule.features.some((allowed) => allowed === feature),
  );
  if (rules.some(({ symbol }) => symbol === undefined)) return audit.found[feature] ?? 0;
  return (audit.dispatched ?? [])
    .filter(({ symbols }) => rules.some(({ symbol }) => symbol !== undefined && symbols.includes(symbol)))
    .reduce((sum, { found }) => sum + (found[feature] ?? 0), 0);
}

const isExcused = (sample: FeatureSample, path: string, dispatch: readonly RuntimeDispatch[]): boolean =>
  dispatch.some(
    ({ file, symbol, features }) =>
      symbol !== undefined &&
      sample.dispatch?.includes(symbol) &&
      compileGlob(file).test(path) &&
      features.some((allowed) => allowed === sample.feature),
  );

/** Instructions per feature over all libraries. */
export function totals(audits: readonly AuditFacts[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { found } of audits) {
    for (const [feature, count] of Object.entries(found)) sums.set(feature, (sums.get(feature) ?? 0) + count);
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => a.localeCompare(b)));
}

type Contract = NonNullable<ClaimedVariant>;
type Counted = Pick<AuditFacts, "path" | "found" | "samples" | "dispatched">;

interface NoAnswer {
  result: "fail" | "not-run";
  findings: Finding[];
  evidence: Record<never, never>;
}

/** Why code is unknown: its library can't be read, or the code was not audited. */
function unknownCode({ libraries, audits }: WheelFacts): Finding[] {
  const unreadable = new Set(libraries.filter(({ problem }) => problem !== null).map(({ path }) => path));
  return audits.flatMap(({ path, problem }): Finding[] => {
    if (problem === null) return [];
    return [{ kind: unreadable.has(path) ? "unreadable-library" : "unaudited-code", file: path, problem }];
  });
}

/** The contract that a wheel's code can be held to; or the answer where there is no code or no contract. */
function contractFor(
  facts: WheelFacts,
  variant: ClaimedVariant,
): { contract: Contract } | { contract: null; answer: NoAnswer } {
  const instead = (result: NoAnswer["result"], ...findings: Finding[]) => ({
    contract: null,
    answer: { result, findings, evidence: {} },
  });
  if (!variant) return instead("not-run", { kind: "gap", reason: "no-contract" });
  const unread = [...unknownCode(facts), ...facts.hidden.filter(({ kind }) => kind === "opaque-file")];
  if (unread.length > 0) return instead("not-run", ...unread);
  return facts.libraries.length === 0 ? instead("fail", { kind: "no-library" }) : { contract: variant };
}

const placesOf = (samples: readonly FeatureSample[]): CodePlace[] =>
  samples.map(({ address, symbol, mangled, instruction }) => ({ address, symbol, mangled, instruction }));

/** Features beyond a contract among those found in a library, what run-time dispatch excuses left out. */
function beyond(audit: Counted, { isa, name }: Contract): FindingOf<"beyond-contract">[] {
  const { mayUse, dispatch } = isa;
  const { path, found, samples } = audit;
  const allowed = new Set<string>(mayUse);
  return Object.entries(found)
    .filter(([feature]) => !allowed.has(feature))
    .map(([feature, count]) => ({
      kind: "beyond-contract" as const,
      file: path,
      feature,
      known: isIsaFeature(feature),
      count: count - excused(audit, feature, dispatch),
      variant: name,
      places: placesOf(samples.filter((one) => one.feature === feature && !isExcused(one, path, dispatch))),
    }))
    .filter(({ count }) => count > 0);
}

/**
 * Libraries whose segments are executable where their sections say data. What is in there may be constants; but the
 * loader would run it, so it is refused where it reads like code beyond the contract.
 */
function dataBeyond({ path, executableData }: AuditFacts, variant: Contract): Finding[] {
  if (!executableData) return [];
  return beyond({ path, ...executableData }, variant).map(({ file, feature, count, places }) => ({
    kind: "executable-data",
    file,
    feature,
    count,
    places,
    bytes: executableData.bytes,
  }));
}

/**
 * What bytes that nobody names and nothing leads to would be beyond a contract, read from any offset: hidden code, or
 * constants. A library whose code the manifest names by its digest is left out.
 */
function unattributedBeyond(
  { path, unattributed, codeSha256 }: AuditFacts,
  { isa: { mayUse, unnamedCode } }: Contract,
): Finding[] {
  const allowed = new Set<string>(mayUse);
  const isNamed = unnamedCode.some(
    ({ file, sha256 }) => sha256 === codeSha256 && compileGlob(file).test(path),
  );
  if (isNamed || !unattributed) return [];
  return (["code", "constants"] as const).flatMap((readsLike) =>
    Object.entries(readsLike === "code" ? unattributed.found : unattributed.data)
      .filter(([feature]) => !allowed.has(feature))
      .map(([feature, count]) => ({
        kind: "unattributed-bytes",
        file: path,
        feature,
        count,
        places: placesOf(unattributed.samples.filter((sample) => sample.feature === feature)),
        readsLike,
        ...(codeSha256 === undefined ? {} : { codeSha256 }),
      })),
  );
}

/** What each rule of run-time dispatch excuses beyond a contract: instructions by feature and library. */
function excuses(
  audits: readonly AuditFacts[],
  { isa: { mayUse, dispatch } }: Contract,
): { path: string; feature: string; count: number }[] {
  const allowed = new Set<string>(mayUse);
  return audits.flatMap((audit) =>
    Object.keys(audit.found)
      .filter((feature) => !allowed.has(feature))
      .map((feature) => ({ path: audit.path, feature, count: excused(audit, feature, dispatch) }))
      .filter(({ count }) => count > 0),
  );
}

/** A few bytes of data lie among millions of honest instructions; libraries without such data have none. */
const INVALID_PER_INSTRUCTION = 1 / 1_000_000;

/** Libraries with more byte sequences that are no known instruction than data among code explains. */
function undecodable({ path, invalid = 0, instructions }: AuditFacts): Finding[] {
  return invalid > 1 + instructions * INVALID_PER_INSTRUCTION
    ? [{ kind: "undecodable-code", file: path, count: invalid }]
    : [];
}

/** No instruction goes beyond the variant's contract, except behind a dispatch that the manifest names. */
export function isaContained(facts: WheelFacts, variant: ClaimedVariant): CheckAnswer<"isa.contained"> {
  const held = contractFor(facts, variant);
  if (held.contract === null) return held.answer;
  const { contract } = held;
  const { audits } = facts;
  const failures = [
    ...audits.flatMap((audit) => beyond(audit, contract)),
    ...audits.flatMap((audit) => dataBeyond(audit, contract)),
  ];
  const warnings = [
    ...audits.flatMap((audit) => unattributedBeyond(audit, contract)),
    ...audits.flatMap(undecodable),
  ];
  return {
    result: failures.length > 0 ? "fail" : warnings.length > 0 ? "warn" : "pass",
    findings: [...failures, ...warnings],
    evidence: {
      variant: contract.name,
      instructions: audits.reduce((sum, { instructions }) => sum + instructions, 0),
      excused: excuses(audits, contract),
      method: [...new Set(audits.map(({ method }) => method))],
      libraries: audits.map(({ path, method, coverage, sections, unattributed }) => ({
        path,
        method,
        coverage,
        sections,
        constants: unattributed?.data,
      })),
    },
  };
}

/** The contract's must-use features occur, or the name promises too much. */
export function isaUsed(facts: WheelFacts, variant: ClaimedVariant): CheckAnswer<"isa.used"> {
  const held = contractFor(facts, variant);
  if (held.contract === null) return held.answer;
  const found = totals(facts.audits);
  const { mustUse } = held.contract.isa;
  const missing = mustUse.filter((feature) => (found[feature] ?? 0) === 0);
  return {
    result: missing.length === 0 ? "pass" : "warn",
    findings: missing.map((feature) => ({ kind: "absent-feature", feature })),
    evidence: { counts: Object.fromEntries(mustUse.map((feature) => [feature, found[feature] ?? 0])) },
  };
}
