import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import {
  acceptsEmulated,
  acceptsGap,
  applyPolicy,
  demandedBy,
  isTooOpen,
  type Policy,
} from "../../verify/policy/policy.ts";
import {
  answerOf,
  type Check,
  isEmulated,
  isProof,
  type TargetKind,
  type Verdict,
} from "../../verify/verdict/verdict.ts";
import { satisfies } from "../../wheel/specifier.ts";
import { isVersion } from "../../wheel/version.ts";

/** What judges a wheel's proof: the publisher's own policy, never the one that the verdict was made with. */
export interface Demand {
  policy: Policy;
  target: TargetKind;
  /** ISA features that a variant may use, by its name. */
  contracts: ReadonlyMap<string, readonly string[]>;
  /** What this release would judge by itself; null to take a verdict's word for what it was judged by. */
  own: OwnGrounds | null;
}

/** Digests of what answers depend on, as this release and the publisher's manifest have them. */
export interface OwnGrounds {
  /** Of this release. */
  version: string;
  /** Of its probes. */
  probes: string;
  /** Of the contracts, by variant. */
  contracts: ReadonlyMap<string, string>;
}

export interface Proof {
  /**
   * `proven-emulated`: all was run, some of it on an emulated CPU; `proven-but-isa`: all is proven but what this ISA
   * would have to run.
   */
  status: "proven" | "proven-emulated" | "proven-but-isa";
  /** ISA features that the proving machine lacked, so that they were emulated, or their code not run. */
  lacked: string[];
}

/** What of the proof is less than a run on a CPU that has all of the ISA; null for nothing. */
export function shortfall({ status, lacked }: Proof): string | null {
  if (status === "proven") return null;
  const features = lacked.join(", ");
  return status === "proven-emulated"
    ? `run with ${features} emulated, which the proving machine lacks`
    : `not run, because the proving machine lacks ${features}`;
}

/** @returns the refusal of a verdict that is on other bytes, or null */
export function otherBytes(
  wheel: { fileName: string; sha256: string },
  { subject: [subject] }: Verdict,
): WheelsError | null {
  if (subject?.digest.sha256 === wheel.sha256 && subject.name === wheel.fileName) return null;
  const proven = `${subject?.digest.sha256}${subject?.name === wheel.fileName ? "" : ` (${subject?.name})`}`;
  return wheelsError("E_VERDICT_OTHER_BYTES", { wheel: wheel.fileName, sha256: wheel.sha256, proven });
}

/**
 * A gap, or an answer of an emulated CPU, is taken where the policy takes it now and the verdict says that it was taken
 * when the wheel was verified.
 */
function isTaken(check: Check, { policy, target, contracts }: Demand, variant: string | null): boolean {
  const contract = (variant === null ? undefined : contracts.get(variant)) ?? [];
  const isAccepted =
    acceptsGap(policy, target, check, contract) || acceptsEmulated(policy, target, check, contract);
  return isAccepted && (check.acceptedBy?.includes(target) ?? false);
}

function gapText({ id, detail, lacks }: Check, target: TargetKind): string {
  const hint =
    lacks && lacks.length > 0
      ? ` (${target} takes this gap only with --accept-unproven=${lacks.join(",")}, given to verify and to publish)`
      : "";
  return `${id}: ${detail}${hint}`;
}

function emulatedText({ id, emulated = [] }: Check, target: TargetKind): string {
  const cure = `--accept-unproven=${emulated.join(",")}, given to verify and to publish`;
  return `${id}: it ran with ${emulated.join(", ")} emulated (${target} takes a run on a CPU that has them, or ${cure})`;
}

function openText({ id, isolation = "none" }: Check, target: TargetKind, policy: Policy): string {
  return `${id}: the wheel ran with isolation ${isolation} (${target} takes ${policy.targets[target].isolation}; verify it on a machine that has that)`;
}

/** A verdict is as good as the verifier that made it; the policy says which versions are good enough. */
function verifierProblems({ predicate: { verifier } }: Verdict, { verifierVersions }: Policy): string[] {
  if (verifierVersions === null) return [];
  const version = verifier.version["vllm-cpu-wheels"];
  if (version !== undefined && isVersion(version) && satisfies(version, verifierVersions)) return [];
  return [
    `the verdict was made by verifier ${version ?? "without a version"}; the policy takes ${verifierVersions}`,
  ];
}

const short = (digest: string | null | undefined): string => digest?.slice(0, 12) ?? "none";

/** A verdict that other grounds decided says nothing about these: a laxer manifest, probes that somebody changed. */
function groundProblems({ predicate }: Verdict, own: OwnGrounds | null): string[] {
  const { judgedBy, variant, verifier } = predicate;
  if (own === null || judgedBy === undefined) return [];
  const contract = variant === null ? null : (own.contracts.get(variant) ?? null);
  const isSameRelease = verifier.version["vllm-cpu-wheels"] === own.version;
  return [
    ...(judgedBy.contract === contract
      ? []
      : [
          `it was held to another contract (sha256 ${short(judgedBy.contract)}) than the publisher's manifest has for ${variant ?? "it"} (${short(contract)}); give verify and publish the same --manifest`,
        ]),
    ...(!isSameRelease || judgedBy.probes === own.probes
      ? []
      : [
          `it was judged by other probes (sha256 ${short(judgedBy.probes)}) than this release has (${short(own.probes)}); verify it on a machine whose installation nobody changed`,
        ]),
  ];
}

/**
 * Decides from what the checks themselves said, not from the summary that somebody may have edited nor from what
 * another policy made of it.
 * @param wheel file name and sha256 of the very bytes to publish
 * @returns the proof, or the refusal as an error to throw
 */
export function judge(
  wheel: { fileName: string; sha256: string },
  verdict: Verdict,
  demand: Demand,
): Proof | WheelsError {
  const other = otherBytes(wheel, verdict);
  if (other) return other;
  const { policy, target } = demand;
  const { verificationResult, variant } = verdict.predicate;
  const failures = [...verifierProblems(verdict, policy), ...groundProblems(verdict, demand.own)];
  for (const { id, result, before, detail } of applyPolicy(policy, verdict.predicate.checks, target)) {
    if (result === "fail") failures.push(`${id}: ${detail}${before === "warn" ? " (strict by policy)" : ""}`);
  }
  const lacked = new Set<string>();
  const emulated = new Set<string>();
  for (const id of demandedBy(policy, target)) {
    const [answer, ...others] = verdict.predicate.checks.filter((check) => check.id === id);
    if (!answer) failures.push(`${id} was not asked`);
    else if (others.length > 0) failures.push(`${id} is answered ${others.length + 1} times`);
    else if (answerOf(answer) === "not-run") {
      if (isTaken(answer, demand, variant)) for (const feature of answer.lacks ?? []) lacked.add(feature);
      else failures.push(gapText(answer, target));
    } else if (isEmulated(answer)) {
      if (isTaken(answer, demand, variant))
        for (const feature of answer.emulated ?? []) emulated.add(feature);
      else failures.push(emulatedText(answer, target));
    }
    if (answer && isProof(answer) && isTooOpen(policy, target, answer))
      failures.push(openText(answer, target, policy));
  }
  if (verificationResult !== "PASSED" && failures.length === 0)
    failures.push("the verdict's own result is FAILED");
  if (failures.length > 0) return wheelsError("E_VERDICT_FAILED", { wheel: wheel.fileName, failures });
  const status = lacked.size > 0 ? "proven-but-isa" : emulated.size > 0 ? "proven-emulated" : "proven";
  return { status, lacked: [...new Set([...lacked, ...emulated])].sort() };
}
