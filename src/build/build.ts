import { basename, join, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import {
  copyAtomic,
  exists,
  freeBytes,
  makeDir,
  readBytes,
  readTextIfAny,
  writeFile,
  writeFileAtomic,
} from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { withLock } from "../host/lock.ts";
import { tail } from "../host/process.ts";
import { demandCpuOnly } from "../torch/gate.ts";
import {
  installTorch,
  makeVenv,
  resolveTorch,
  type TorchRequest,
  type TorchSource,
  torchFacts,
  torchInstallCommand,
} from "../torch/install.ts";
import { findPython } from "../torch/python.ts";
import type { Uv } from "../torch/uv.ts";
import type { Variant } from "../variants/manifest.ts";
import { compile } from "./compile.ts";
import { buildEnv, buildVariables, writeShims } from "./environment.ts";
import { asTomlComments, type InstallFacts } from "./instructions.ts";
import { type Compiler, preflight } from "./preflight.ts";
import { repairWheel } from "./repair.ts";
import { copySource, type Source } from "./source.ts";
import { stampWheel } from "./stamp.ts";

/** 1980-01-01, the oldest time a zip entry can carry; used where SOURCE_DATE_EPOCH is not set. */
const ZIP_EPOCH = 315532800;

/** Below this a build would end in a full disk after its long part; torch alone takes about 1 GiB. */
const LEAST_FREE_BYTES = 2 * 1024 ** 3;

export interface BuildRequest {
  variant: Variant;
  source: Source;
  /** Python version such as 3.11; null for the Python on PATH. */
  python: string | null;
  versionSuffix: string | null;
  outputDir: string;
  jobs: number;
  torch: TorchRequest;
  cacheDir: string;
  keepScratch: boolean;
}

/** A wheel that was built, and how long each stage took, in seconds. */
export interface BuiltWheel {
  variant: string;
  wheel: string;
  torch: string;
  python: string;
  seconds: number;
  stages: Record<string, number>;
}

/** SOURCE_DATE_EPOCH of the environment, seconds. Source: reproducible-builds.org, SOURCE_DATE_EPOCH 1.1. */
export function sourceDateEpoch(host: Host): number {
  const text = host.env["SOURCE_DATE_EPOCH"];
  return text && /^\d{1,10}$/.test(text) ? Math.max(Number(text), ZIP_EPOCH) : ZIP_EPOCH;
}

/** The line that opens the long part. */
export function compileTitle(expectedSeconds: number | null): string {
  const estimate =
    expectedSeconds === null
      ? "30-60 minutes"
      : expectedSeconds < 90
        ? `about ${Math.round(expectedSeconds)} seconds`
        : `about ${Math.round(expectedSeconds / 60)} minutes`;
  return `Building wheel (this may take ${estimate})...`;
}

async function installBuildRequirements(
  host: Host,
  uv: Uv,
  python: string,
  source: Source,
  torch: TorchSource,
  scratch: string,
): Promise<void> {
  const stage = host.log.stage("Installing build dependencies...");
  const requirements = join(scratch, "build-requirements.txt");
  const constraints = join(scratch, "build-constraints.txt");
  await writeFile(requirements, `${source.buildRequires.join("\n")}\n`);
  await writeFile(
    constraints,
    `${torch.pins.filter((pin) => torch.packages.some((name) => pin.startsWith(`${name}==`))).join("\n")}\n`,
  );
  const args = ["pip", "install", "--python", python, "-r", requirements, "--constraint", constraints];
  const result = await uv.run(args, { cwd: scratch, onLine: (line) => host.log.debug(line) });
  if (result.code !== 0) {
    stage.failed();
    const detail = tail(result, 12);
    throw /torch/.test(detail)
      ? wheelsError("E_TORCH_REPLACED", { torch: torch.torchVersion, detail })
      : wheelsError("E_TOOL_INSTALL", { tool: "The build's dependencies", detail });
  }
  stage.done();
}

/** Seconds that the last build of this source and variant took here. */
async function lastSeconds(path: string): Promise<number | null> {
  const seconds = Number(await readTextIfAny(path));
  return seconds > 0 ? seconds : null;
}

/**
 * Builds one wheel: fresh environment, CPU-only torch, gate, compile, gate, repair, stamp; then moves it into the
 * output folder in one step.
 * @param torch what was resolved for an earlier wheel of the same Python, if any
 * @throws every E_TORCH_*, E_BUILD*, E_COMPILER_*, E_HOST_LEAK, E_REPAIR, E_BUSY, E_OUTPUT_DIR, E_DISK_FULL
 */
export async function buildWheel(
  host: Host,
  uv: Uv,
  compiler: Compiler,
  request: BuildRequest,
  torch: TorchSource | null,
): Promise<{ built: BuiltWheel; torch: TorchSource }> {
  const { variant, source } = request;
  await preflight(host, compiler, variant);
  await makeDir(request.outputDir);
  const lock = join(request.outputDir, `.${variant.name}.lock`);
  return withLock(host, lock, `the build of ${variant.name} in ${request.outputDir}`, () =>
    host.scratch.withFolder(
      "vllm-cpu-wheels-build",
      async (scratch) => {
        if ((await freeBytes(scratch)) < LEAST_FREE_BYTES)
          throw wheelsError("E_DISK_FULL", { where: `${scratch} (2 GiB are needed)` });
        if (request.keepScratch) host.log.info(`Keeping ${scratch}`);
        return buildIn(host, uv, compiler, request, torch, scratch);
      },
      { keep: request.keepScratch },
    ),
  ).then((result) => {
    host.log.success(`Built wheel for ${variant.name}`);
    host.log.info(`  ${result.built.wheel}${source.label === "sample" ? " (from the bundled source)" : ""}`);
    return result;
  });
}

async function buildIn(
  host: Host,
  uv: Uv,
  compiler: Compiler,
  request: BuildRequest,
  known: TorchSource | null,
  scratch: string,
): Promise<{ built: BuiltWheel; torch: TorchSource }> {
  const { variant, source } = request;
  const started = host.monotonic();
  const stages: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const from = host.monotonic();
    const value = await work();
    stages[name] = (host.monotonic() - from) / 1000;
    return value;
  };

  const venv = join(scratch, "venv");
  const { python, torch, facts } = await timed("torch", async () => {
    const stage = host.log.stage("Installing PyTorch CPU-only version...");
    try {
      const interpreter = await makeVenv(uv, venv, request.python ?? (await findPython(host)));
      const resolved = known ?? (await resolveTorch(host, uv, interpreter, request.torch));
      host.log.info(`  ${torchInstallCommand(resolved, resolved.torchVersion)}`);
      const found = await installTorch(host, uv, interpreter, resolved);
      stage.done(`torch ${resolved.torchVersion}, Python ${found.python}`);
      return { python: interpreter, torch: resolved, facts: found };
    } catch (thrown) {
      stage.failed();
      if (!host.signal.aborted) host.log.error("Failed to install PyTorch CPU-only");
      throw thrown;
    }
  });
  demandCpuOnly(facts);
  await timed("dependencies", () => installBuildRequirements(host, uv, python, source, torch, scratch));
  demandCpuOnly(await torchFacts(host, python));

  host.log.info("Adding PyTorch CPU-only dependency configuration...");
  const copy = join(scratch, "src");
  await copySource(host, source, copy, [request.outputDir, resolve(request.cacheDir)]);
  const install: InstallFacts = {
    distribution: variant.distribution,
    version: source.version ?? "",
    torchVersion: torch.torchVersion,
  };
  await addTomlComments(copy, install);

  const shims = join(scratch, "shims");
  await writeShims(shims, variant, compiler);
  const epoch = sourceDateEpoch(host);
  const env = buildEnv(host, buildVariables(variant, request.jobs, epoch), { shims, venv });
  const timing = join(
    request.cacheDir,
    "timings",
    `${source.project.replace(/[^\w.-]+/g, "_")}-${variant.name}`,
  );
  const log = join(request.cacheDir, "logs", `${variant.name}.log`);
  await makeDir(join(request.cacheDir, "logs"));
  await makeDir(join(request.cacheDir, "timings"));
  const title = compileTitle((await lastSeconds(timing)) ?? source.expectedSeconds);
  const out = join(scratch, "out");
  const compiled = await timed("compile", () =>
    compile(host, uv, variant, python, env, { source: copy, original: source.path, out, log }, title),
  );
  await writeFileAtomic(timing, String(stages["compile"]));
  const after = await torchFacts(host, python);
  demandCpuOnly(after);
  if (after.torch?.version !== torch.torchVersion) {
    throw wheelsError("E_TORCH_REPLACED", {
      torch: torch.torchVersion,
      detail: `After the build it is ${after.torch?.version}.`,
    });
  }

  const stage = host.log.stage("Repairing and stamping the wheel...");
  const finished = await timed("stamp", async () => {
    const repaired = await repairWheel(uv, compiled, join(scratch, "repaired"));
    const stamped = stampWheel(basename(repaired), await readBytes(repaired), {
      variant,
      torchVersion: torch.torchVersion,
      versionSuffix: request.versionSuffix,
      mtime: new Date(epoch * 1000),
    });
    const place = join(scratch, stamped.fileName);
    await writeFile(place, stamped.bytes);
    return { place, fileName: stamped.fileName };
  }).catch((thrown: unknown) => {
    stage.failed();
    throw thrown;
  });
  stage.done(finished.fileName);
  const wheel = join(request.outputDir, finished.fileName);
  await copyAtomic(finished.place, wheel);
  const seconds = (host.monotonic() - started) / 1000;
  return {
    built: { variant: variant.name, wheel, torch: torch.torchVersion, python: facts.python, seconds, stages },
    torch,
  };
}

async function addTomlComments(source: string, facts: InstallFacts): Promise<void> {
  const path = join(source, "pyproject.toml");
  if (!(await exists(path))) return;
  await writeFile(path, asTomlComments(facts) + ((await readTextIfAny(path)) ?? ""));
}
