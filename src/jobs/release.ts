import { basename, join, resolve } from "node:path";
import type { BuiltWheel } from "../build/build.ts";
import { type BuildGroups, type BuiltAgainst, buildPrepared, describeBuild } from "../build/build-wheels.ts";
import { keptMaterials } from "../build/materials/kept-materials.ts";
import { type Prepared, prepare } from "../build/prepare.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { listDir } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { writeAlsoAs } from "../publish/also-as.ts";
import { type Publishing, publisherFor } from "../publish/prepare.ts";
import type { Publisher, PublishReport } from "../publish/publish.ts";
import type { ReportFiles, ReportPaths } from "../report/report-files.ts";
import type { TorchSource } from "../torch/install.ts";
import type { Variant } from "../variants/manifest.ts";
import type { PlanItem } from "../variants/plan.ts";
import { type LoadedPolicy, loadPolicy, type PolicyRequest } from "../verify/policy/load-policy.ts";
import { type ProofDepth, prove } from "../verify/prove.ts";
import { deepest, type Level } from "../verify/verdict/verdict.ts";
import type { VerifyResult } from "../verify/verify.ts";
import { escapeName } from "../wheel/names.ts";
import { failuresOf } from "./prove.ts";
import { type TraceReport, tracing } from "./trace.ts";
import { demandReports, writeReports } from "./write-reports.ts";

export interface ReleaseRequest extends BuildGroups {
  depth: ProofDepth;
  judging: PolicyRequest;
  publishing: Publishing;
  reports: ReportFiles;
  /** True to take the wheels that are in the output folder. */
  skipBuild: boolean;
  dryRun: boolean;
}

export interface ReleaseReport {
  plan: PlanItem[];
  built: BuiltWheel[];
  /** What each wheel was built against, in the order of the wheels; empty where none was built. */
  torch: TorchSource[];
  results: VerifyResult[];
  /** Null where no target was named, or a check failed. */
  published: PublishReport | null;
  /** Lines of a dry run; empty otherwise. */
  dryRun: string[];
  reports: ReportPaths;
  /** How long building, verifying and publishing took, and the whole command; seconds. */
  seconds: { building: number; verifying: number; publishing: number; total: number };
  /** Where the time went; null for a dry run. */
  trace: TraceReport | null;
}

/** What a release has asked for before its first compile. */
interface Ready {
  prepared: Prepared;
  policy: LoadedPolicy;
  publisher: Publisher | null;
  outputDir: string;
  level: Level;
}

/** @throws E_PUBLISH_NOTHING */
async function wheelsIn(folder: string, selected: readonly Variant[]): Promise<string[]> {
  const prefixes = selected.map(({ distribution }) => `${escapeName(distribution)}-`);
  const wheels = (await listDir(folder))
    .map(({ name }) => name)
    .filter(
      (name) => name.endsWith(".whl") && prefixes.some((prefix) => name.toLowerCase().startsWith(prefix)),
    )
    .map((name) => join(folder, name));
  if (wheels.length === 0) throw wheelsError("E_PUBLISH_NOTHING", { where: folder });
  return wheels;
}

/** Everything that could say no, asked before an hour of compiling. */
async function ready(host: Host, request: ReleaseRequest): Promise<Ready> {
  const { publishing, depth, skipBuild, dryRun } = request;
  const prepared = await prepare(host, request.what);
  const policy = await loadPolicy(host.cwd, request.judging);
  const outputDir = resolve(host.cwd, request.how.outputDir);
  const { to } = publishing;
  const signedBy = publishing.signedBy ?? policy.policy.signedBy;
  if (to !== null && signedBy !== null && !skipBuild)
    throw wheelsError("E_RELEASE_UNSIGNED", { by: signedBy });
  const variants = [...prepared.variants.values()];
  const grounds = { variants, policy: policy.policy, folder: outputDir, dryRun };
  const publisher = to === null ? null : await publisherFor(host, { ...publishing, to }, grounds);
  const demanded = publisher?.kinds.map((kind) => policy.policy.targets[kind].level) ?? [];
  if (!dryRun)
    await demandReports(
      host,
      request.reports,
      skipBuild ? await wheelsIn(outputDir, prepared.selected) : prepared.plan.map(({ id }) => id),
    );
  return { prepared, policy, publisher, outputDir, level: deepest([depth.level, ...demanded]) };
}

