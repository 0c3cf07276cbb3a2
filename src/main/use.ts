import { join, resolve } from "node:path";
import { type BuildRequest, type BuiltWheel, buildWheel, sourceDateEpoch } from "../build/build.ts";
import { describeBuild } from "../build/dry-run.ts";
import { findCompiler, preflight } from "../build/preflight.ts";
import { demandVersion, openSource, type Source } from "../build/source.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { listDir } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { cacheDir } from "../host/paths.ts";
import { listWheels } from "../publish/listing.ts";
import { type PublishReport, publishWheels } from "../publish/publish.ts";
import type { TorchRequest, TorchSource } from "../torch/install.ts";
import { ensureUv, type Uv } from "../torch/uv.ts";
import { chooseItems, isWheelOf } from "../variants/choose.ts";
import { selectVariants, type Variant } from "../variants/manifest.ts";
import { makePlan, type PlanItem } from "../variants/plan.ts";
import { parsePythonVersions } from "../variants/request.ts";
import type { Check, Level } from "../verify/verdict.ts";
import { demandedChecks, type VerifyResult, verifyWheel } from "../verify/verify.ts";
import { escapeName, parseWheelFileName } from "../wheel/names.ts";
import { withSuffix } from "../wheel/version.ts";
import type { COMMANDS } from "./commands.ts";
import { loadVariants } from "./manifest.ts";
import type { Values } from "./options.ts";

type TorchOptions = {
  "torch-index-url": string | null;
  "torch-packages": string | null;
  "torch-version": string | null;
};

/** @throws E_OPTION_VALUE where torch itself is not among the packages */
export function torchRequest(options: TorchOptions): TorchRequest {
  const names = options["torch-packages"]?.split(/[\s,]+/).filter((name) => name !== "") ?? null;
  if (names && (!names.includes("torch") || names.some((name) => !/^[A-Za-z0-9][\w.-]*$/.test(name)))) {
    throw wheelsError("E_OPTION_VALUE", {
      option: "--torch-packages",
      value: options["torch-packages"] ?? "",
      expected: "package names, torch among them",
    });
  }
  const version = options["torch-version"];
  if (version !== null && !/^\d+(\.\d+)*([a-z0-9.]*)(\+[a-z0-9.]+)?$/.test(version)) {
    throw wheelsError("E_OPTION_VALUE", {
      option: "--torch-version",
      value: version,
      expected: "a version such as 2.13.0",
    });
  }
  return { index: options["torch-index-url"], packages: names, version };
}

export type BuildOptions = Values<typeof COMMANDS.build.options>;

interface Prepared {
  variants: Map<string, Variant>;
  selected: Variant[];
  pythons: string[];
  source: Source;
  plan: PlanItem[];
}

type RequestOptions = Pick<
  BuildOptions,
  "variant" | "vllm-version" | "source" | "python-version" | "manifest"
>;

/** Everything a request says, checked before anything is done. */
export async function prepare(host: Host, options: RequestOptions, suffix: string | null): Promise<Prepared> {
  const variants = await loadVariants(host, options.manifest);
  const selected = selectVariants(variants, options.variant);
  const pythons = options["python-version"] === null ? [] : parsePythonVersions(options["python-version"]);
  const source = await openSource(host, options.source);
  for (const asked of options["vllm-version"]?.split(",") ?? []) demandVersion(source, asked.trim());
  if (suffix !== null) withSuffix(source.version ?? "0", suffix);
  const version = source.version === null ? null : source.version + (suffix ?? "");
  return { variants, selected, pythons, source, plan: makePlan(selected, pythons, version) };
}

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

/** True where the wheel serves every later Python too, so that another build would make the same (PEP 384). */
const servesAll = (wheel: string): boolean =>
  parseWheelFileName(wheel.split("/").at(-1) ?? "")
    .abi.split(".")
    .includes("abi3");

export interface RunReport {
  plan: PlanItem[];
  built: BuiltWheel[];
  results: VerifyResult[];
  published: PublishReport | null;
  /** Lines of a dry run; empty otherwise. */
  dryRun: string[];
}

