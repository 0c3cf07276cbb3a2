import { join } from "node:path";
import { readElf } from "../elf/elf.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { readBytes, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { run, tail } from "../host/process.ts";
import { compareVersions } from "../wheel/version.ts";
import { compilerEnv } from "./compiler-env.ts";
import type { Compiler } from "./preflight.ts";

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
 * Asks before the long part whether this toolchain can make libraries for an older glibc at all.
 * @param floor such as 2.28
 * @throws E_GLIBC_FLOOR, E_COMPILER_FLAGS where the probe does not compile
 */
export async function demandGlibcFloor(host: Host, compiler: Compiler, floor: string): Promise<void> {
  await host.scratch.withFolder("vllm-cpu-wheels-glibc", async (folder) => {
    const [source, library] = [join(folder, "probe.cpp"), join(folder, "libprobe.so")];
    await writeFile(source, PROBE);
    const [command = "", ...args] = compiler.cxx;
    const result = await run(
      host,
      command,
      [...args, "-shared", "-fPIC", "-O2", source, "-ldl", "-pthread", "-o", library],
      {
        env: compilerEnv(host),
      },
    );
    if (result.code !== 0)
      throw wheelsError("E_COMPILER_FLAGS", {
        variant: "every variant",
        compiler: compiler.cxx.join(" "),
        flags: ["-shared"],
        detail: tail(result, 4),
      });
    const wanted = readElf(await readBytes(library)).wantedVersions.flatMap(
      (version) => /^GLIBC_(\d+\.\d+)/.exec(version)?.[1] ?? [],
    );
    const earned = wanted.sort(compareVersions).at(-1) ?? floor;
    if (compareVersions(earned, floor) > 0)
      throw wheelsError("E_GLIBC_FLOOR", {
        floor,
        earned,
        detail: "A small library with threads, numbers and streams needs that already.",
      });
  });
}

/** @throws E_GLIBC_FLOOR where auditwheel gave the wheel a newer platform than asked for */
export function demandEarnedFloor(fileName: string, floor: string): void {
  const earned = [...fileName.matchAll(/manylinux_(\d+)_(\d+)_/g)].map(
    ([, major, minor]) => `${major}.${minor}`,
  );
  const oldest = earned.sort(compareVersions)[0];
  if (oldest === undefined || compareVersions(oldest, floor) > 0)
    throw wheelsError("E_GLIBC_FLOOR", {
      floor,
      earned: oldest ?? "of no platform",
      detail: `The wheel is ${fileName}.`,
    });
}
