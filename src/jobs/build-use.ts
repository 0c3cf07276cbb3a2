import { basename, resolve } from "node:path";
import { type BuiltWheel, type FinishRequest, finishWheel, holdingOutput } from "../build/build.ts";
import { parseBuildEnvironment } from "../build/build-environment.ts";
import { describeCompile, describeFinish, type PlannedCompile } from "../build/dry-run.ts";
import { sourceDateEpoch } from "../build/epoch.ts";
import { demandGlibcFloor } from "../build/glibc.ts";
import { demandLibraries } from "../build/machine.ts";
import { type Compiler, findCompiler, preflight } from "../build/preflight.ts";
import { pruneCache } from "../build/prune.ts";
import { sweepSlots } from "../build/slot.ts";
import { obtainSource } from "../build/source/obtain.ts";
import { compileUnit } from "../build/unit.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { cacheDir } from "../host/paths.ts";
import type { COMMANDS } from "../options/commands.ts";
import type { Values } from "../options/options.ts";
import { torchRequest } from "../options/torch-request.ts";
import type { TorchSource } from "../torch/install.ts";
import { ensureUv, type Uv } from "../torch/uv.ts";
import type { Unit } from "../variants/units.ts";
import { parseWheelFileName } from "../wheel/names.ts";
import { compareVersions, isVersion } from "../wheel/version.ts";
import type { Batch, Planned, Prepared } from "./prepare.ts";

/** A command's options; an action can't go on with another job's build, and keeps none. */
export type BuildOptions = Values<typeof COMMANDS.build.options> & { keepBroken?: false };

/** True where the wheel serves every later Python too, so that another build would make the same (PEP 384). */
const servesAll = (wheel: string): boolean =>
  parseWheelFileName(basename(wheel)).abi.split(".").includes("abi3");

const byMinor = (a: string, b: string): number => Number(a.split(".")[1]) - Number(b.split(".")[1]);

/** The variants of a batch by what they are compiled from, in the batch's order. */
function byUnit({ planned }: Batch): { unit: Unit; planned: Planned[] }[] {
  const groups = new Map<Unit, Planned[]>();
  for (const one of planned) groups.set(one.unit, [...(groups.get(one.unit) ?? []), one]);
  return [...groups].map(([unit, members]) => ({ unit, planned: members }));
}

const outputDirOf = (host: Host, options: BuildOptions): string => resolve(host.cwd, options["output-dir"]);

function compileRequest(
  host: Host,
  options: BuildOptions,
  prepared: Prepared,
  { source, found }: Batch,
  unit: Unit,
  planned: readonly Planned[],
  python: string | null,
): PlannedCompile {
  const [first] = planned;
  if (!first) throw wheelsError("E_INTERNAL", { detail: `nothing is made of ${unit.name}` });
  return {
    unit,
    architecture: first.variant.architecture,
    found,
    patches: prepared.recipes.patches,
    source,
    python,
    jobs: options["max-jobs"],
    torch: torchRequest(options),
    cacheDir: cacheDir(host, options["cache-dir"] ?? undefined),
    exclude: [outputDirOf(host, options)],
    onednn: options["onednn-source"],
    resume: options.resume,
    keepBroken: options.keepBroken ?? true,
    fresh: options.fresh,
    keepDebug: options["keep-debug"],
    keepScratch: options["no-cleanup"],
    epoch: sourceDateEpoch(host),
    distribution: first.variant.distribution,
    requirements: [],
    buildEnvironment: parseBuildEnvironment(options["build-env"], found.recipe),
  };
}

function finishRequest(host: Host, options: BuildOptions, batch: Batch, planned: Planned): FinishRequest {
  return {
    variant: planned.variant,
    recipe: batch.found.recipe,
    kernels: planned.kernels,
    version: batch.source.version,
    versionSuffix: options["version-suffix"],
    torchRequirement: options["torch-requirement"],
    glibc: options.glibc,
    outputDir: outputDirOf(host, options),
    keepDebug: options["keep-debug"],
    keepScratch: options["no-cleanup"],
    epoch: sourceDateEpoch(host),
    isSample: batch.source.label === "sample",
  };
}

