import { freemem, totalmem } from "node:os";
import { WheelsError } from "../errors/wheels-error.ts";
import { freeBytes, readTextIfAny } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { findPython } from "../torch/python.ts";
import { cpuFlags, cpuModel } from "../variants/cpuinfo.ts";
import { lacking } from "../variants/features.ts";
import type { Variant } from "../variants/manifest.ts";
import { type Compiler, findCompiler, machineArchitecture, preflight } from "./preflight.ts";

export interface VariantAbility {
  variant: string;
  /** Why it can't be built here; null where it can. */
  cannotBuild: string | null;
  /** Features of its contract that this CPU lacks; it runs here where there is none. */
  lacks: string[];
}

export interface DoctorReport {
  cpu: { model: string; architecture: string; cores: number };
  /** Bytes. */
  memory: { total: number; free: number };
  /** Bytes free for the cache folder. */
  disk: { path: string; free: number };
  python: string | null;
  compiler: { command: string; family: string; version: string } | null;
  variants: VariantAbility[];
}

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (thrown) {
    if (thrown instanceof WheelsError && thrown.code !== "E_INTERRUPTED") return null;
    throw thrown;
  }
}

async function whyNot(host: Host, compiler: Compiler | null, variant: Variant): Promise<string | null> {
  if (!compiler) return "there is no C++ compiler";
  try {
    await preflight(host, compiler, variant, null);
    return null;
  } catch (thrown) {
    if (thrown instanceof WheelsError && thrown.code !== "E_INTERRUPTED") return thrown.what;
    throw thrown;
  }
}

/** What this machine can build and what it can run; fails only when interrupted. */
export async function examine(
  host: Host,
  variants: Iterable<Variant>,
  cacheDir: string,
): Promise<DoctorReport> {
  const cpuinfo = (await readTextIfAny("/proc/cpuinfo")) ?? "";
  const flags = cpuFlags(cpuinfo);
  const compiler = await orNull(findCompiler(host));
  const abilities: VariantAbility[] = [];
  for (const variant of variants) {
    abilities.push({
      variant: variant.name,
      cannotBuild: await whyNot(host, compiler, variant),
      lacks:
        variant.architecture === machineArchitecture()
          ? lacking(variant.isa.mustUse, flags)
          : [variant.architecture],
    });
  }
  return {
    cpu: { model: cpuModel(cpuinfo), architecture: machineArchitecture(), cores: host.cores },
    memory: { total: totalmem(), free: freemem() },
    disk: { path: cacheDir, free: await freeBytes(cacheDir) },
    python: await orNull(findPython(host)),
    compiler: compiler && {
      command: compiler.cxx.join(" "),
      family: compiler.family,
      version: compiler.version,
    },
    variants: abilities,
  };
}
