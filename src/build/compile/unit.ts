import { join } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import {
  exists,
  freeBytes,
  makeDir,
  readTextIfAny,
  remove,
  writeFile,
  writeFileAtomic,
} from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { childCpuSeconds } from "../../host/machine.ts";
import { demandCpuOnly } from "../../torch/gate.ts";
import { pythonVersion, type TorchRequest, type TorchSource, torchFacts } from "../../torch/install.ts";
import { findPython } from "../../torch/python.ts";
import type { Uv } from "../../torch/uv.ts";
import type { FoundRecipe } from "../../variants/recipes.ts";
import { demandNoNewerCalls } from "../floor/check.ts";
import { type FloorArguments, floorArguments } from "../floor/floor.ts";
import { provideFloorKit } from "../floor/floor-kit.ts";
import { needsFloorKit } from "../glibc.ts";
import { type BuiltLibraries, provideLibraries } from "../libraries.ts";
import { chooseJobs, findCcache } from "../machine.ts";
import { announce } from "../materials/announce.ts";
import type { Compiler } from "../preflight.ts";
import { hideChanges } from "../source/checkout.ts";
import {
  librariesOf,
  pinnedSources,
  provideDependencies,
  resolveDependencies,
} from "../source/dependencies.ts";
import { copySource, projectFolder, sourceDigest } from "../source/source.ts";
import {
  addTomlComments,
  type BuildNeeds,
  checkAssumptions,
  patchSource,
  readNeeds,
} from "../source/source-check.ts";
import { compile, compileTitle, withFewerJobs } from "./compile.ts";
import type { CompileRequest } from "./compile-request.ts";
import { keepWheel, keptWheel } from "./compiled-cache.ts";
import { buildEnv, buildVariables, settingsOf, writeShims } from "./environment.ts";
import { compiledKey, type Inputs, slotKey } from "./keys.ts";
import { traceNinja } from "./ninja-log.ts";
import type { ObjectCache } from "./object-cache.ts";
import { installRequirements, resolveRequirements } from "./requirements.ts";
import { inSlot } from "./slot.ts";
import { describeToolchain } from "./toolchain.ts";
import { buildVenv, resolveForBuild } from "./venv.ts";

const MIB = 1024 ** 2;
/** What a build without a recipe takes; torch alone is about 1 GiB. */
const LEAST_FREE_MIB = 2048;

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
  /** What it was made of. */
  inputs: Inputs;
  /** What it was linked with beside the system's; null for nothing. */
  libraries: BuiltLibraries | null;
}

/**
 * Compiles a source once for all variants that share a unit; what an earlier run has compiled from the very same
 * inputs is taken instead.
 * @param known what was resolved for an earlier compile with the same Python, if any
 * @param objects the job's archive of compiled objects, if any
 * @throws every E_TORCH_*, E_BUILD*, E_HOST_LEAK, E_RECIPE_ASSUMPTION, E_PATCH, E_DEPENDENCY, E_GIT, E_MEMORY,
 *   E_DISK_FULL
 */
export async function compileUnit(
  host: Host,
  uv: Uv,
  compiler: Compiler,
  request: CompileRequest,
  known: TorchSource | null,
  objects: ObjectCache | null,
): Promise<CompiledWheel> {
  const { found, source } = request;
  const base = request.python ?? (await findPython(host));
  const python = await pythonVersion(uv, base);
  const needs = await readNeeds(source, found.recipe, request.architecture, python);
  const refs = await checkAssumptions(host, source, found);
  const pinned = pinnedSources(found.recipe, request.floor);
  const dependencies = await resolveDependencies(host, pinned, refs, request.localSources);
  const torch = known ?? (await resolveForBuild(host, uv, base, withPin(host, request, needs)));
  const pins = await resolveRequirements(host, uv, base, needs.requires, request.requirements, torch);
  const toolchain = await describeToolchain(host, compiler, librariesOf(found.recipe, request.floor).system);
  const digest = await sourceDigest(host, source, request.exclude);
  const inputs: Inputs = {
    request,
    compiler: toolchain,
    torch,
    python,
    sourceDigest: digest,
    pins,
    needs,
    dependencies,
  };
  announce(host, inputs);
  const slot = slotKey(host, inputs);
  const key = compiledKey(host, slot, inputs);
  const libraries = await provideLibraries(host, uv, inputs);
  const kept = request.fresh ? null : await keptWheel(host.cache, key, host.now());
  if (kept !== null) {
    host.log.info(
      `Taking what an earlier build of the same inputs compiled (--fresh compiles anew): ${kept}`,
    );
    return { wheel: kept, torch, python, stages: {}, cpuSeconds: 0, slot, inputs, libraries };
  }
  return inSlot(host, slot, async (folder) => {
    const needed = found.recipe.resources?.disk ?? LEAST_FREE_MIB;
    if ((await freeBytes(folder)) < needed * MIB)
      throw wheelsError("E_DISK_FULL", { where: `${folder} (${needed} MiB are needed)` });
    await objects?.restore(inputs, request.fresh);
    const compiled = await compileIn(host, uv, inputs, libraries, folder, key).catch(
      async (thrown: unknown) => {
        if (!request.keepBroken) await removeAll(folder, ["state", "venv", ...PARTS]);
        else if (await exists(join(folder, "state")))
          host.log.info("What was compiled is kept: the same command with --resume goes on from there");
        throw thrown;
      },
    );
    const wheel = await keepWheel(host.cache, key, compiled.wheel);
    // What has a state is put aside and not thrown away by the next build.
    if (request.keepScratch) host.log.info(`Keeping ${folder}`);
    else await removeAll(folder, ["state", ...PARTS]);
    return { ...compiled, wheel, slot, inputs, libraries };
  });
}

