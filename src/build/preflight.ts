import { arch } from "node:os";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { run, tail } from "../host/process.ts";
import { compilerFlags } from "../variants/features.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Compilers } from "../variants/recipe-schema.ts";
import { compilerEnv } from "./compiler-env.ts";

/** The C++ compiler a build will use; `cc` is its C sibling. Both are argument vectors. */
export interface Compiler {
  cxx: string[];
  cc: string[];
  family: "gcc" | "clang";
  version: string;
}

/** This machine's architecture in the spelling of platform tags. */
export function machineArchitecture(): string {
  return { x64: "x86_64", arm64: "aarch64" }[arch() as string] ?? arch();
}

const words = (text: string | undefined): string[] => text?.trim().split(/\s+/).filter(Boolean) ?? [];

/**
 * Finds the compiler: CXX and CC of the environment, else what is on PATH.
 * @throws E_COMPILER_MISSING
 */
export async function findCompiler(host: Host): Promise<Compiler> {
  const named = words(host.env["CXX"]);
  const candidates: [string[], string[]][] =
    named.length > 0
      ? [[named, words(host.env["CC"])]]
      : [
          [["c++"], ["cc"]],
          [["g++"], ["gcc"]],
          [["clang++"], ["clang"]],
        ];
  for (const [cxx, cc] of candidates) {
    const [command = "", ...args] = cxx;
    try {
      const banner = await run(host, command, [...args, "--version"], { env: compilerEnv(host) });
      if (banner.code !== 0) continue;
      const family = /clang/i.test(banner.stdout) ? "clang" : "gcc";
      const dump = family === "gcc" ? "-dumpfullversion" : "-dumpversion";
      const version = (await run(host, command, [...args, dump], { env: compilerEnv(host) })).stdout.trim();
      return { cxx, cc: cc.length > 0 ? cc : [family === "gcc" ? "gcc" : "clang"], family, version };
    } catch (thrown) {
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "E_TOOL_MISSING")) throw thrown;
    }
  }
  throw wheelsError("E_COMPILER_MISSING", { tried: candidates.map(([cxx]) => cxx.join(" ")) });
}

function isOlder(version: string, floor: string): boolean {
  const [have, want] = [version, floor].map((text) => text.split(".").map(Number));
  for (const [index, part] of (want ?? []).entries()) {
    const own = have?.[index] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
}

/** The newer of the oldest versions that the variant's instructions and the release's code need. */
function floorFor(compiler: Compiler, variant: Variant, compilers: Compilers | null): string | null {
  const floors = [variant.compilerFloor[compiler.family], compilers?.[compiler.family]];
  return floors.reduce<string | null>(
    (newest, floor) => (floor !== undefined && (newest === null || isOlder(newest, floor)) ? floor : newest),
    null,
  );
}

/**
 * Asks before the long part whether this machine and compiler can build a variant.
 * Being unable to *run* it is no obstacle.
 * @param compilers what the release's recipe demands of the compiler; null for nothing
 * @throws E_ARCHITECTURE, E_COMPILER_FAMILY, E_COMPILER_OLD, E_COMPILER_FLAGS
 */
export async function preflight(
  host: Host,
  compiler: Compiler,
  variant: Variant,
  compilers: Compilers | null,
): Promise<void> {
  const has = machineArchitecture();
  if (variant.architecture !== has) {
    throw wheelsError("E_ARCHITECTURE", { variant: variant.name, needs: variant.architecture, has });
  }
  if (compilers !== null && compilers[compiler.family] === undefined)
    throw wheelsError("E_COMPILER_FAMILY", {
      variant: variant.name,
      compiler: `${compiler.cxx.join(" ")} (${compiler.family} ${compiler.version})`,
      takes: Object.entries(compilers).map(([family, floor]) => `${family} ${floor} or newer`),
    });
  const floor = floorFor(compiler, variant, compilers);
  if (floor !== null && isOlder(compiler.version, floor)) {
    throw wheelsError("E_COMPILER_OLD", {
      variant: variant.name,
      compiler: compiler.family,
      version: compiler.version,
      floor,
    });
  }
  const flags = compilerFlags(variant.isa.mayUse);
  const [command = "", ...args] = compiler.cxx;
  const result = await run(host, command, [...args, ...flags, "-x", "c++", "-fsyntax-only", "/dev/null"], {
    env: compilerEnv(host),
  });
  if (result.code !== 0) {
    const named = flags.filter((flag) => result.stderr.includes(flag));
    throw wheelsError("E_COMPILER_FLAGS", {
      variant: variant.name,
      compiler: `${compiler.cxx.join(" ")} ${compiler.version}`,
      flags: named.length > 0 ? named : flags,
      detail: tail(result, 4),
    });
  }
}
