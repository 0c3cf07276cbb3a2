import { basename } from "node:path";
import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { formatBytes } from "../host/units.ts";
import { contractsOf } from "../variants/cpu-needs.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Policy } from "../verify/policy/policy.ts";
import type { TargetKind } from "../verify/verdict/verdict.ts";
import { askedRefusals } from "./gate/asked.ts";
import { isRefusal, proven, readWheel, type SignedWheel } from "./gate/candidates.ts";
import { type Expected, missingOf } from "./gate/expect.ts";
import { type OwnGrounds, type Proof, shortfall } from "./gate/gate.ts";
import { originRefusals } from "./gate/origins.ts";
import { takeIn } from "./gate/store.ts";
import {
  type Candidate,
  type EarlierFile,
  lastRelease,
  missingVariants,
  planPublish,
  projectOf,
  type UploadPlan,
} from "./plan/planner.ts";
import { type SignatureDemand, signaturesOf } from "./signing/check.ts";
import { parseTarget, splitTargets } from "./targets/parse.ts";
import type { Target } from "./targets/target.ts";

/** What is demanded of a publish, and what its targets are told; the wheels come later. */
export interface PublishRequest {
  /** One target, or a comma list. */
  target: string;
  /** What the targets demand of a wheel's proof. */
  policy: Policy;
  /** What wheels are held to. */
  variants: readonly Variant[];
  /** What this release would judge by itself. */
  own: OwnGrounds;
  /** Who must have signed the verdicts; null for nobody. */
  signatures: SignatureDemand | null;
  /** True where every wheel must have a PEP 740 attestation beside it. */
  attested: boolean;
  dryRun: boolean;
  /** Wheels that must be among these, or nothing is published. */
  expected: readonly Expected[];
  /** Distributions that a release must have all of, here or at the target; empty where that does not matter. */
  complete: readonly string[];
  /** Simple index that tells what an upload index holds; null for the target's own guess. */
  checkUrl: string | null;
  /** What an upload index takes a file, MiB, and a project, GiB; null for its default. */
  fileLimit: number | null;
  projectLimit: number | null;
  /** https address that a folder index will have, without a slash at its end; null where it is not known. */
  servedAt: string | null;
  /** True where a folder index tells variants in the format of variantlib too. */
  variantIndex: boolean;
  /** Index or folder whose torch pages a folder index links; null for none. */
  torchIndex: string | null;
  /** cpuinfo flags that a CPU must show, by distribution and architecture; see needsKey. */
  needs: ReadonlyMap<string, readonly string[]>;
  /** Folder beside which the journal is kept. */
  folder: string;
}

/** Targets that have said that this run may write to them. */
export interface Publisher {
  /** For messages. */
  name: string;
  /** Kinds of the targets, as policies name them. */
  kinds: TargetKind[];
  /**
   * Publishes wheels whose verdicts prove these very bytes: all of them, or none. With several targets, nothing goes to
   * any before all have said what they would refuse.
   * @param wheels paths, each with its verdict beside it
   * @param onRefusal told of every refusal before the first of them is thrown
   * @throws the first refusal (E_VERDICT_*, E_PUBLISH_CONFLICT, E_PUBLISH_RULES) after naming every one; E_PUBLISH_*,
   *   E_BUSY, E_OUTPUT_DIR, E_INDEX_READ, E_GITHUB_API
   */
  publish(wheels: readonly string[], onRefusal: OnRefusal): Promise<PublishReport>;
}

type OnRefusal = (refusals: readonly WheelsError[]) => void;

export interface TargetReport {
  target: string;
  published: string[];
  /** What is new at the target, also in a dry run. */
  planned: string[];
  skipped: string[];
  install: string[];
  /** Of what is new: its size in bytes, beside that of the last release that the target has. */
  sizes: { file: string; bytes: number; before: EarlierFile | null }[];
}

export interface PublishReport extends TargetReport {
  dryRun: boolean;
  /** File names whose ISA the proving machine lacked, with the features: their code was not run, or on an emulated CPU. */
  unrun: { file: string; lacked: string[] }[];
  emulated: { file: string; lacked: string[] }[];
  /** Machines that ran the wheels, by file name. */
  provers: { file: string; on: string[] }[];
  /** One a target; what stands above is all of them together. */
  targets: TargetReport[];
}