/** What of a build folder one compile is made of. */
const PARTS = ["src", "out", "deps", "shims", "home", "floor"];

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
  inputs: Inputs,
  libraries: BuiltLibraries | null,
  folder: string,
  key: string,
): Promise<Omit<CompiledWheel, "slot" | "inputs" | "libraries">> {
  const { request, compiler, torch, pins, dependencies: origins } = inputs;
  const { unit, source, found } = request;
  const stages: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const from = host.monotonic();
    const value = await work();
    stages[name] = (stages[name] ?? 0) + (host.monotonic() - from) / 1000;
    return value;
  };
  const [venv, bytecode] = [join(folder, "venv"), join(folder, "bytecode")];
  const { python, version } = await timed("torch", () => buildVenv(host, uv, request, torch, venv, bytecode));
  await timed("dependencies", () => installRequirements(host, uv, python, pins, torch));
  demandCpuOnly(await torchFacts(host, python, { bytecode }));

  const copy = join(folder, "src");
  const project = projectFolder(source, copy);
  const state = join(folder, "state");
  const goesOn = request.resume && (await readTextIfAny(state)) === key;
  const dependencies = await timed("sources", async () => {
    if (goesOn) {
      host.log.info("Going on where the last build broke off");
      return provideDependencies(host, found.recipe, origins, request.fresh, join(folder, "deps"), {
        keep: true,
      });
    }
    await remove(state);
    await remove(copy);
    host.log.info("Adding PyTorch CPU-only dependency configuration...");
    await copySource(host, source, copy, [...request.exclude, host.cache]);
    const patched = await patchSource(project, unit, request.patches);
    await addTomlComments(project, {
      distribution: request.distribution,
      version: source.version ?? "",
      torchVersion: torch.torchVersion,
      companions: [],
      direct: [],
    });
    if (source.checkout !== null) await hideChanges(host, project, [...patched, "pyproject.toml"]);
    const provided = await provideDependencies(
      host,
      found.recipe,
      origins,
      request.fresh,
      join(folder, "deps"),
      {
        keep: false,
      },
    );
    await writeFile(state, key);
    return provided;
  });

  const [shims, home] = [join(folder, "shims"), join(folder, "home")];
  await remove(home);
  await makeDir(home);
  const ccache = await findCcache(host, uv);
  const floor = await floorOf(host, uv, inputs, join(folder, "floor"));
  await writeShims(shims, unit, request.architecture, compiler, {
    ccache,
    root: folder,
    base: host.cache,
    keepDebug: request.keepDebug,
    floor,
    libraries,
  });
  const log = join(host.cache, "logs", `${unit.name}.log`);
  const timing = join(host.cache, "timings", `${source.project.replace(/[^\w.-]+/g, "_")}-${unit.name}`);
  await makeDir(join(host.cache, "logs"));
  await makeDir(join(host.cache, "timings"));
  const out = join(folder, "out");
  const cpuBefore = await childCpuSeconds();
  const title = compileTitle((await lastSeconds(timing)) ?? source.expectedSeconds ?? estimate(host, found));
  const compiled = await timed("compile", async () => {
    const jobs = await chooseJobs(host, found.recipe, request.jobs);
    return withFewerJobs(host, jobs, async (now) => {
      await remove(out);
      const variables = buildVariables(settingsOf(request, dependencies, now));
      const env = buildEnv(host, variables, { shims, venv, home }, request.fresh, request.remoteObjects);
      const folders = { source: project, original: source.path, out, log };
      const wheel = await compile(host, uv, unit, python, env, folders, title);
      await traceNinja(host, project);
      return wheel;
    });
  });
  const cpuSeconds = (await childCpuSeconds()) - cpuBefore;
  host.log.info(`Compiling took ${cpuSeconds.toFixed(1)} CPU seconds.`);
  if (floor !== null && request.floor !== null)
    await demandNoNewerCalls(host, compiler, floor.kit, request.floor, compiled, project);
  await writeFileAtomic(timing, String(stages["compile"]));
  const after = await torchFacts(host, python, { bytecode });
  demandCpuOnly(after);
  if (after.torch?.version !== torch.torchVersion) {
    throw wheelsError("E_TORCH_REPLACED", {
      torch: torch.torchVersion,
      detail: `After the build it is ${after.torch?.version}.`,
    });
  }
  return { wheel: compiled, torch, python: version, stages, cpuSeconds };
}

/** What the compiler is told for the glibc that was asked for; null where it makes such libraries by itself. */
async function floorOf(
  host: Host,
  uv: Uv,
  { request, compiler }: Inputs,
  folder: string,
): Promise<FloorArguments | null> {
  const { floor, found, architecture } = request;
  if (floor === null || !(await needsFloorKit(host, compiler, floor))) return null;
  const kit = await provideFloorKit(host, uv, floor, architecture);
  return floorArguments(
    host,
    compiler,
    kit,
    floor,
    architecture,
    librariesOf(found.recipe, floor).system,
    folder,
  );
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
