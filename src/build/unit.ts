import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import {
  exists,
  freeBytes,
  makeDir,
  readTextIfAny,
  remove,
  writeFile,
  writeFileAtomic,
} from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { childCpuSeconds, glibcVersion } from "../host/machine.ts";
import { demandCpuOnly } from "../torch/gate.ts";
import { pythonVersion, type TorchRequest, type TorchSource, torchFacts } from "../torch/install.ts";
import { findPython } from "../torch/python.ts";
import type { Uv } from "../torch/uv.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Patch } from "../variants/recipe-schema.ts";
import type { FoundRecipe } from "../variants/recipes.ts";
import type { Unit } from "../variants/units.ts";
import { compile, compileTitle, withFewerJobs } from "./compile.ts";
import { keepWheel, keptWheel } from "./compiled-cache.ts";
import { ownSourceDigest, provideDependencies } from "./dependencies.ts";
import { type BuildSettings, buildEnv, buildVariables, writeShims } from "./environment.ts";
import { chooseJobs, findCcache } from "./machine.ts";
import type { Compiler } from "./preflight.ts";
import { installRequirements, type Pin, resolveRequirements } from "./requirements.ts";
import { inSlot } from "./slot.ts";
import { copySource, type ReadySource, sourceDigest } from "./source.ts";
import {
  addTomlComments,
  type BuildNeeds,
  checkAssumptions,
  patchSource,
  readNeeds,
} from "./source-check.ts";
import { describeToolchain, type Toolchain } from "./toolchain.ts";
import { buildVenv, resolveForBuild } from "./venv.ts";

const MIB = 1024 ** 2;
/** What a build without a recipe takes; torch alone is about 1 GiB. */
const LEAST_FREE_MIB = 2048;

/** One compile, which one or more variants' wheels are made from. */
export interface CompileRequest {
  unit: Unit;
  architecture: Variant["architecture"];
  found: FoundRecipe;
  patches: Readonly<Record<string, Patch>>;
  source: ReadySource;
  /** Python version such as 3.11; null for the Python on PATH. */
  python: string | null;
  /** null to choose. */
  jobs: number | null;
  torch: TorchRequest;
  cacheDir: string;
  /** Folders below the source that this run itself writes to. */
  exclude: readonly string[];
  /** A checkout or git repository of oneDNN; null to fetch it. */
  onednn: string | null;
  /** Go on where a build that broke off has ended. */
  resume: boolean;
  /** Keep what a build that breaks off has compiled, for the next run to go on. */
  keepBroken: boolean;
  /** Take nothing that an earlier build has made. */
  fresh: boolean;
  keepDebug: boolean;
  keepScratch: boolean;
  /** SOURCE_DATE_EPOCH, seconds. */
  epoch: number;
  /** Distribution that the instructions in the source's pyproject.toml name. */
  distribution: string;
  /** Variables that the user adds to the build's environment. */
  buildEnvironment: Readonly<Record<string, string>>;
}

/** A compiled wheel, not yet any variant's, and how it came about. */
export interface CompiledWheel {
  wheel: string;
  torch: TorchSource;
  /** Version, such as 3.11.7. */
  python: string;
  /** Seconds by stage; empty where it was there already. */
  stages: Record<string, number>;
  /** CPU seconds of the compile, all processes together; 0 where it was there already. */
  cpuSeconds: number;
  /** Key of its build folder, for {@link sweepSlots}. */
  slot: string;
}

const digest = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 20);

interface Inputs {
  request: CompileRequest;
  compiler: Toolchain;
  torch: TorchSource;
  python: string;
  pins: Pin[];
  needs: BuildNeeds;
  refs: ReadonlyMap<string, string>;
}

/** Everything that decides what is compiled, the unit left out: builds that differ in it alone share a folder. */
async function slotKey(
  host: Host,
  { request, compiler, torch, python, pins, needs, refs }: Inputs,
): Promise<string> {
  const { source, found } = request;
  return digest([
    2,
    await sourceDigest(host, source, request.exclude),
    found.recipe.name,
    needs,
    pins,
    [...refs],
    await ownSourceDigest(host, request.onednn),
    torch.index,
    torch.pins,
    python,
    compiler,
    glibcVersion(),
  ]);
}

