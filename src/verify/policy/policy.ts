import { wheelsError } from "../../errors/wheels-error.ts";
import { closure, type IsaFeature, isIsaFeature } from "../../variants/features.ts";
import { readYaml } from "../../variants/yaml.ts";
import { ISOLATIONS, type Isolation } from "../verdict/check.ts";
import {
  CHECK_IDS,
  type Check,
  type CheckId,
  demandedChecks,
  isEmulated,
  type Level,
  TARGET_KINDS,
  type TargetKind,
} from "../verdict/verdict.ts";
import { policySchema, type RawPolicy, type Severity } from "./policy-schema.ts";

/** What one kind of target demands, with nothing left open. */
export interface TargetPolicy {
  level: Level;
  acceptUnproven: { features: IsaFeature[]; ownContract: boolean };
  /** True where a check that ran on an emulated CPU is taken, as one that ran on a real one is. */
  acceptEmulated: boolean;
  /** The least that must have kept the wheel from the rest of the machine while it was run. */
  isolation: Isolation;
  /** Severities that differ from the policy's own. */
  checks: Partial<Record<CheckId, Severity>>;
}

export interface Policy {
  /** True where a warning of a check that is an error refuses the wheel too. */
  strict: boolean;
  checks: Record<CheckId, Severity>;
  targets: Record<TargetKind, TargetPolicy>;
  /** Versions of the verifier whose verdicts are published; null for any. */
  verifierVersions: string | null;
  /** Who must have signed the verdicts that are published; null for nobody. */
  signedBy: string | null;
}

/** Reads a policy's text. @throws E_POLICY with the line */
export function parsePolicy(file: string, text: string): RawPolicy {
  const { data, positionOf } = readYaml(text, file, (at, problem, cause) => {
    throw wheelsError("E_POLICY", { file, ...at, problem }, cause);
  });
  const parsed = policySchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path =
    issue?.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : (issue?.path ?? []);
  const problem = `${path.map(String).join(".") || "the policy"}: ${issue?.message}`;
  throw wheelsError("E_POLICY", { file, ...positionOf(path), problem });
}

const STRICTEST: TargetPolicy = {
  level: "engine",
  acceptUnproven: { features: [], ownContract: false },
  acceptEmulated: false,
  isolation: "namespaces",
  checks: {},
};

/**
 * A policy from the default one and, over it, a user's. What neither says is at its strictest: a check is an error,
 * a target demands the highest level and excuses nothing.
 */
export function resolvePolicy(...layers: readonly RawPolicy[]): Policy {
  const policy: Policy = {
    strict: false,
    checks: Object.fromEntries(CHECK_IDS.map((id) => [id, "error"])) as Record<CheckId, Severity>,
    targets: Object.fromEntries(TARGET_KINDS.map((kind) => [kind, STRICTEST])) as Record<
      TargetKind,
      TargetPolicy
    >,
    verifierVersions: null,
    signedBy: null,
  };
  for (const layer of layers) {
    policy.strict = layer.strict ?? policy.strict;
    Object.assign(policy.checks, layer.checks);
    policy.verifierVersions = layer.verifier?.versions ?? policy.verifierVersions;
    policy.signedBy = layer["signed-by"] ?? policy.signedBy;
    for (const kind of TARGET_KINDS) {
      const before = policy.targets[kind];
      const added = layer.targets?.[kind];
      const gaps = added?.["accept-unproven"];
      policy.targets[kind] = {
        level: added?.level ?? before.level,
        acceptUnproven: {
          features: gaps?.features ?? before.acceptUnproven.features,
          ownContract: gaps?.["own-contract"] ?? before.acceptUnproven.ownContract,
        },
        acceptEmulated: added?.["accept-emulated"] ?? before.acceptEmulated,
        isolation: added?.isolation ?? before.isolation,
        checks: { ...before.checks, ...added?.checks },
      };
    }
  }
  return policy;
}

/** A check's severity, at a target or in general. */
export function severityOf(policy: Policy, id: CheckId, target: TargetKind | null): Severity {
  return (target === null ? undefined : policy.targets[target].checks[id]) ?? policy.checks[id];
}

