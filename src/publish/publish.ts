import { createHash } from "node:crypto";
import { basename } from "node:path";
import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import { isMissing, readBytes, readTextIfAny } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { type CheckId, type Verdict, verdictFileName, verdictSchema } from "../verify/verdict.ts";
import { FormatError } from "../wheel/format-error.ts";
import { oneOf } from "../wheel/metadata.ts";
import { normalizeName } from "../wheel/names.ts";
import { openWheel } from "../wheel/wheel-file.ts";
import { readZip } from "../wheel/zip-reader.ts";
import { type Expected, missingOf } from "./expect.ts";
import { judge } from "./gate.ts";
import { type Candidate, planPublish } from "./planner.ts";
import { parseTarget } from "./targets/parse.ts";
import type { Target } from "./targets/target.ts";

export interface PublishRequest {
  /** Paths of wheels, each with its verdict beside it. */
  wheels: readonly string[];
  target: string;
  /** Checks that must be answered. */
  demanded: readonly CheckId[];
  dryRun: boolean;
  /** Wheels that must be among these, or nothing is published. */
  expected: readonly Expected[];
  /** Told of every refusal before the first of them is thrown. */
  onRefusal?: (refusals: readonly WheelsError[]) => void;
}

export interface PublishReport {
  target: string;
  dryRun: boolean;
  published: string[];
  /** What is new at the target, also in a dry run. */
  planned: string[];
  skipped: string[];
  /** File names whose ISA the proving machine lacked, with the features. */
  unrun: { file: string; lacked: string[] }[];
  install: string[];
}

async function verdictOf(wheel: string): Promise<Verdict | WheelsError> {
  const path = verdictFileName(wheel);
  const text = await readTextIfAny(path);
  if (text === null)
    return wheelsError("E_VERDICT_MISSING", { wheel: basename(wheel), expected: basename(path) });
  try {
    return verdictSchema.parse(JSON.parse(text));
  } catch (thrown) {
    const detail = thrown instanceof SyntaxError ? "It is no JSON." : "It does not have a verdict's shape.";
    return wheelsError("E_VERDICT_INVALID", { verdict: basename(path), detail }, thrown);
  }
}

const isRefusal = (value: object): value is WheelsError => value instanceof Error;

async function candidateOf(
  path: string,
  request: PublishRequest,
  target: Target,
): Promise<Candidate | WheelsError> {
  const fileName = basename(path);
  const bytes = await readBytes(path).catch((thrown: unknown) => {
    const detail = isMissing(thrown) ? "There is no such file." : String(thrown);
    throw wheelsError("E_WHEEL_FILE", { wheel: path, detail }, thrown);
  });
  const verdict = await verdictOf(path);
  if (isRefusal(verdict)) return verdict;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const proof = judge({ fileName, sha256 }, verdict, {
    checks: request.demanded,
    allowIsaGap: target.allowsIsaGap,
  });
  if (isRefusal(proof)) return proof;
  try {
    const wheel = openWheel(fileName, readZip(bytes));
    const { metadata } = wheel;
    const raw = wheel.entries.find(({ name }) => name === `${wheel.distInfo}/METADATA`);
    return {
      path,
      fileName,
      project: normalizeName(oneOf(metadata, "Name") ?? ""),
      version: oneOf(metadata, "Version") ?? "",
      sha256,
      size: bytes.length,
      requiresPython: oneOf(metadata, "Requires-Python"),
      metadata: raw?.read() ?? new Uint8Array(),
      verdict,
      proof,
    };
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return wheelsError("E_WHEEL_FORMAT", { wheel: fileName, detail: thrown.message }, thrown);
  }
}

function refuseAll(host: Host, request: PublishRequest, refusals: readonly WheelsError[]): void {
  const [first] = refusals;
  if (!first) return;
  request.onRefusal?.(refusals);
  for (const refusal of refusals) host.log.error(`  refuse ${refusal.code}: ${refusal.what} ${refusal.why}`);
  host.log.error("Nothing was published.");
  throw first;
}

/**
 * Publishes wheels whose verdicts prove these very bytes; all of them, or none.
 * @throws the first refusal (E_VERDICT_*, E_PUBLISH_CONFLICT) after naming every one; E_PUBLISH_*, E_BUSY, E_OUTPUT_DIR
 */
export async function publishWheels(host: Host, request: PublishRequest): Promise<PublishReport> {
  const target = parseTarget(host, request.target);
  host.log.info(`Publishing to ${target.name}${request.dryRun ? " (dry run)" : ""}`);
  const judged = await Promise.all(request.wheels.map((path) => candidateOf(path, request, target)));
  const missing = missingOf(
    request.expected,
    request.wheels.map((path) => basename(path)),
  );
  refuseAll(host, request, [
    ...judged.filter(isRefusal),
    ...(missing.length > 0 ? [wheelsError("E_PUBLISH_INCOMPLETE", { missing })] : []),
  ]);
  const candidates = judged.filter((one): one is Candidate => !isRefusal(one));
  const act = (): Promise<PublishReport> => planAndPublish(host, target, candidates, request);
  return request.dryRun ? act() : target.exclusively(act);
}

async function planAndPublish(
  host: Host,
  target: Target,
  candidates: readonly Candidate[],
  request: PublishRequest,
): Promise<PublishReport> {
  const { dryRun } = request;
  const existing = await target.existing([...new Set(candidates.map(({ project }) => project))]);
  const plan = planPublish(candidates, existing, target.name);
  for (const { fileName, proof } of plan.upload) {
    const gap =
      proof.lacked.length > 0 ? ` · not run here: this machine lacks ${proof.lacked.join(", ")}` : "";
    host.log.info(`  upload ${fileName}${gap}`);
  }
  for (const { fileName } of plan.skip)
    host.log.info(`  skip   ${fileName}: already there with the same bytes`);
  refuseAll(host, request, plan.refuse);
  const all = [...plan.upload, ...plan.skip];
  if (!dryRun) await target.publish(plan.upload, all);
  return {
    target: target.name,
    dryRun,
    published: dryRun ? [] : plan.upload.map(({ fileName }) => fileName),
    planned: plan.upload.map(({ fileName }) => fileName),
    skipped: plan.skip.map(({ fileName }) => fileName),
    unrun: all
      .filter(({ proof }) => proof.lacked.length > 0)
      .map(({ fileName, proof }) => ({ file: fileName, lacked: proof.lacked })),
    install: target.installHint(all),
  };
}
