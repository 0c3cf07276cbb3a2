import { join, resolve } from "node:path";
import type { BuiltWheel } from "../build/build.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { listDir } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { cacheDir } from "../host/paths.ts";
import type { COMMANDS } from "../options/commands.ts";
import type { Values } from "../options/options.ts";
import { policyRequest } from "../options/policy-options.ts";
import { torchRequest } from "../options/torch-request.ts";
import { listWheels } from "../publish/plan/list-wheels.ts";
import { type PublishReport, publishWheels } from "../publish/publish.ts";
import { parseTarget, splitTargets } from "../publish/targets/parse.ts";
import { CPU_INDEX, type TorchSource } from "../torch/install.ts";
import { ensureUv, type Uv } from "../torch/uv.ts";
import { chooseItems, isWheelOf } from "../variants/choose.ts";
import { contractsOf, cpuNeeds } from "../variants/cpu-needs.ts";
import type { Variant } from "../variants/manifest.ts";
import type { PlanItem } from "../variants/plan.ts";
import { loadPolicy } from "../verify/policy/load-policy.ts";
import { type Check, LEVELS, type Level } from "../verify/verdict/verdict.ts";
import { type VerifyResult, verifyWheel } from "../verify/verify.ts";
import { escapeName } from "../wheel/names.ts";
import { type BuildOptions, buildAll, describeAll } from "./build-use.ts";
import { prepare } from "./prepare.ts";
import { demandReports, type WrittenReports, writeReports } from "./reports.ts";

/** A plan after only, skip and skip-existing. */
export interface ChosenPlan {
  plan: PlanItem[];
  /** What the index has already. */
  existing: PlanItem[];
}

/** @throws what {@link prepare} throws, E_PLAN_EMPTY, E_INDEX_READ */
export async function choosePlan(
  host: Host,
  options: Values<typeof COMMANDS.plan.options>,
): Promise<ChosenPlan> {
  const { plan } = await prepare(host, options, options["version-suffix"]);
  const { runner } = options;
  const items = chooseItems(plan, options.only, options.skip).map((item) =>
    runner === null ? item : { ...item, runnerLabels: [runner.replaceAll("{variant}", item.variant)] },
  );
  const index = options["skip-existing"];
  if (index === null) return { plan: items, existing: [] };
  if (items.some(({ version }) => version === null))
    host.log.warn("The source states no version, so skip-existing can't tell which wheels are there");
  const there = await listWheels(host, index, [...new Set(items.map(({ distribution }) => distribution))]);
  const isThere = (item: PlanItem): boolean =>
    item.version !== null && there.some((file) => isWheelOf(item, file));
  return { plan: items.filter((item) => !isThere(item)), existing: items.filter(isThere) };
}

export interface RunReport {
  plan: PlanItem[];
  built: BuiltWheel[];
  results: VerifyResult[];
  published: PublishReport | null;
  /** Lines of a dry run; empty otherwise. */
  dryRun: string[];
  /** Missing where nothing was verified. */
  reports?: WrittenReports;
}

async function wheelsIn(folder: string, selected: readonly Variant[]): Promise<string[]> {
  const prefixes = selected.map(({ distribution }) => `${escapeName(distribution)}-`);
  return (await listDir(folder))
    .map(({ name }) => name)
    .filter(
      (name) => name.endsWith(".whl") && prefixes.some((prefix) => name.toLowerCase().startsWith(prefix)),
    )
    .map((name) => join(folder, name));
}

/** The deepest of these levels. */
const deepest = (levels: readonly Level[]): Level =>
  levels.reduce((a, b) => (LEVELS.indexOf(b) > LEVELS.indexOf(a) ? b : a), "static");

/** Builds (or takes what is there), proves as far as asked and as the target demands, and publishes where one is named. */
export async function runAll(
  host: Host,
  options: Values<typeof COMMANDS.run.options> & BuildOptions,
  wanted: Level = "kernels",
): Promise<RunReport> {
  const prepared = await prepare(host, options, options["version-suffix"]);
  demandReports(
    host,
    options,
    prepared.plan.map(({ id }) => id),
  );
  const report: RunReport = { plan: prepared.plan, built: [], results: [], published: null, dryRun: [] };
  const target = options["publish-to"];
  const outputDir = resolve(host.cwd, options["output-dir"]);
  const torch = torchRequest(options);
  const policy = await loadPolicy(host.cwd, policyRequest(options));
  const demanded = target === null ? [] : splitTargets(target).map((text) => parseTarget(host, text).kind);
  const level = deepest([wanted, ...demanded.map((kind) => policy.policy.targets[kind].level)]);
  const prove = async (uv: Uv, wheel: string, known: TorchSource | null): Promise<void> => {
    const stage = host.log.stage(`Verifying ${wheel.split("/").at(-1)}...`);
    try {
      const result = await verifyWheel(host, {
        wheel,
        variants: prepared.variants,
        variant: null,
        level,
        torch,
        known,
        python: prepared.pythons[0] ?? null,
        uv,
        writeVerdict: true,
        policy,
      });
      report.results.push(result);
      const { torch: seen } = result;
      stage.done(
        seen
          ? `torch ${seen.version}, CUDA available: ${seen.cudaAvailable ? "True" : "False"}`
          : result.result,
      );
    } catch (thrown) {
      stage.failed();
      throw thrown;
    }
  };

  if (options["dry-run"]) {
    const wheels = options["skip-build"] ? await wheelsIn(outputDir, prepared.selected) : [];
    report.dryRun = options["skip-build"]
      ? wheels.map((wheel) => `# verifies ${wheel}`)
      : describeAll(host, options, prepared);
    if (target !== null) report.dryRun.push(`# publishes what is proven to ${target}`);
    return report;
  }
  if (options["skip-build"]) {
    const wheels = await wheelsIn(outputDir, prepared.selected);
    if (wheels.length === 0) throw wheelsError("E_PUBLISH_NOTHING", { where: outputDir });
    const uv = await ensureUv(host, cacheDir(host, options["cache-dir"] ?? undefined));
    for (const wheel of wheels) await prove(uv, wheel, null);
  } else {
    report.built = await buildAll(host, options, prepared, (uv, { wheel }, known) => prove(uv, wheel, known));
  }
  report.reports = await writeReports(host, options, report.results);
  const failures = failuresOf(report.results);
  if (failures.length === 0 && target !== null) {
    report.published = await publishWheels(host, {
      wheels: report.results.map(({ wheel }) => wheel),
      target,
      policy: policy.policy,
      contracts: contractsOf(prepared.variants.values()),
      dryRun: false,
      expected: [],
      torchIndex: options["torch-index-url"] ?? CPU_INDEX,
      needs: cpuNeeds(prepared.variants.values()),
      cache: cacheDir(host, options["cache-dir"] ?? undefined),
    });
  }
  return report;
}

/** Every failed check, as a line; of an environment that is refused, what was not run too. */
export function failuresOf(
  results: readonly { wheel: string | null; result: "pass" | "fail"; checks: readonly Check[] }[],
): string[] {
  return results.flatMap(({ wheel, result: whole, checks }) =>
    checks
      .filter(
        ({ result }) => result === "fail" || (wheel === null && whole === "fail" && result === "not-run"),
      )
      .map(({ id, detail }) => `${wheel?.split("/").at(-1) ?? "environment"}: ${id}: ${detail}`),
  );
}