function judged(answer: Check["result"], severity: Severity, strict: boolean): Check["result"] {
  if (severity === "off") return "not-run";
  if (severity === "warn") return answer === "fail" ? "warn" : answer;
  return (strict || severity === "strict") && answer === "warn" ? "fail" : answer;
}

/**
 * Checks as a policy judges them. What a check itself said stays in `before` where the policy changed it, so that
 * another policy, a target's for example, can judge the same answers anew.
 */
export function applyPolicy(
  policy: Policy,
  checks: readonly Check[],
  target: TargetKind | null = null,
): Check[] {
  return checks.map(({ before, acceptedBy: _acceptedBy, ...check }) => {
    const answer = before ?? check.result;
    const result = judged(answer, severityOf(policy, check.id, target), policy.strict);
    return result === answer ? { ...check, result } : { ...check, result, before: answer };
  });
}

/** What runs the wheel, and so needs the ISA: nothing else may be excused by its absence. */
const RUNS_IT: ReadonlySet<CheckId> = new Set<CheckId>([
  "runtime.import",
  "runtime.kernels",
  "runtime.engine",
]);

/**
 * True where a target takes that this check was not run.
 * @param contract ISA features that the wheel's variant may use
 */
export function acceptsGap(
  policy: Policy,
  target: TargetKind,
  { id, result, lacks }: Pick<Check, "id" | "result" | "lacks">,
  contract: readonly string[],
): boolean {
  if (result !== "not-run" || !RUNS_IT.has(id) || lacks === undefined || lacks.length === 0) return false;
  return excuses(policy.targets[target], lacks, contract);
}

function excuses(
  { acceptUnproven: { features, ownContract } }: TargetPolicy,
  lacks: readonly string[],
  contract: readonly string[],
): boolean {
  const excused = new Set<string>([...closure(features), ...(ownContract ? contract : [])]);
  return lacks.every((feature) => excused.has(feature));
}

/**
 * True where a target takes that this check ran on an emulated CPU: its policy says so, or takes even that it was not run.
 * @param contract ISA features that the wheel's variant may use
 */
export function acceptsEmulated(
  policy: Policy,
  target: TargetKind,
  check: Pick<Check, "id" | "result" | "before" | "emulated">,
  contract: readonly string[],
): boolean {
  if (!isEmulated(check) || !RUNS_IT.has(check.id)) return false;
  const demand = policy.targets[target];
  return demand.acceptEmulated || excuses(demand, check.emulated ?? [], contract);
}

/** True where a check that ran the wheel ran it with less between it and the machine than a target demands. */
export function isTooOpen(
  policy: Policy,
  target: TargetKind,
  { id, isolation = "none" }: Pick<Check, "id" | "isolation">,
): boolean {
  const demanded = ISOLATIONS.indexOf(policy.targets[target].isolation);
  return RUNS_IT.has(id) && ISOLATIONS.indexOf(isolation) < demanded;
}

/** Checks, each gap with the kinds of targets whose policy takes it: a reader of the verdict sees what was excused. */
export function markGaps(policy: Policy, checks: readonly Check[], contract: readonly string[]): Check[] {
  return checks.map((check) => {
    const acceptedBy = TARGET_KINDS.filter(
      (kind) => acceptsGap(policy, kind, check, contract) || acceptsEmulated(policy, kind, check, contract),
    );
    return acceptedBy.length > 0 ? { ...check, acceptedBy } : check;
  });
}

/** The checks that a target demands, without those that its policy switches off. */
export function demandedBy(policy: Policy, target: TargetKind): CheckId[] {
  return demandedChecks(policy.targets[target].level).filter(
    (id) => severityOf(policy, id, target) !== "off",
  );
}

/**
 * What `--accept-unproven` says, as a layer over a policy: at every target, these gaps and no others.
 * @param text ISA features and `own-contract`, comma between them
 * @returns null where a word is neither
 */
export function gapsLayer(text: string): RawPolicy | null {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const features = words.filter(isIsaFeature);
  const ownContract = words.includes("own-contract");
  if (words.length === 0 || features.length + (ownContract ? 1 : 0) !== new Set(words).size) return null;
  const gaps = { "accept-unproven": { features, "own-contract": ownContract } };
  return { version: 1, targets: Object.fromEntries(TARGET_KINDS.map((kind) => [kind, gaps])) };
}
