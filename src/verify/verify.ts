import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readTextIfAny, writeFileAtomic } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { machineName } from "../host/machine.ts";
import { probesSha256 } from "../host/probes.ts";
import { productVersion } from "../host/version.ts";
import type { TorchRequest, TorchSource } from "../torch/install.ts";
import type { Uv } from "../torch/uv.ts";
import { contractSha256 } from "../variants/cpu-needs.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Materials } from "../wheel/materials.ts";
import type { Origin } from "../wheel/origin.ts";
import { totals } from "./checks/isa.ts";
import { askStatic } from "./checks/static-checks.ts";
import { type FirstUse, firstUses, type WheelContents, wheelContents } from "./facts/contents.ts";
import type { WheelFacts } from "./facts/facts.ts";
import { variantOfWheel, wheelFacts } from "./facts/read-wheel.ts";
import { readWheelFile } from "./facts/wheel-bytes.ts";
import type { LoadedPolicy } from "./policy/load-policy.ts";
import { applyPolicy, markGaps } from "./policy/policy.ts";
import { RUN_IDS, type RuntimeAnswer, runtimeChecks } from "./runtime/runtime.ts";
import type { RunSettings } from "./runtime/settings.ts";
import { notRun } from "./verdict/check.ts";
import { parseVerdict } from "./verdict/read-verdict.ts";
import {
  type Check,
  type CheckId,
  demandedChecks,
  FORMAT_VERSION,
  type IsaReport,
  isEmulated,
  type JudgedBy,
  LEVELS,
  type Level,
  PREDICATE_TYPE,
  STATEMENT_TYPE,
  type Verdict,
  verdictFileName,
} from "./verdict/verdict.ts";

export interface VerifyRequest {
  wheel: string;
  variants: ReadonlyMap<string, Variant>;
  /** The variant it is said to be; null to go by its name. */
  variant: Variant | null;
  level: Level;
  torch: TorchRequest;
  known: TorchSource | null;
  /** Python version such as 3.11; null to follow the wheel's tag, else the Python on PATH. */
  python: string | null;
  /** Needed above the static level. */
  uv: Uv | null;
  /** How it is run above the static level. */
  settings: RunSettings;
  /** What judges the answers. */
  policy: LoadedPolicy;
}

/** A wheel's answers, as `verify --json` lists them. */
export interface VerifyResult {
  wheel: string;
  sha256: string;
  size: number;
  variant: string | null;
  result: "pass" | "fail";
  level: Level;
  torch: { version: string; cudaAvailable: boolean } | null;
  checks: Check[];
  isa: IsaReport;
  judgedBy?: JudgedBy;
  origin?: Origin | null;
  indexRefuses?: string[];
  contents?: WheelContents;
  firstUses?: FirstUse[];
}

function isaReport(facts: WheelFacts, variant: Variant | null): IsaReport {
  return {
    claimed: variant?.isa.mustUse ?? [],
    found: totals(facts.audits),
    files: facts.audits.map(({ path, method, bytes, found, coverage, codeSha256 }) => ({
      path,
      method,
      bytes,
      found,
      ...(coverage === undefined ? {} : { coverage }),
      ...(codeSha256 === undefined ? {} : { codeSha256 }),
    })),
  };
}

/** A wheel passes where no check failed; what was not run is judged by whoever publishes. */
export function outcome(checks: readonly Check[]): "pass" | "fail" {
  return checks.some(({ result }) => result === "fail") ? "fail" : "pass";
}

/** The statement that goes beside the wheel. @param materials what it was made of; null where that is not known */
export function makeVerdict(
  result: VerifyResult,
  version: string,
  time: Date,
  policy: Verdict["predicate"]["policy"],
  materials: Materials | null,
): Verdict {
  const passed: CheckId[] = result.checks
    .filter((check) => (check.result === "pass" || check.result === "warn") && !isEmulated(check))
    .map(({ id }) => id);
  const reached = LEVELS.filter((level) => demandedChecks(level).every((id) => passed.includes(id)));
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: basename(result.wheel), digest: { sha256: result.sha256 } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      verifier: { id: "https://github.com/org/vllm-cpu-actions", version: { "vllm-cpu-wheels": version } },
      timeVerified: time.toISOString(),
      resourceUri: `pkg:pypi/${basename(result.wheel)}`,
      policy,
      formatVersion: FORMAT_VERSION,
      verificationResult: result.result === "pass" ? "PASSED" : "FAILED",
      verifiedLevels: reached.map((level) => `VLLM_CPU_${level.toUpperCase()}`),
      variant: result.variant,
      level: result.level,
      torch: result.torch,
      isa: result.isa,
      ...(result.judgedBy === undefined ? {} : { judgedBy: result.judgedBy }),
      ...(result.origin ? { origin: result.origin } : {}),
      ...(result.contents && result.contents.lacks.length > 0
        ? { lacks: result.contents.lacks.map(({ part }) => part) }
        : {}),
      ...(materials === null ? {} : { buildDefinition: materials }),
      checks: result.checks,
    },
  };
}