interface Planning {
  target: Target;
  candidates: Candidate[];
  plan: UploadPlan;
  sizes: TargetReport["sizes"];
}

function refuseAll(host: Host, onRefusal: OnRefusal, refusals: readonly WheelsError[]): void {
  const [first] = refusals;
  if (!first) return;
  onRefusal(refusals);
  for (const refusal of refusals) host.log.error(`  refuse ${refusal.code}: ${refusal.what} ${refusal.why}`);
  host.log.error("Nothing was published.");
  throw first;
}

async function readSigned(
  host: Host,
  path: string,
  store: string,
  { signatures: demand, attested, variants }: PublishRequest,
): Promise<SignedWheel | WheelsError> {
  const wheel = await readWheel(host, await takeIn(path, store), variants);
  if (isRefusal(wheel)) return wheel;
  const signatures = await signaturesOf(wheel, demand, attested);
  return isRefusal(signatures) ? signatures : { ...wheel, signatures };
}

/** One wheel after the other: each is decoded on all cores. */
async function readAll(
  host: Host,
  paths: readonly string[],
  store: string,
  request: PublishRequest,
): Promise<(SignedWheel | WheelsError)[]> {
  const stage = host.log.stage(`Reading ${paths.length} ${paths.length === 1 ? "wheel" : "wheels"}...`);
  try {
    const read = [];
    for (const path of paths) read.push(await readSigned(host, path, store, request));
    stage.done();
    return read;
  } catch (thrown) {
    stage.failed();
    throw thrown;
  }
}

function prove(target: Target, wheels: readonly SignedWheel[], { policy, variants, own }: PublishRequest) {
  const demand = { policy, target: target.kind, contracts: contractsOf(variants), own };
  return wheels.map((wheel) => proven(wheel, demand));
}

/**
 * Asks everything of a publish that does not need the wheels, so that nothing is built in vain.
 * @throws E_PUBLISH_TARGET, E_PUBLISH_CREDENTIALS, E_OUTPUT_DIR
 */
export async function preparePublish(host: Host, request: PublishRequest): Promise<Publisher> {
  const targets = splitTargets(request.target).map((text) => parseTarget(host, text, request));
  if (!request.dryRun) for (const target of targets) await target.demandAccess();
  return {
    name: request.target,
    kinds: targets.map(({ kind }) => kind),
    publish: (wheels, onRefusal) =>
      host.scratch.withFolder("vcw-publish", (store) =>
        publishWheels(host, targets, wheels, store, request, onRefusal),
      ),
  };
}

async function publishWheels(
  host: Host,
  targets: readonly Target[],
  paths: readonly string[],
  store: string,
  request: PublishRequest,
  onRefusal: OnRefusal,
): Promise<PublishReport> {
  for (const { name } of targets) host.log.info(`Publishing to ${name}${request.dryRun ? " (dry run)" : ""}`);
  const fileNames = paths.map((path) => basename(path));
  const projects = projectsOf(fileNames.map(projectOf), request);
  for (const target of targets) target.announce?.(projects, new Set(fileNames));
  const read = await readAll(host, paths, store, request);
  const missing = missingOf(request.expected, fileNames);
  const wheels = read.filter((one): one is SignedWheel => !isRefusal(one));
  const judged = targets.map((target) => prove(target, wheels, request));
  refuseAll(host, onRefusal, [
    ...read.filter(isRefusal),
    ...judged.flat().filter(isRefusal),
    ...originRefusals(wheels),
    ...(missing.length > 0 ? [wheelsError("E_PUBLISH_INCOMPLETE", { missing })] : []),
  ]);
  const proofs = judged.map((one) => one.filter((each): each is Candidate => !isRefusal(each)));
  const act = (): Promise<PublishReport> => planAndPublish(host, targets, proofs, request, onRefusal);
  if (request.dryRun) return act();
  return targets.reduceRight<() => Promise<PublishReport>>(
    (inner, target) => () => target.exclusively(inner),
    act,
  )();
}

const projectsOf = (projects: readonly string[], { complete }: PublishRequest): string[] => [
  ...new Set([...projects, ...complete]),
];