/** The unit and all else that decides the bytes of the compiled wheel. */
function compiledKey(host: Host, slot: string, { request }: Inputs): string {
  const { unit, patches, found, keepDebug, epoch } = request;
  const texts = unit.patches.map((name) => patches[name]);
  return digest([
    slot,
    unit,
    texts,
    found.recipe.cmakeArguments,
    keepDebug,
    epoch,
    request.source.version,
    request.buildEnvironment,
    // cmake looks for packages beside every folder of it.
    host.env["PATH"] ?? "",
  ]);
}

/**
 * Compiles a source once for all variants that share a unit; what an earlier run has compiled from the very same
 * inputs is taken instead.
 * @param known what was resolved for an earlier compile with the same Python, if any
 * @throws every E_TORCH_*, E_BUILD*, E_HOST_LEAK, E_RECIPE_ASSUMPTION, E_PATCH, E_DEPENDENCY, E_GIT, E_MEMORY,
 *   E_DISK_FULL
 */
export async function compileUnit(
  host: Host,
  uv: Uv,
  compiler: Compiler,
  request: CompileRequest,
  known: TorchSource | null,
): Promise<CompiledWheel> {
  const { found, source, cacheDir } = request;
  const base = request.python ?? (await findPython(host));
  const python = await pythonVersion(uv, base);
  const needs = await readNeeds(source, found.recipe, request.architecture, python);
  const refs = await checkAssumptions(host, source, found);
  const torch = known ?? (await resolveForBuild(host, uv, base, withPin(host, request, needs)));
  const pins = await resolveRequirements(host, uv, base, needs.requires, [], torch);
  const toolchain = await describeToolchain(host, compiler, found.recipe.libraries);
  const inputs: Inputs = { request, compiler: toolchain, torch, python, pins, needs, refs };
  const slot = await slotKey(host, inputs);
  const key = compiledKey(host, slot, inputs);
  const kept = request.fresh ? null : await keptWheel(cacheDir, key, host.now());
  if (kept !== null) {
    host.log.info(
      `Taking what an earlier build of the same inputs compiled (--fresh compiles anew): ${kept}`,
    );
    return { wheel: kept, torch, python, stages: {}, cpuSeconds: 0, slot };
  }
  return inSlot(host, cacheDir, slot, async (folder) => {
    const needed = found.recipe.resources?.disk ?? LEAST_FREE_MIB;
    if ((await freeBytes(folder)) < needed * MIB)
      throw wheelsError("E_DISK_FULL", { where: `${folder} (${needed} MiB are needed)` });
    const compiled = await compileIn(host, uv, inputs, folder, key).catch(async (thrown: unknown) => {
      if (!request.keepBroken) await removeAll(folder, ["state", "venv", ...PARTS]);
      else if (await exists(join(folder, "state")))
        host.log.info("What was compiled is kept: the same command with --resume goes on from there");
      throw thrown;
    });
    await remove(join(folder, "state"));
    const wheel = await keepWheel(cacheDir, key, compiled.wheel);
    if (request.keepScratch) host.log.info(`Keeping ${folder}`);
    else await removeAll(folder, PARTS);
    return { ...compiled, wheel, slot };
  });
}

/** What of a build folder one compile is made of. */
const PARTS = ["src", "out", "deps", "shims", "home"];

async function removeAll(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await remove(join(folder, name));
}

/** The torch that the source pins, unless the user names another. */
function withPin(host: Host, { torch, found }: CompileRequest, needs: BuildNeeds): TorchRequest {
  const pinned = needs.torch ?? found.recipe.torch;
  if (torch.version === null) return { ...torch, version: pinned };
  if (pinned !== null && torch.version.split("+")[0] !== pinned)
    host.log.warn(`Building against torch ${torch.version}; the source pins ${pinned}`);
  return torch;
}