/** All of it first: an hour of compiling is no use before "your compiler is too old for the next one". */
async function preflightAll(
  host: Host,
  compiler: Compiler,
  prepared: Prepared,
  glibc: string | null,
): Promise<void> {
  for (const { found, planned } of prepared.batches) {
    for (const { variant, unit } of planned) await preflight(host, compiler, variant, unit.compilers);
    await demandLibraries(host, compiler, found.recipe.libraries);
  }
  if (glibc === null) return;
  if (!/^2\.\d+$/.test(glibc) || !isVersion(glibc))
    throw wheelsError("E_OPTION_VALUE", {
      option: "--glibc",
      value: glibc,
      expected: "a glibc version such as 2.28",
    });
  await demandGlibcFloor(host, compiler, glibc);
}

/** Builds what was prepared, wheel by wheel, and hands each to `after` before the next is begun. */
export async function buildAll(
  host: Host,
  options: BuildOptions,
  prepared: Prepared,
  after: (uv: Uv, built: BuiltWheel, torch: TorchSource) => Promise<void>,
): Promise<BuiltWheel[]> {
  sourceDateEpoch(host);
  for (const { found } of prepared.batches) parseBuildEnvironment(options["build-env"], found.recipe);
  const compiler = await findCompiler(host);
  await preflightAll(host, compiler, prepared, options.glibc);
  const cache = cacheDir(host, options["cache-dir"] ?? undefined);
  const uv = await ensureUv(host, cache);
  if (!options["no-cleanup"] && !options.resume) await pruneCache(host, cache);
  const known = knownReleases(prepared);
  const built: BuiltWheel[] = [];
  const slots = new Set<string>();
  const compiles =
    prepared.batches.reduce((sum, batch) => sum + byUnit(batch).length, 0) *
    Math.max(1, prepared.pythons.length);
  let begun = 0;
  for (const batch of prepared.batches) {
    const source = await obtainSource(host, uv, batch.source, cache, known, options.fresh);
    const ready = { ...batch, source };
    const torches = new Map<string, TorchSource>();
    const served = new Set<string>();
    for (const { unit, planned } of byUnit(batch)) {
      for (const python of prepared.pythons.length > 0 ? prepared.pythons.toSorted(byMinor) : [null]) {
        const left = planned.filter(({ variant }) => !served.has(variant.name));
        if (left.length === 0) {
          host.log.info(`The wheels of ${unit.name} are abi3 and serve Python ${python} too`);
          continue;
        }
        const request = compileRequest(host, options, prepared, ready, unit, left, python);
        const names = left.map(({ variant }) => variant.name).join(", ");
        host.log.info(`Building ${names} (compile ${++begun} of ${compiles}) from ${source.label}`);
        const variants = left.map(({ variant }) => variant);
        await holdingOutput(host, outputDirOf(host, options), variants, async () => {
          const key = python ?? "";
          const compiled = await compileUnit(
            host,
            uv,
            compiler,
            { ...request, source },
            torches.get(key) ?? null,
          );
          torches.set(key, compiled.torch);
          slots.add(compiled.slot);
          for (const [position, one] of left.entries()) {
            const shared = position === 0 ? compiled : { ...compiled, stages: {}, cpuSeconds: 0 };
            const wheel = await finishWheel(host, uv, finishRequest(host, options, ready, one), shared);
            built.push(wheel);
            if (servesAll(wheel.wheel)) served.add(one.variant.name);
            await after(uv, wheel, compiled.torch);
          }
        });
      }
    }
  }
  if (!options["no-cleanup"]) await sweepSlots(host, cache, slots);
  return built;
}

/** Releases that a recipe's range begins with, to name the nearest of where one does not exist. */
function knownReleases({ recipes }: Prepared): string[] {
  const floors = Object.values(recipes.raw).flatMap(
    ({ versions }) => />=\s*([\d.]+)/.exec(versions ?? "")?.[1] ?? [],
  );
  return [...new Set([...floors, recipes.newest.version])].sort(compareVersions);
}

/** What `--dry-run` prints for a build. */
export function describeAll(host: Host, options: BuildOptions, prepared: Prepared): string[] {
  const pythons = prepared.pythons.length > 0 ? prepared.pythons : [null];
  return prepared.batches.flatMap((batch) =>
    byUnit(batch).flatMap(({ unit, planned }) =>
      pythons.flatMap((python) => [
        ...describeCompile(
          host,
          compileRequest(host, options, prepared, batch, unit, planned, python),
          planned.map(({ variant }) => variant),
        ),
        "",
        ...planned.flatMap((one) => [...describeFinish(finishRequest(host, options, batch, one)), ""]),
      ]),
    ),
  );
}