function buildRequest(
  host: Host,
  options: BuildOptions,
  source: Source,
  variant: Variant,
  python: string | null,
): BuildRequest {
  return {
    variant,
    source,
    python,
    versionSuffix: options["version-suffix"],
    outputDir: resolve(host.cwd, options["output-dir"]),
    jobs: options["max-jobs"] ?? host.cores,
    torch: torchRequest(options),
    cacheDir: cacheDir(host, options["cache-dir"] ?? undefined),
    keepScratch: options["no-cleanup"],
  };
}

/** Builds what was prepared, wheel by wheel, and hands each to `after` before the next is begun. */
export async function buildAll(
  host: Host,
  options: BuildOptions,
  prepared: Prepared,
  after: (uv: Uv, built: BuiltWheel, torch: TorchSource) => Promise<void>,
): Promise<BuiltWheel[]> {
  const compiler = await findCompiler(host);
  // All of them first: an hour of compiling is no use before "your compiler is too old for the next one".
  for (const variant of prepared.selected) await preflight(host, compiler, variant);
  const uv = await ensureUv(host, cacheDir(host, options["cache-dir"] ?? undefined));
  const built: BuiltWheel[] = [];
  const torches = new Map<string, TorchSource>();
  for (const variant of prepared.selected) {
    for (const python of prepared.pythons.length > 0 ? prepared.pythons.toSorted(byMinor) : [null]) {
      const last = built.at(-1);
      if (last?.variant === variant.name && servesAll(last.wheel)) {
        host.log.info(`${last.wheel.split("/").at(-1)} is abi3 and serves Python ${python} too`);
        continue;
      }
      host.log.info(
        `Building ${variant.name} (${prepared.selected.indexOf(variant) + 1} of ${prepared.selected.length})`,
      );
      const result = await buildWheel(
        host,
        uv,
        compiler,
        buildRequest(host, options, prepared.source, variant, python),
        torches.get(python ?? "") ?? null,
      );
      torches.set(python ?? "", result.torch);
      built.push(result.built);
      await after(uv, result.built, result.torch);
    }
  }
  return built;
}

const byMinor = (a: string, b: string): number => Number(a.split(".")[1]) - Number(b.split(".")[1]);

/** What `--dry-run` prints for a build. */
export function describeAll(host: Host, options: BuildOptions, prepared: Prepared): string[] {
  const pythons = prepared.pythons.length > 0 ? prepared.pythons : [null];
  return prepared.selected.flatMap((variant) =>
    pythons.flatMap((python) => [
      ...describeBuild(buildRequest(host, options, prepared.source, variant, python), sourceDateEpoch(host)),
      "",
    ]),
  );
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

/** Builds (or takes what is there), proves, and publishes where a target is named. */
export async function runAll(
  host: Host,
  options: Values<typeof COMMANDS.run.options>,
  level: Level = "kernels",
): Promise<RunReport> {
  const prepared = await prepare(host, options, options["version-suffix"]);
  const report: RunReport = { plan: prepared.plan, built: [], results: [], published: null, dryRun: [] };
  const target = options["publish-to"];
  const outputDir = resolve(host.cwd, options["output-dir"]);
  const torch = torchRequest(options);
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
  const failures = failuresOf(report.results);
  if (failures.length === 0 && target !== null) {
    report.published = await publishWheels(host, {
      wheels: report.results.map(({ wheel }) => wheel),
      target,
      demanded: demandedChecks("kernels"),
      dryRun: false,
      expected: [],
    });
  }
  return report;
}

/** Every failed check, as a line. */
export function failuresOf(results: readonly { wheel: string | null; checks: readonly Check[] }[]): string[] {
  return results.flatMap(({ wheel, checks }) =>
    checks
      .filter(({ result }) => result === "fail")
      .map(({ id, detail }) => `${wheel?.split("/").at(-1) ?? "environment"}: ${id}: ${detail}`),
  );
}
