import { basename, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import type { TorchRequest, TorchSource } from "../torch/install.ts";
import { ensureUv, type Uv } from "../torch/uv.ts";
import type { Recipe } from "../variants/recipes.ts";
import type { WheelRequest } from "../variants/request.ts";
import { parseWheelFileName } from "../wheel/names.ts";
import { compareVersions } from "../wheel/version.ts";
import { type BuiltWheel, type FinishRequest, finishWheel, holdingOutput } from "./build.ts";
import { parseBuildEnvironment } from "./compile/build-environment.ts";
import { objectFolder } from "./compile/environment.ts";
import { type ObjectCache, type ObjectStore, objectCache } from "./compile/object-cache.ts";
import { sweepSlots } from "./compile/slot.ts";
import { compileUnit } from "./compile/unit.ts";
import { type Batch, type CompileJob, compileJobs, type PlannedVariant } from "./compile-jobs.ts";
import { describeCompile, describeFinish, type PlannedCompile } from "./dry-run.ts";
import { sourceDateEpoch } from "./epoch.ts";
import { needsFloorKit } from "./glibc.ts";
import { demandLibraries } from "./machine.ts";
import { type Compiler, findCompiler, preflight } from "./preflight.ts";
import type { Prepared } from "./prepare.ts";
import { pruneCache } from "./prune.ts";
import { librariesOf } from "./source/dependencies.ts";
import { obtainSource } from "./source/obtain.ts";
import type { ReadySource } from "./source/source.ts";

/** How wheels are built. */
export interface BuildHow {
  outputDir: string;
  /** Folder or git repository by the name of the project, for sources that would be fetched. */
  localSources: Readonly<Record<string, string>>;
  resume: boolean;
  fresh: boolean;
  /** Variables to add to the build's environment, one NAME=VALUE a line; null for none. */
  buildEnv: string | null;
  /** The glibc that wheels are built for: none needs a newer one; own for the machine's, null for the recipe's. */
  glibc: string | null;
  keepDebug: boolean;
  torchRequirement: "release" | "local";
  keepScratch: boolean;
  /** Server of compiled objects, as ccache's remote_storage names it; null for none. */
  remoteObjects: string | null;
  /** Compilers at a time; null for as many as cores and memory allow. */
  maxJobs: number | null;
  /** `name==version` of packages that an earlier build had, to have them again; left out for the newest. */
  requirements?: readonly string[];
}

/** A wheel that was built, with the torch that it was built against. */
export interface BuiltAgainst {
  built: BuiltWheel;
  torch: TorchSource;
}

/** The groups of a request that a build is made of. */
export interface BuildGroups {
  what: WheelRequest;
  how: BuildHow;
  torch: TorchRequest;
  /** Where compiled objects go between runs on machines that keep nothing; left out for nowhere. */
  objects?: ObjectStore | null;
}

/** The glibc that a recipe's wheels are built for; null for the machine's own. */
const floorFor = ({ glibc }: BuildHow, recipe: Recipe): string | null =>
  glibc === "own" ? null : (glibc ?? recipe.glibc);

/** True where the wheel serves every later Python too, so that another build would make the same (PEP 384). */
const servesAll = (wheel: string): boolean =>
  parseWheelFileName(basename(wheel)).abi.split(".").includes("abi3");

function compileRequest(
  host: Host,
  { how, torch }: BuildGroups,
  prepared: Prepared,
  { source, found }: Batch,
  { unit, python, planned }: CompileJob,
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
    jobs: how.maxJobs,
    torch,
    exclude: [resolve(host.cwd, how.outputDir)],
    localSources: how.localSources,
    resume: how.resume,
    keepBroken: host.keepsUnfinished,
    fresh: how.fresh,
    keepDebug: how.keepDebug,
    keepScratch: how.keepScratch,
    remoteObjects: how.remoteObjects,
    epoch: sourceDateEpoch(host),
    distribution: first.variant.distribution,
    floor: floorFor(how, found.recipe),
    requirements: how.requirements ?? [],
    buildEnvironment: parseBuildEnvironment(how.buildEnv, found.recipe),
  };
}

function finishRequest(
  host: Host,
  { how, what }: BuildGroups,
  { source, found }: Batch,
  { variant, kernels }: PlannedVariant,
): FinishRequest {
  return {
    variant,
    recipe: found.recipe,
    kernels,
    version: source.version,
    versionSuffix: what.versionSuffix,
    torchRequirement: how.torchRequirement,
    glibc: floorFor(how, found.recipe),
    outputDir: resolve(host.cwd, how.outputDir),
    keepDebug: how.keepDebug,
    keepScratch: how.keepScratch,
    epoch: sourceDateEpoch(host),
    isSample: source.label === "sample",
  };
}

/** All of it first: an hour of compiling is no use before "your compiler is too old for the next one". */
async function preflightAll(
  host: Host,
  compiler: Compiler,
  prepared: Prepared,
  how: BuildHow,
): Promise<void> {
  for (const { found, planned } of prepared.batches) {
    const floor = floorFor(how, found.recipe);
    for (const { variant, unit } of planned) await preflight(host, compiler, variant, unit.compilers);
    await demandLibraries(host, compiler, librariesOf(found.recipe, floor).system);
    if (floor !== null) await needsFloorKit(host, compiler, floor);
  }
}

/** Releases that a recipe's range begins with, to name the nearest of where one does not exist. */
function knownReleases({ recipes }: Prepared): string[] {
  const floors = Object.values(recipes.raw).flatMap(
    ({ versions }) => />=\s*([\d.]+)/.exec(versions ?? "")?.[1] ?? [],
  );
  return [...new Set([...floors, recipes.newest.version])].sort(compareVersions);
}

