import { arch } from "node:os";
import { WheelsError, wheelsError } from "../errors/wheels-error.ts";
import type { Host, ShortResult } from "../host/host.ts";
import { meaning, type RunResult, run, tail } from "../host/process.ts";
import { isUnusable } from "../host/programs.ts";
import { compilerFlags } from "../variants/features.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Compilers } from "../variants/recipe-schema.ts";
import { compilerEnv } from "./compile/compiler-env.ts";

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

/** Lets a compiler compile or link. @param cxx as an argument vector */
export async function runCompiler(
  host: Host,
  cxx: readonly string[],
  args: readonly string[],
): Promise<RunResult> {
  const [command = "", ...own] = cxx;
  return run(host, command, [...own, ...args], { env: compilerEnv(host) });
}

/** The error of a compiler that fails at what each compiler can do. */
export function compilerBroken(compiler: readonly string[], doing: string, detail: string): WheelsError {
  return wheelsError("E_COMPILER_BROKEN", { compiler: compiler.join(" "), doing, detail });
}

/** Asks a compiler what it says at once. @param cxx as an argument vector */
async function askCompiler(
  host: Host,
  cxx: readonly string[],
  args: readonly string[],
): Promise<ShortResult> {
  const [command = "", ...own] = cxx;
  return host.ask(command, [...own, ...args], { env: compilerEnv(host) });
}

async function versionOf(host: Host, cxx: readonly string[]): Promise<Pick<Compiler, "family" | "version">> {
  const doing = "telling its version";
  const ask = async (option: string): Promise<string> => {
    const result = await askCompiler(host, cxx, [option]);
    return meaning(result, { 0: result.stdout.trim() }, (words) => compilerBroken(cxx, doing, words));
  };
  const family = /clang/i.test(await ask("--version")) ? "clang" : "gcc";
  const version = await ask(family === "gcc" ? "-dumpfullversion" : "-dumpversion");
  if (!/^\d+(\.\d+)*/.test(version))
    throw compilerBroken(cxx, doing, `It answered ${JSON.stringify(version.slice(0, 80))}.`);
  return { family, version };
}

/**
 * Finds the compiler: CXX and CC of the environment, else what is on PATH.
 * @throws E_COMPILER_MISSING where there is none; E_COMPILER_BROKEN, E_TOOL_NOT_ALLOWED, E_TOOL_ARCHITECTURE or
 *   E_TOOL_BROKEN where one is there and does not work, and no other does
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
  let broken: WheelsError | null = null;
  for (const [cxx, cc] of candidates) {
    try {
      const { family, version } = await versionOf(host, cxx);
      return { cxx, cc: cc.length > 0 ? cc : [family === "gcc" ? "gcc" : "clang"], family, version };
    } catch (thrown) {
      if (!(thrown instanceof WheelsError)) throw thrown;
      if (thrown.code !== "E_COMPILER_BROKEN" && !isUnusable(thrown)) throw thrown;
      if (thrown.code !== "E_TOOL_MISSING") broken ??= thrown;
    }
  }
  throw broken ?? wheelsError("E_COMPILER_MISSING", { tried: candidates.map(([cxx]) => cxx.join(" ")) });
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
 * @throws E_ARCHITECTURE, E_COMPILER_FAMILY, E_COMPILER_OLD, E_COMPILER_FLAGS, E_COMPILER_BROKEN
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
  const asked = ["-x", "c++", "-fsyntax-only", "/dev/null"];
  const result = await askCompiler(host, compiler.cxx, [...flags, ...asked]);
  if (result.code === 0) return;
  // Without the flags it must work; else the flags are not what it stumbles over.
  const plain = await askCompiler(host, compiler.cxx, asked);
  if (plain.code !== 0) throw compilerBroken(compiler.cxx, "reading an empty file", tail(plain, 4));
  const named = flags.filter((flag) => result.stderr.includes(flag));
  throw wheelsError("E_COMPILER_FLAGS", {
    variant: variant.name,
    compiler: `${compiler.cxx.join(" ")} ${compiler.version}`,
    flags: named.length > 0 ? named : flags,
    detail: tail(result, 4),
  });
}
