import { basename, join } from "node:path";
import { copyAtomic, makeDir, readBytes, writeFile } from "../host/files.ts";
import { sha256Of } from "../host/hash.ts";
import type { Host } from "../host/host.ts";
import { withLock } from "../host/lock.ts";
import { formatBytes } from "../host/terminal.ts";
import { productVersion } from "../host/version.ts";
import type { Uv } from "../torch/uv.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Recipe } from "../variants/recipes.ts";
import type { KernelChoice } from "../variants/units.ts";
import { assembleWheel } from "./assemble.ts";
import type { CompiledWheel } from "./compile/unit.ts";
import { demandEarnedFloor } from "./glibc.ts";
import { keepMaterials } from "./materials/kept-materials.ts";
import { materialsOf } from "./materials/materials.ts";
import { repairWheel } from "./repair.ts";
import { type Stamp, stampWheel } from "./stamp.ts";

/** What package indexes take of one file unless they were asked for more; bytes. Source: PyPI help, "File size limit". */
const INDEX_FILE_LIMIT = 100 * 1024 ** 2;

/** One variant's wheel, made from what was compiled. */
export interface FinishRequest {
  variant: Variant;
  recipe: Recipe;
  kernels: KernelChoice | null;
  /** The version that the wheel carries before its suffix; null where the compiled wheel says it. */
  version: string | null;
  versionSuffix: string | null;
  torchRequirement: Stamp["torchRequirement"];
  /** Newest glibc that the wheel may need, such as 2.28; null for what it needs. */
  glibc: string | null;
  outputDir: string;
  keepDebug: boolean;
  keepScratch: boolean;
  /** SOURCE_DATE_EPOCH, seconds. */
  epoch: number;
  isSample: boolean;
}

/** A wheel that was built, and how long each stage took, in seconds. */
export interface BuiltWheel {
  variant: string;
  wheel: string;
  torch: string;
  python: string;
  seconds: number;
  stages: Record<string, number>;
  /** CPU seconds of the compile that this wheel was the first to need; 0 where it was there. */
  cpuSeconds: number;
  /** Packages that its users must install from torch's own index, beside torch. */
  companions: string[];
}

/**
 * Holds the output folder for one variant's wheel, so that two runs can't write it at once.
 * @throws E_BUSY, E_OUTPUT_DIR, what work throws
 */
export async function holdingOutput<T>(
  host: Host,
  outputDir: string,
  variants: readonly Variant[],
  work: () => Promise<T>,
): Promise<T> {
  const [variant, ...others] = variants;
  if (!variant) return work();
  await makeDir(outputDir);
  const what = `the build of ${variant.name} in ${outputDir}`;
  return withLock(host, join(outputDir, `.${variant.name}.lock`), what, () =>
    holdingOutput(host, outputDir, others, work),
  );
}

/**
 * Makes a variant's wheel from what was compiled, selects, strips, repairs and stamps it, and moves it into the output
 * folder in one step.
 * @throws E_WHEEL_FORMAT, E_STRIP, E_REPAIR, E_GLIBC_FLOOR, E_OUTPUT_DIR, E_DISK_FULL, E_OPTION_VALUE
 */
export async function finishWheel(
  host: Host,
  uv: Uv,
  request: FinishRequest,
  compiled: CompiledWheel,
): Promise<BuiltWheel> {
  const { variant, outputDir, epoch } = request;
  const started = host.monotonic();
  const mtime = new Date(epoch * 1000);
  const stage = host.log.stage(`Repairing and stamping the wheel of ${variant.name}...`);
  const work = async (scratch: string): Promise<{ wheel: string; size: number; companions: string[] }> => {
    const assembled = await assembleWheel(
      host,
      compiled.wheel,
      {
        variant,
        recipe: request.recipe,
        kernels: request.kernels,
        keepDebug: request.keepDebug,
        mtime,
      },
      request.version,
      scratch,
    );
    const repaired = await repairWheel(
      uv,
      assembled,
      join(scratch, "repaired"),
      compiled.libraries?.lib ?? null,
    );
    const stamped = stampWheel(basename(repaired), await readBytes(repaired), {
      variant,
      torchVersion: compiled.torch.torchVersion,
      torchRequirement: request.torchRequirement,
      versionSuffix: request.versionSuffix,
      made: { inputs: compiled.inputs, tool: await productVersion() },
      mtime,
    });
    for (const line of stamped.moved)
      host.log.warn(
        `${variant.name} requires ${line}, by URL, which no index takes: the wheel does not require it, and its description tells users to install it`,
      );
    if (request.glibc !== null) await demandEarnedFloor(host, stamped.fileName, stamped.bytes, request.glibc);
    const place = join(scratch, stamped.fileName);
    await writeFile(place, stamped.bytes);
    const wheel = join(outputDir, stamped.fileName);
    await keepMaterials(host, sha256Of(stamped.bytes), materialsOf(host, compiled.inputs, request));
    await copyAtomic(place, wheel);
    return { wheel, size: stamped.bytes.length, companions: stamped.companions };
  };
  const { wheel, size, companions } = await host.scratch
    .withFolder("vllm-cpu-wheels-finish", work, { keep: request.keepScratch })
    .catch((thrown: unknown) => {
      stage.failed();
      throw thrown;
    });
  stage.done(`${basename(wheel)}, ${formatBytes(size)}`);
  if (size > INDEX_FILE_LIMIT)
    host.log.warn(
      `${basename(wheel)} is larger than the ${formatBytes(INDEX_FILE_LIMIT)} that an index takes by default`,
    );
  host.log.success(`Built wheel for ${variant.name}`);
  host.log.info(`  ${wheel}${request.isSample ? " (from the bundled source)" : ""}`);
  const seconds = (host.monotonic() - started) / 1000;
  const compileSeconds = Object.values(compiled.stages).reduce((sum, value) => sum + value, 0);
  return {
    variant: variant.name,
    wheel,
    torch: compiled.torch.torchVersion,
    python: compiled.python,
    seconds: seconds + compileSeconds,
    stages: { ...compiled.stages, stamp: seconds },
    cpuSeconds: compiled.cpuSeconds,
    companions,
  };
}
