import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { floorArguments } from "../../src/build/floor/floor.ts";
import { provideFloorKit } from "../../src/build/floor/floor-kit.ts";
import { readElf } from "../../src/elf/elf.ts";
import { ensureUv } from "../../src/torch/uv.ts";
import { compareVersions } from "../../src/wheel/version.ts";
import { quietHost } from "../support/network-host.ts";
import { exec, removeScratch, scratch, works } from "../support/run.ts";

afterAll(removeScratch);

const CROSS = "aarch64-linux-gnu-g++";
const reason = works(CROSS, ["--version"]) ? null : `${CROSS} is not there`;

/** Uses what changed its version in glibc 2.29 to 2.38: exp, pow, stat, threads, dlopen, numbers from text. */
const SOURCE = `#include <cmath>
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
  return std::pow(std::exp(std::atof(text)), std::log(2.0)) + (dlopen(text, RTLD_NOW) != nullptr);
}
`;

(reason ? describe.skip : describe)(`${reason ? `not-run: ${reason}: ` : ""}for aarch64`, () => {
  test("a library for glibc 2.28 asks for nothing newer, where the plain one does", async () => {
    // The machine's own ar writes no list of symbols for another architecture.
    const bin = scratch();
    writeFileSync(join(bin, "ar"), '#!/bin/sh\nexec aarch64-linux-gnu-ar "$@"\n', { mode: 0o755 });
    const own = quietHost();
    const host = { ...own, env: { ...own.env, PATH: `${bin}:${own.env["PATH"] ?? ""}` } };
    const kit = await provideFloorKit(host, await ensureUv(host), "2.28", "aarch64");
    const compiler = { cxx: [CROSS], cc: ["aarch64-linux-gnu-gcc"], family: "gcc" as const, version: "" };
    const told = await floorArguments(host, compiler, kit, "2.28", "aarch64", [], join(scratch(), "floor"));
    const source = join(scratch(), "probe.cpp");
    writeFileSync(source, SOURCE);
    const newest = (args: readonly string[], after: readonly string[]): string => {
      const library = join(scratch(), "libprobe.so");
      const made = exec(CROSS, [...args, "-shared", "-fPIC", "-O2", source, "-o", library, ...after]);
      expect(made.stderr).toBe("");
      const elf = readElf(readFileSync(library));
      expect(elf.architecture).toBe("aarch64");
      const wanted = elf.wantedVersions.flatMap((one) => /^GLIBC_([\d.]+)$/.exec(one)?.[1] ?? []);
      return wanted.sort(compareVersions).at(-1) ?? "";
    };
    const [plain, floor] = [newest([], ["-ldl", "-pthread"]), newest(told.cxx, told.linkCxx)];
    process.stdout.write(`aarch64, newest glibc that is asked for: plain ${plain}, for 2.28 ${floor}\n`);
    expect(compareVersions(plain, "2.28")).toBeGreaterThan(0);
    expect(compareVersions(floor, "2.28")).toBeLessThanOrEqual(0);
  }, 600_000);
});
