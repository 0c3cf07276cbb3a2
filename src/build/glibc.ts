import { join } from "node:path";
import { isElf, readElf } from "../elf/elf.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { readBytes, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { meaning, run } from "../host/process.ts";
import { compareVersions } from "../wheel/version.ts";
import { openWheel } from "../wheel/wheel-file.ts";
import { readZip } from "../wheel/zip-reader.ts";
import { compilerEnv } from "./compile/compiler-env.ts";
import { demandBuildable } from "./floor/floor.ts";
import { type Compiler, compilerBroken, runCompiler } from "./preflight.ts";

/** Uses what every kernel library uses: threads, dynamic loading, numbers from text, mathematics, streams. */
const PROBE = `#include <cmath>
#include <cstdlib>
#include <dlfcn.h>
#include <iostream>
#include <string>
#include <sys/stat.h>
#include <thread>
extern "C" double probe(const char* text) {
  struct stat info;
  std::thread([] {}).join();
  std::cout << std::stoi(text) << std::strtol(text, nullptr, 10) << stat(text, &info);
  return std::pow(std::exp(std::atof(text)), std::log(2.0)) + std::fmod(3.0, 2.0) + (dlopen(text, RTLD_NOW) != nullptr);
}
`;

/**
 * The oldest glibc that a library of this toolchain runs with, as it is, such as 2.34.
 * @throws E_COMPILER_BROKEN where the probe does not compile
 */
async function earnedGlibc(host: Host, compiler: Compiler): Promise<string> {
  return host.scratch.withFolder("vllm-cpu-wheels-glibc", async (folder) => {
    const [source, library] = [join(folder, "probe.cpp"), join(folder, "libprobe.so")];
    await writeFile(source, PROBE);
    const args = ["-shared", "-fPIC", "-O2", source, "-ldl", "-pthread", "-o", library];
    const result = await runCompiler(host, compiler.cxx, args);
    meaning(result, { 0: null }, (words) =>
      compilerBroken(compiler.cxx, "compiling a small library with threads and streams", words),
    );
    const wanted = readElf(await readBytes(library)).wantedVersions.flatMap(
      (version) => /^GLIBC_(\d+\.\d+)/.exec(version)?.[1] ?? [],
    );
    return wanted.sort(compareVersions).at(-1) ?? "2.0";
  });
}

/**
 * Asks before the long part how this toolchain can make libraries for an older glibc.
 * @param floor such as 2.28
 * @returns true where that glibc's headers and link stubs are needed for it
 * @throws E_GLIBC_FLOOR where it can't; E_COMPILER_BROKEN
 */
export async function needsFloorKit(host: Host, compiler: Compiler, floor: string): Promise<boolean> {
  const earned = await earnedGlibc(host, compiler);
  if (compareVersions(earned, floor) <= 0) return false;
  demandBuildable(host, compiler, floor, earned);
  return true;
}

/** Symbols of newer versions than a policy has are found by their version, as the loader does. */
const VERSION = /\((GLIBC|GLIBCXX|CXXABI|GCC)_([\d.]+)\)\s+(.+)$/;

/** The newest symbols that a library asks others for, newest first, as binutils names them. */
async function newestSymbols(host: Host, library: string): Promise<string[]> {
  const result = await run(host, "objdump", ["-T", "-C", library], { env: compilerEnv(host) });
  if (result.code !== 0) return [];
  const wanted = result.stdout
    .split("\n")
    .filter((line) => line.includes("*UND*"))
    .flatMap((line) => {
      const [, family, version = "", name] = VERSION.exec(line) ?? [];
      return family === undefined ? [] : [{ family, version, text: `${name} (${family}_${version})` }];
    });
  return ["GLIBC", "GLIBCXX", "CXXABI", "GCC"].flatMap((family) => {
    const own = wanted.filter((one) => one.family === family);
    const newest = own
      .map(({ version }) => version)
      .sort(compareVersions)
      .at(-1);
    return own.filter(({ version }) => version === newest).map(({ text }) => text);
  });
}

const MOST_SYMBOLS = 12;

/** What each library of a wheel needs, for whoever has to find the line that wants it. */
async function needsOf(host: Host, fileName: string, bytes: Uint8Array): Promise<string> {
  const needs = await host.scratch.withFolder("vllm-cpu-wheels-glibc", async (folder) => {
    const found: string[] = [];
    const library = join(folder, "library.so");
    for (const entry of openWheel(fileName, readZip(bytes)).entries) {
      const data = entry.read();
      if (!isElf(data)) continue;
      await writeFile(library, data);
      for (const symbol of await newestSymbols(host, library)) found.push(`${entry.name}: ${symbol}`);
    }
    return found;
  });
  const more = needs.length > MOST_SYMBOLS ? `, and ${needs.length - MOST_SYMBOLS} more` : "";
  return needs.slice(0, MOST_SYMBOLS).join(", ") + more;
}

/** @throws E_GLIBC_FLOOR where auditwheel gave the wheel a newer platform than asked for, naming what asks for it */
export async function demandEarnedFloor(
  host: Host,
  fileName: string,
  bytes: Uint8Array,
  floor: string,
): Promise<void> {
  const earned = [...fileName.matchAll(/manylinux_(\d+)_(\d+)_/g)].map(
    ([, major, minor]) => `${major}.${minor}`,
  );
  const oldest = earned.sort(compareVersions)[0];
  if (oldest === undefined || compareVersions(oldest, floor) > 0)
    throw wheelsError("E_GLIBC_FLOOR", {
      floor,
      earned: oldest ?? "of no platform",
      detail: `The newest symbols that ${fileName} needs: ${await needsOf(host, fileName, bytes)}.`,
    });
}