async function describe(host: Host, request: ReleaseRequest, at: Ready): Promise<string[]> {
  const { prepared, publisher, outputDir } = at;
  const steps = request.skipBuild
    ? (await wheelsIn(outputDir, prepared.selected)).map((wheel) => `# verifies ${basename(wheel)}`)
    : describeBuild(host, request, prepared);
  const { alsoAs } = request.publishing;
  return [
    ...steps,
    ...(alsoAs === null ? [] : [`# writes each wheel as ${alsoAs}, too, and verifies that`]),
    ...(publisher ? [`# publishes what is proven to ${publisher.name}`] : []),
  ];
}

async function obtain(host: Host, request: ReleaseRequest, at: Ready): Promise<BuiltAgainst[] | string[]> {
  return request.skipBuild
    ? wheelsIn(at.outputDir, at.prepared.selected)
    : buildPrepared(host, request, at.prepared);
}

/**
 * Plans, builds (or takes what is there), proves as far as asked and as the targets demand, and publishes where a target
 * is named and nothing failed.
 * @throws what {@link prepare}, {@link buildPrepared}, {@link prove} and a publish throw; E_RELEASE_UNSIGNED
 */
export async function release(host: Host, request: ReleaseRequest): Promise<ReleaseReport> {
  const started = host.monotonic();
  const at = await ready(host, request);
  const none: ReportPaths = { html: [], markdown: null, sarif: null };
  const report: ReleaseReport = {
    plan: at.prepared.plan,
    built: [],
    torch: [],
    results: [],
    published: null,
    dryRun: [],
    reports: none,
    seconds: { building: 0, verifying: 0, publishing: 0, total: 0 },
    trace: null,
  };
  if (request.dryRun) return { ...report, dryRun: await describe(host, request, at) };
  const { trace } = await tracing(host, () => carryOut(host, request, at, report));
  report.seconds.total = (host.monotonic() - started) / 1000;
  return { ...report, trace };
}

/** Builds, proves and publishes, and writes into the report what came of it. */
async function carryOut(
  host: Host,
  request: ReleaseRequest,
  at: Ready,
  report: ReleaseReport,
): Promise<void> {
  const { prepared, policy, publisher, level } = at;
  const since = (from: number): number => (host.monotonic() - from) / 1000;
  const building = host.monotonic();
  const wheels: { path: string; torch: TorchSource | null; built: BuiltWheel | null }[] = (
    await obtain(host, request, at)
  ).map((one) =>
    typeof one === "string" ? { path: one, torch: null, built: null } : { ...one, path: one.built.wheel },
  );
  const { alsoAs } = request.publishing;
  if (alsoAs !== null) {
    const variants = [...prepared.variants.values()];
    for (const { path, torch } of [...wheels])
      for (const other of await writeAlsoAs(host, [path], alsoAs, variants))
        wheels.push({ path: other, torch, built: null });
  }
  report.built = wheels.flatMap(({ built }) => built ?? []);
  report.torch = wheels.flatMap(({ torch }) => torch ?? []);
  if (!request.skipBuild) report.seconds.building = since(building);
  const verifying = host.monotonic();
  report.results = await prove(
    host,
    {
      variants: prepared.variants,
      variant: null,
      depth: { ...request.depth, level },
      torch: request.torch,
      pythons: prepared.pythons,
      policy,
      writesVerdicts: true,
      materialsOf: keptMaterials,
    },
    wheels,
  );
  report.reports = await writeReports(host, request.reports, report.results);
  report.seconds.verifying = since(verifying);
  const publishing = host.monotonic();
  if (publisher && failuresOf(report.results).length === 0)
    report.published = await publisher.publish(
      wheels.map(({ path }) => path),
      () => undefined,
    );
  if (report.published) report.seconds.publishing = since(publishing);
}