async function compileIn(
  host: Host,
  uv: Uv,
  { request, compiler, torch, pins, refs }: Inputs,
  folder: string,
  key: string,
): Promise<Omit<CompiledWheel, "slot">> {
  const { unit, source, found, cacheDir } = request;
  const stages: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const from = host.monotonic();
    const value = await work();
    stages[name] = (stages[name] ?? 0) + (host.monotonic() - from) / 1000;
    return value;
  };
  const venv = join(folder, "venv");
  const { python, version } = await timed("torch", () => buildVenv(host, uv, request, torch, venv));
  await timed("dependencies", () => installRequirements(host, uv, python, pins, torch));
  demandCpuOnly(await torchFacts(host, python));

  const copy = join(folder, "src");
  const state = join(folder, "state");
  const goesOn = request.resume && (await readTextIfAny(state)) === key;
  const dependencies = await timed("sources", async () => {
    if (goesOn) {
      host.log.info("Going on where the last build broke off");
      return provideDependencies(host, found.recipe, refs, request, join(folder, "deps"), { keep: true });
    }
    await remove(state);
    await remove(copy);
    host.log.info("Adding PyTorch CPU-only dependency configuration...");
    await copySource(host, source, copy, [...request.exclude, resolve(cacheDir)]);
    await patchSource(copy, unit, request.patches);
    await addTomlComments(copy, {
      distribution: request.distribution,
      version: source.version ?? "",
      torchVersion: torch.torchVersion,
      companions: [],
      direct: [],
    });
    const provided = await provideDependencies(host, found.recipe, refs, request, join(folder, "deps"), {
      keep: false,
    });
    await writeFile(state, key);
    return provided;
  });

  const [shims, home] = [join(folder, "shims"), join(folder, "home")];
  await remove(home);
  await makeDir(home);
  const ccache = await findCcache(host, uv, cacheDir);
  await writeShims(shims, unit, request.architecture, compiler, {
    ccache,
    root: folder,
    keepDebug: request.keepDebug,
  });
  const log = join(cacheDir, "logs", `${unit.name}.log`);
  const timing = join(cacheDir, "timings", `${source.project.replace(/[^\w.-]+/g, "_")}-${unit.name}`);
  await makeDir(join(cacheDir, "logs"));
  await makeDir(join(cacheDir, "timings"));
  const out = join(folder, "out");
  const cpuBefore = await childCpuSeconds();
  const title = compileTitle((await lastSeconds(timing)) ?? source.expectedSeconds ?? estimate(host, found));
  const compiled = await timed("compile", async () => {
    const jobs = await chooseJobs(host, found.recipe, request.jobs);
    return withFewerJobs(host, jobs, async (now) => {
      await remove(out);
      const variables = buildVariables(settingsOf(request, dependencies, now));
      const env = buildEnv(host, variables, { shims, venv, cache: cacheDir, home }, request.fresh);
      const folders = { source: copy, original: source.path, out, log };
      return compile(host, uv, unit, python, env, folders, title);
    });
  });
  const cpuSeconds = (await childCpuSeconds()) - cpuBefore;
  await writeFileAtomic(timing, String(stages["compile"]));
  const after = await torchFacts(host, python);
  demandCpuOnly(after);
  if (after.torch?.version !== torch.torchVersion) {
    throw wheelsError("E_TORCH_REPLACED", {
      torch: torch.torchVersion,
      detail: `After the build it is ${after.torch?.version}.`,
    });
  }
  return { wheel: compiled, torch, python: version, stages, cpuSeconds };
}

/** Seconds that the last build of this source and unit took here. */
async function lastSeconds(path: string): Promise<number | null> {
  const seconds = Number(await readTextIfAny(path));
  return seconds > 0 ? seconds : null;
}

/** Seconds that a recipe's build will take with all cores at it. */
function estimate(host: Host, { recipe }: FoundRecipe): number | null {
  return recipe.resources ? recipe.resources.seconds / host.cores : null;
}

/** The environment's settings for a compile, also for the plan that is printed. */
export function settingsOf(
  request: Pick<CompileRequest, "unit" | "found" | "epoch" | "buildEnvironment"> & {
    source: { version: string | null };
  },
  dependencies: BuildSettings["dependencies"],
  jobs: number,
): BuildSettings {
  return {
    unit: request.unit,
    cmakeArguments: request.found.recipe.cmakeArguments,
    dependencies,
    version: request.source.version,
    jobs,
    epoch: request.epoch,
    added: request.buildEnvironment,
  };
}