/** A size, as a share of the last release's where there is one. */
function sizeText({ bytes, before }: TargetReport["sizes"][number]): string {
  if (before === null) return formatBytes(bytes);
  const share = (bytes / before.size).toFixed(2);
  return `${formatBytes(bytes)}, ${share} × the ${formatBytes(before.size)} of ${before.version}`;
}

async function planFor(
  host: Host,
  target: Target,
  candidates: Candidate[],
  request: PublishRequest,
): Promise<Planning> {
  const projects = projectsOf(
    candidates.map(({ project }) => project),
    request,
  );
  const wanted = new Set(candidates.map(({ fileName }) => fileName));
  const existing = await target.existing(projects, wanted);
  const plan = planPublish(candidates, existing, target);
  plan.refuse.push(...missingVariants(candidates, [...existing.keys()], request.complete));
  if (target.limits.isUploadIndex) plan.refuse.push(...(await askedRefusals(host, target.name, plan.upload)));
  const sizes = plan.upload.map((candidate) => {
    const { fileName, size, proof } = candidate;
    const told = { file: fileName, bytes: size, before: lastRelease(candidate, existing) };
    const less = shortfall(proof);
    host.log.info([`  upload ${fileName}`, sizeText(told), ...(less === null ? [] : [less])].join(" · "));
    return told;
  });
  for (const { fileName } of plan.skip)
    host.log.info(`  skip   ${fileName}: already there with the same bytes`);
  return { target, candidates, plan, sizes };
}

/** Where a wheel's checks were run, each machine once. */
const proversOf = ({ verdict }: Candidate): string[] => [
  ...new Set(verdict.predicate.checks.flatMap(({ provenOn }) => provenOn ?? [])),
];

const names = (candidates: readonly Candidate[]): string[] => candidates.map(({ fileName }) => fileName);

async function planAndPublish(
  host: Host,
  targets: readonly Target[],
  proofs: readonly Candidate[][],
  request: PublishRequest,
  onRefusal: OnRefusal,
): Promise<PublishReport> {
  const { dryRun } = request;
  const plannings: Planning[] = [];
  for (const [index, target] of targets.entries())
    plannings.push(await planFor(host, target, proofs[index] ?? [], request));
  refuseAll(
    host,
    onRefusal,
    plannings.flatMap(({ plan }) => plan.refuse),
  );
  const reports: TargetReport[] = [];
  for (const { target, plan, sizes } of plannings) {
    const all = [...plan.upload, ...plan.skip];
    if (!dryRun) await target.publish(plan.upload, all);
    reports.push({
      target: target.name,
      published: dryRun ? [] : names(plan.upload),
      planned: names(plan.upload),
      skipped: names(plan.skip),
      install: await target.installHint(all),
      sizes,
    });
  }
  const together = (key: "published" | "planned" | "skipped" | "install"): string[] => [
    ...new Set(reports.flatMap((report) => report[key])),
  ];
  const candidates = plannings.flatMap((planning) => planning.candidates);
  const having = (status: Proof["status"]): PublishReport["unrun"] => {
    const found = candidates
      .filter(({ proof }) => proof.status === status)
      .map(({ fileName, proof }) => [fileName, { file: fileName, lacked: proof.lacked }] as const);
    return [...new Map(found).values()];
  };
  const provers = new Map(candidates.map((one) => [one.fileName, proversOf(one)]));
  return {
    target: reports.map(({ target }) => target).join(", "),
    dryRun,
    published: together("published"),
    planned: together("planned"),
    skipped: together("skipped"),
    unrun: having("proven-but-isa"),
    emulated: having("proven-emulated"),
    provers: [...provers].map(([file, on]) => ({ file, on })),
    install: together("install"),
    sizes: reports.flatMap(({ sizes }) => sizes),
    targets: reports,
  };
}

/**
 * Marks files as withdrawn at a target.
 * @throws E_WITHDRAW, E_PUBLISH_TARGET, E_PUBLISH_CREDENTIALS, E_BUSY, E_GITHUB_API
 */
export async function withdrawFiles(
  host: Host,
  request: { target: string; files: readonly string[]; reason: string },
): Promise<{ target: string; withdrawn: string[]; reason: string }> {
  const target = parseTarget(host, request.target);
  const files = request.files.map((file) => basename(file));
  await target.demandAccess();
  await target.exclusively(() => target.withdraw(files, request.reason));
  return { target: target.name, withdrawn: files, reason: request.reason };
}