/** The job's archive of compiled objects; null where there is no place for it, or the user wants no compile cache. */
function objectsOf(host: Host, { objects }: BuildGroups, jobs: readonly CompileJob[]): ObjectCache | null {
  if (!objects || host.env["CCACHE_DISABLE"]) return null;
  const what = jobs.map(({ unit, python }) => `${unit.name} ${python}`);
  return objectCache(host, objects, objectFolder(host), what);
}

/** A batch whose source is there. */
type ReadyBatch = Batch & { source: ReadySource };

/** One run of compiles: what they share, and what the earlier ones have left for the later ones. */
interface Run {
  host: Host;
  uv: Uv;
  compiler: Compiler;
  settings: BuildGroups;
  prepared: Prepared;
  /** By batch. */
  sources: Map<number, ReadyBatch>;
  /** Torch that was resolved, by batch and Python. */
  torches: Map<string, TorchSource>;
  /** Slots of the compile cache that this run used. */
  slots: Set<string>;
  objects: ObjectCache | null;
}

async function batchOf({ host, uv, prepared, settings, sources }: Run, at: number): Promise<ReadyBatch> {
  const known = sources.get(at);
  if (known) return known;
  const batch = prepared.batches[at];
  if (!batch) throw wheelsError("E_INTERNAL", { detail: `there is no batch ${at}` });
  const source = await obtainSource(host, uv, batch.source, knownReleases(prepared), settings.how.fresh);
  const obtained = { ...batch, source };
  sources.set(at, obtained);
  return obtained;
}

/** Compiles one job and makes its variants' wheels of it. */
async function execute(run: Run, job: CompileJob, batch: ReadyBatch): Promise<BuiltAgainst[]> {
  const { host, uv, compiler, settings, prepared, torches, slots } = run;
  const request = compileRequest(host, settings, prepared, batch, job);
  const variants = job.planned.map(({ variant }) => variant);
  return holdingOutput(host, resolve(host.cwd, settings.how.outputDir), variants, async () => {
    const key = `${job.batch} ${job.python}`;
    const known = torches.get(key) ?? null;
    const compiled = await compileUnit(
      host,
      uv,
      compiler,
      { ...request, source: batch.source },
      known,
      run.objects,
    );
    torches.set(key, compiled.torch);
    slots.add(compiled.slot);
    const wheels: BuiltAgainst[] = [];
    for (const [position, one] of job.planned.entries()) {
      const own = position === 0 ? compiled : { ...compiled, stages: {}, cpuSeconds: 0 };
      const built = await finishWheel(host, uv, finishRequest(host, settings, batch, one), own);
      wheels.push({ built, torch: compiled.torch });
    }
    return wheels;
  });
}

/**
 * Builds what was prepared, compile by compile.
 * @throws E_COMPILER_*, E_ISA_*, E_GLIBC_FLOOR, E_TORCH_*, E_BUILD, E_OUTPUT_DIR, E_DISK_FULL, E_BUSY
 */
export async function buildPrepared(
  host: Host,
  settings: BuildGroups,
  prepared: Prepared,
): Promise<BuiltAgainst[]> {
  const { how } = settings;
  sourceDateEpoch(host);
  for (const { found } of prepared.batches) parseBuildEnvironment(how.buildEnv, found.recipe);
  const compiler = await findCompiler(host);
  await preflightAll(host, compiler, prepared, how);
  const uv = await ensureUv(host);
  if (!how.keepScratch && !how.resume) await pruneCache(host);
  const jobs = compileJobs(prepared.batches, prepared.pythons);
  const run: Run = {
    host,
    uv,
    compiler,
    settings,
    prepared,
    sources: new Map(),
    torches: new Map(),
    slots: new Set(),
    objects: objectsOf(host, settings, jobs),
  };
  const wheels: BuiltAgainst[] = [];
  const served = new Set<string>();
  const keyOf = (job: CompileJob, { variant }: PlannedVariant): string => `${job.batch} ${variant.name}`;
  for (const [position, job] of jobs.entries()) {
    const planned = job.planned.filter((one) => !served.has(keyOf(job, one)));
    if (planned.length === 0) {
      host.log.info(`The wheels of ${job.unit.name} are abi3 and serve Python ${job.python} too`);
      continue;
    }
    const batch = await batchOf(run, job.batch);
    const names = planned.map(({ variant }) => variant.name).join(", ");
    host.log.info(`Building ${names} (compile ${position + 1} of ${jobs.length}) from ${batch.source.label}`);
    const made = await execute(run, { ...job, planned }, batch);
    for (const [index, one] of planned.entries())
      if (servesAll(made[index]?.built.wheel ?? "")) served.add(keyOf(job, one));
    wheels.push(...made);
  }
  await run.objects?.save();
  if (!how.keepScratch) await sweepSlots(host, run.slots);
  return wheels;
}

/** What `--dry-run` prints for a build. */
export function describeBuild(host: Host, settings: BuildGroups, prepared: Prepared): string[] {
  return compileJobs(prepared.batches, prepared.pythons).flatMap((job) => {
    const batch = prepared.batches[job.batch];
    if (!batch) return [];
    return [
      ...describeCompile(
        host,
        compileRequest(host, settings, prepared, batch, job),
        job.planned.map(({ variant }) => variant),
      ),
      "",
      ...job.planned.flatMap((one) => [...describeFinish(finishRequest(host, settings, batch, one)), ""]),
    ];
  });
}