/**
 * Checks of an earlier verdict on the same bytes by the same verifier, contract and probes that this run did not ask
 * again, so that a quick static look does not throw a proof away.
 */
function kept(earlier: Verdict | null, result: VerifyResult, version: string): Check[] {
  const predicate = earlier?.predicate;
  if (!predicate || predicate.variant !== result.variant) return [];
  if (predicate.verifier.version["vllm-cpu-wheels"] !== version) return [];
  if (!isDeepStrictEqual(predicate.judgedBy, result.judgedBy)) return [];
  const asked = new Set(result.checks.map(({ id }) => id));
  return predicate.checks.filter(({ id }) => !asked.has(id));
}

/** The verdict that an earlier run wrote on the same bytes; null where there is none, or none that can be read. */
async function earlierVerdict(path: string, sha256: string): Promise<Verdict | null> {
  const text = await readTextIfAny(path);
  const verdict = text === null ? null : parseVerdict(basename(path), text);
  return verdict instanceof Error || verdict?.subject[0]?.digest.sha256 !== sha256 ? null : verdict;
}

/**
 * Writes the verdict beside the wheel, keeping what an earlier one proved of the same bytes.
 * @param contract ISA features that the wheel's variant may use
 * @param materials what the wheel was made of; null to keep what an earlier verdict says of it
 */
export async function saveVerdict(
  host: Host,
  result: VerifyResult,
  policy: LoadedPolicy,
  contract: readonly string[],
  materials: Materials | null,
): Promise<void> {
  const path = join(dirname(result.wheel), verdictFileName(basename(result.wheel)));
  const version = await productVersion();
  const earlier = await earlierVerdict(path, result.sha256);
  const checks = [
    ...result.checks,
    ...markGaps(policy.policy, applyPolicy(policy.policy, kept(earlier, result, version)), contract),
  ];
  const deeper = checks.length > result.checks.length && earlier !== null;
  const whole: VerifyResult = {
    ...result,
    checks,
    result: outcome(checks),
    level: deeper ? earlier.predicate.level : result.level,
    torch: result.torch ?? (deeper ? earlier.predicate.torch : null),
  };
  const madeOf = materials ?? earlier?.predicate.buildDefinition ?? null;
  const verdict = makeVerdict(whole, version, host.now(), policy.identity, madeOf);
  await writeFileAtomic(path, `${JSON.stringify(verdict, null, 2)}\n`);
}

/**
 * Asks a wheel every question up to a level; writes nothing.
 * @throws E_WHEEL_FILE; above the static level also E_TORCH_INDEX, E_TORCH_NOT_FOUND, E_PYTHON_MISSING
 */
export async function verifyWheel(host: Host, request: VerifyRequest): Promise<VerifyResult> {
  const { policy } = request;
  const bytes = await readWheelFile(request.wheel);
  const { facts, variant } = await wheelFacts(
    host,
    basename(request.wheel),
    bytes,
    (identity) => request.variant ?? variantOfWheel(request.variants.values(), identity),
  );
  const checks = askStatic(facts, variant);
  let runtime: RuntimeAnswer = { checks: [], torch: null };
  if (request.level !== "static" && request.uv) {
    const broken = checks.filter(
      ({ id, result }) => result === "fail" && (id === "zip.integrity" || id === "record.hashes"),
    );
    if (broken.length === 0) {
      runtime = await runtimeChecks(host, request.uv, {
        bytes,
        facts,
        variant,
        level: request.level,
        torch: request.torch,
        known: request.known,
        python: request.python,
        settings: request.settings,
      });
    }
    const asked = new Set([...checks, ...runtime.checks].map(({ id }) => id));
    const missing = demandedChecks(request.level).filter((id) => !asked.has(id));
    const reason = broken.length > 0 ? "archive-broken" : "not-asked";
    runtime.checks.push(...missing.map((id) => notRun(id, { kind: "gap", reason })));
  }
  const contract = variant?.isa.mayUse ?? [];
  const machine = machineName(host);
  // Questions about torch are answered where nothing of the wheel was run as well.
  const ran = runtime.checks.map((check) =>
    check.result === "not-run" || !RUN_IDS.engine.includes(check.id)
      ? check
      : { ...check, provenOn: machine },
  );
  const all = markGaps(policy.policy, applyPolicy(policy.policy, [...checks, ...ran]), contract);
  return {
    wheel: request.wheel,
    sha256: facts.sha256,
    size: facts.size,
    variant: variant?.name ?? null,
    result: outcome(all),
    level: request.level,
    torch: runtime.torch,
    checks: all,
    isa: isaReport(facts, variant),
    judgedBy: { contract: variant && contractSha256(variant), probes: await probesSha256(host) },
    origin: facts.origin,
    indexRefuses: facts.indexProblems,
    contents: wheelContents(bytes),
    firstUses: firstUses(facts.audits),
  };
}
