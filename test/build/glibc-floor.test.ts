import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { COMPAT } from "../../src/build/floor/compat.ts";
import { readElf } from "../../src/elf/elf.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { SBOM_FILE } from "../../src/wheel/sbom.ts";
import { compareVersions } from "../../src/wheel/version.ts";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { likeGperftools, likeOneDnn, likeVllm, tree } from "../support/like-vllm.ts";
import { exec, type Ran, removeScratch, scratch, torchFolder, wheels } from "../support/run.ts";

afterAll(removeScratch);

const SETUP = `import os, subprocess
from setuptools import Extension, setup
# What configuring asks of a compiler: small programs, some with OpenMP, that are run at once.
for compiler, source in ("CC", "asks.c"), ("CXX", "asks.cpp"):
    subprocess.check_call([os.environ[compiler], "-fopenmp", source, "-o", "asks"])
    assert subprocess.check_output(["./asks"], text=True) == "4\\n"
setup(ext_modules=[Extension("hard._hard", ["hard/_hard.cpp", "hard/plain.c"],
                             extra_compile_args=["-O2", "-fopenmp"], extra_link_args=["-fopenmp"])])
`;

const ASKS = `#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) {
  int threads = 0;
  #pragma omp parallel num_threads(4) reduction(+ : threads)
  threads += 1;
  printf("%ld\\n", threads + strtol("0", 0, 10));
}
`;

/** Of C: what newer glibc has under a newer version. */
const PLAIN = `#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
static void *nothing(void *one) { return one; }
int plain(const char *text) {
  struct stat info; struct timespec now; pthread_t thread; char buffer[64];
  clock_gettime(CLOCK_MONOTONIC, &now);
  pthread_create(&thread, 0, nothing, 0); pthread_join(thread, 0);
  memcpy(buffer, text, strlen(text) < 64 ? strlen(text) + 1 : 63);
  shm_unlink("/nothing-here");
  return (int)(strtol(buffer, 0, 10) + lstat(text, &info) * 0 + exp(0.0) + pow(1.0, 2.0) + log(1.0) + fmod(2, 2));
}
`;

/** Of C++: threads, conditions, streams, exceptions, OpenMP. @param more statements of the function that answers */
const hard = (more = ""): string => `#define Py_LIMITED_API 0x03090000
#include <Python.h>
#include <charconv>
#include <condition_variable>
#include <dlfcn.h>
#include <iostream>
#include <map>
#include <mutex>
#include <regex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#if __has_include(<threads.h>)
#include <threads.h>
#endif
extern "C" int plain(const char*);
static std::once_flag once;
static std::shared_mutex shared;
int* many(size_t count) { return new int[count]; }
static PyObject* answer(PyObject*, PyObject*) {
  std::call_once(once, [] { std::cout << "once" << std::endl; });
  std::shared_lock held(shared);
  int total = 0;
  std::mutex mutex;
  std::condition_variable done;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) threads.emplace_back([&] { std::lock_guard own(mutex); total += 1; done.notify_one(); });
  { std::unique_lock own(mutex); while (total < 4) done.wait(own); }
  for (auto& one : threads) one.join();
  try { many(static_cast<size_t>(-1)); } catch (const std::bad_array_new_length&) { total += 10; }
  try { throw std::runtime_error("x"); } catch (const std::exception&) { total += 100; }
  std::ostringstream text; text << std::stoi("7") << plain("3");
  std::stringstream both; both << text.str();
  std::istringstream in; in.str(both.str());
  std::string read; in >> read;
  std::map<std::string, int> map{{read, 1}};
  if (std::regex_match(read, std::regex("75"))) total += 10000;
#pragma omp parallel for reduction(+ : total)
  for (int i = 0; i < 1000; i++) total += 1;
  ${more}
  return PyLong_FromLong(total + static_cast<long>(map.size()) + (dlopen("nothing", RTLD_NOW) != nullptr));
}
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_hard", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};
PyMODINIT_FUNC PyInit__hard() { return PyModule_Create(&module); }
`;

function project(source: string): string {
  return tree({
    "pyproject.toml":
      '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "hard"\nversion = "1.0"\n[tool.setuptools]\npackages = ["hard"]\n',
    "setup.py": SETUP,
    "asks.c": ASKS,
    "asks.cpp": ASKS,
    "hard/__init__.py": "from ._hard import answer\n",
    "hard/plain.c": PLAIN,
    "hard/_hard.cpp": source,
  });
}

const cache = scratch();
function build(
  source: string,
  more: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): { ran: Ran; wheel: string } {
  const out = join(scratch(), "dist");
  mkdirSync(out);
  const args = ["build", "--variant=vllm-cpu", `--source=${source}`, `--torch-index-url=${torchFolder}`];
  const ran = wheels([...args, `--cache-dir=${cache}`, `--output-dir=${out}`, "--json", ...more], { env });
  const [wheel = ""] = readdirSync(out).filter((name) => name.endsWith(".whl"));
  return { ran, wheel: join(out, wheel) };
}

const errorOf = ({ stdout }: Ran): { code: string; why: string } =>
  (JSON.parse(stdout) as { error: { code: string; why: string } }).error;

/** The newest version of a family that a wheel's libraries ask for. */
function newest(wheel: string, family: string): string {
  const versions = readZip(readFileSync(wheel))
    .filter(({ name }) => name.endsWith(".so"))
    .flatMap((entry) => readElf(entry.read()).wantedVersions)
    .flatMap((version) => new RegExp(`^${family}_([\\d.]+)$`).exec(version)?.[1] ?? []);
  return versions.sort(compareVersions).at(-1) ?? "0";
}

describe("a wheel for glibc 2.28", () => {
  let built: ReturnType<typeof build>;

  beforeAll(() => {
    built = build(project(hard()), ["--glibc=2.28"]);
    expect(built.ran.status === 0 ? "" : built.ran.stderr + built.ran.stdout).toBe("");
  }, 600_000);

  test("has a tag of it or an older one, and asks for nothing newer", () => {
    const [, minor] = /manylinux_2_(\d+)_/.exec(built.wheel) ?? [];
    expect(Number(minor)).toBeLessThanOrEqual(28);
    expect(compareVersions(newest(built.wheel, "GLIBC"), "2.28")).toBeLessThanOrEqual(0);
    expect(compareVersions(newest(built.wheel, "GLIBCXX"), "3.4.24")).toBeLessThanOrEqual(0);
    expect(compareVersions(newest(built.wheel, "CXXABI"), "1.3.11")).toBeLessThanOrEqual(0);
    const verified = wheels(["verify", built.wheel, "--no-verdict", "--json"]);
    const { results } = JSON.parse(verified.stdout) as {
      results: { checks: { id: string; result: string }[] }[];
    };
    expect(results[0]?.checks.find(({ id }) => id === "platform.glibc")?.result).toBe("pass");
  });

  test("does on this machine what the plain one does", () => {
    const answers = [built.wheel, build(project(hard()), ["--glibc=own"]).wheel].map((wheel) => {
      const place = scratch();
      exec("python3", ["-m", "zipfile", "-e", wheel, place]);
      return exec("python3", ["-c", "import hard; print(hard.answer())"], { cwd: place }).stdout;
    });
    expect(answers).toEqual(["once\n11115\n", "once\n11115\n"]);
  }, 600_000);

  test("of the same inputs has the same bytes", () => {
    const again = build(project(hard()), ["--glibc=2.28", "--fresh"]).wheel;
    expect(readFileSync(again).equals(readFileSync(built.wheel))).toBe(true);
  }, 600_000);
});

test("what needs a newer C++ library than any floor has ends the build, with the function's name", () => {
  const more =
    "double number = 0; std::from_chars(read.data(), read.data() + read.size(), number); total += number > 1e9;";
  const { ran } = build(project(hard(more)), ["--glibc=2.28"]);
  expect([ran.status, errorOf(ran).code]).toEqual([3, "E_GLIBC_FLOOR"]);
  expect(errorOf(ran).why).toMatch(/hard\/_hard\S*\.so: std::from_chars\(.*\) \(GLIBCXX_3\.4\.29\)/);
}, 600_000);

test("a call of what the older glibc lacks ends the build, with function, library and source file", () => {
  const source = project(`${hard()}#include <unistd.h>\nint newer() { return _Fork(); }\n`);
  const { ran } = build(source, ["--glibc=2.28"]);
  expect([ran.status, errorOf(ran).code]).toEqual([3, "E_GLIBC_FLOOR"]);
  expect(errorOf(ran).why).toMatch(
    /hard\/_hard\S*\.so calls _Fork, which build\/temp\S*\/hard\/_hard\.o wants/,
  );
}, 600_000);

describe("what is added for older C++ libraries", () => {
  test("is defined by the compiler's own name for it", () => {
    const folder = scratch();
    for (const [name, text] of Object.entries(COMPAT)) {
      writeFileSync(join(folder, `${name}.cpp`), text);
      const object = join(folder, `${name}.o`);
      const made = exec("g++", [
        "-std=c++17",
        "-Wall",
        "-Werror",
        "-c",
        "-O2",
        "-fPIC",
        join(folder, `${name}.cpp`),
        "-o",
        object,
      ]);
      expect(made.stderr).toBe("");
      const [, symbol = ""] = /asm\("(\w+)"\)/.exec(text) ?? [];
      expect(exec("objdump", ["-t", object]).stdout).toMatch(
        new RegExp(`g +F \\.text\\S*\\s+[0-9a-f]+ \\.hidden ${symbol}\\n`),
      );
    }
  }, 120_000);

  test("replaces a part of a string by a part of itself as the library does", () => {
    const folder = scratch();
    const [source, compat, program] = ["main.cpp", "compat.cpp", "program"].map((name) => join(folder, name));
    writeFileSync(compat ?? "", COMPAT["string_replace_cold"] ?? "");
    writeFileSync(
      source ?? "",
      `#include <cstdio>
#include <random>
#include <string>
void cold(std::string*, char*, std::size_t, const char*, std::size_t, std::size_t)
    asm("_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm");
int main() {
  std::mt19937 random(7);
  int wrong = 0;
  for (int i = 0; i < 100000; i++) {
    std::string text;
    for (int j = 0; j < 40; j++) text += static_cast<char>('a' + random() % 26);
    const std::size_t at = random() % 40, old = random() % (41 - at), from = random() % 40, size = random() % (41 - from);
    const std::string expected = std::string(text).replace(at, old, std::string(text, from, size));
    std::string own = text;
    own.reserve(128);
    cold(&own, own.data() + at, old, own.data() + from, size, 40 - at - old);
    const std::string got(own.data(), 40 - old + size);
    wrong += got != expected;
  }
  std::printf("%d\\n", wrong);
}
`,
    );
    const made = exec("g++", ["-std=c++17", "-O1", source ?? "", compat ?? "", "-o", program ?? ""]);
    expect(made.stderr).toBe("");
    expect(exec(program ?? "", []).stdout).toBe("0\n");
  }, 120_000);
});

describe("a library of the system that goes into the wheel", () => {
  /** What the recipe takes of numactl, with as little in it as vLLM's build asks for. */
  const numactl = (libnuma: string, version = "2.0.19"): string =>
    tree({
      VERSION: `${version}\n`,
      "libnuma.c": libnuma,
      ...Object.fromEntries(
        ["syscall.c", "distance.c", "affinity.c", "sysfs.c", "rtnetlink.c"].map((name) => [
          name,
          "static int empty;\n",
        ]),
      ),
      "numa.h": '#ifdef __cplusplus\nextern "C"\n#endif\nint numa_available(void);\n',
      "numaif.h": "",
      "numacompat1.h": "",
      "versions.ldscript": "libnuma_1.1 { global: numa_available; local: *; };\n",
    });
  const LIBNUMA = `#include "config.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "numa.h"
static void *nothing(void *one) { return one; }
void numa_init(void) {}
void numa_fini(void) {}
int numa_available(void) {
  struct stat info; pthread_t thread;
  pthread_create(&thread, 0, nothing, 0); pthread_join(thread, 0);
  return lstat("/", &info) + (int)strtol("7", 0, 10);
}
`;
  const KERNELS = `#define Py_LIMITED_API 0x03090000
#include <Python.h>
#include <cstdlib>
#include <immintrin.h>
#include <numa.h>
__attribute__((target("avx2,fma"))) void add(float* to, const float* from) {
  _mm256_storeu_ps(to, _mm256_fmadd_ps(_mm256_loadu_ps(to), _mm256_loadu_ps(from), _mm256_loadu_ps(from)));
}
static PyObject* nodes(PyObject*, PyObject*) { return PyLong_FromLong(numa_available() + strtol("10", nullptr, 10)); }
static PyMethodDef methods[] = {{"nodes", nodes, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};
PyMODINIT_FUNC PyInit__C() { return PyModule_Create(&module); }
`;
  // It bundles what vLLM's own setup.py of 0.32.0 does (find_tcmalloc, bundle_tcmalloc).
  const source = likeVllm({
    "setup.py": () => `import os, re, shutil, subprocess
from pathlib import Path
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
names = ["_C_AVX2", "_C_AVX512", "_C"]
class bundling(build_ext):
    def run(self):
        super().run()
        listed = subprocess.check_output(["ldconfig", "-p"], text=True, stderr=subprocess.DEVNULL)
        for line in listed.splitlines():
            assert re.search(r"\\blibtcmalloc_minimal\\.so\\.(\\d+)\\b", line) and "=>" in line, listed
            found = Path(line.split("=>")[1].strip())
            place = os.path.join(self.build_lib, "vllm", "libs")
            os.makedirs(place, exist_ok=True)
            shutil.copy2(found, os.path.join(place, found.name))
setup(name="vllm", version="0.32.0", packages=["vllm"], cmdclass={"build_ext": bundling}, ext_modules=[
    Extension(f"vllm.{name}", ["kernels.cpp"], libraries=["numa"], py_limited_api=True) for name in names])
`,
    "kernels.cpp": () => KERNELS,
  });
  /** This machine's g++ under the version that vLLM's recipe asks for. */
  const compiler = join(scratch(), "new-g++");
  writeFileSync(
    compiler,
    '#!/bin/sh\nif [ "$*" = -dumpfullversion ]; then echo 14.2.0; else exec g++ "$@"; fi\n',
    { mode: 0o755 },
  );
  const env = { ...process.env, CXX: compiler, CC: "gcc" };
  const vllm = (libnuma: string, ...more: string[]) =>
    build(
      source,
      [
        `--onednn-source=${likeOneDnn("3.13.0")}`,
        `--numactl-source=${libnuma}`,
        `--gperftools-source=${likeGperftools()}`,
        ...more,
      ],
      env,
    );

  test("is built of its pinned source for vLLM's wheels, which are for glibc 2.28 where nobody says another", () => {
    const { ran, wheel } = vllm(numactl(LIBNUMA));
    expect(ran.status === 0 ? "" : ran.stderr + ran.stdout).toBe("");
    expect(ran.stderr).toMatch(/Building libnuma\.so\.1, libtcmalloc_minimal\.so\.4 for glibc 2\.28/);
    expect(Number(/manylinux_2_(\d+)_/.exec(wheel)?.[1])).toBeLessThanOrEqual(28);
    const grafted = readZip(readFileSync(wheel)).filter(({ name }) => /\.libs\/libnuma-\w+\.so/.test(name));
    expect(grafted).toHaveLength(1);
    expect(compareVersions(newest(wheel, "GLIBC"), "2.28")).toBeLessThanOrEqual(0);
    wheels(["verify", wheel, `--cache-dir=${cache}`]);
    const { predicate } = JSON.parse(readFileSync(`${wheel}.verdict.json`, "utf8")) as {
      predicate: { buildDefinition: { resolvedDependencies: { name?: string; digest?: object }[] } };
    };
    expect(
      predicate.buildDefinition.resolvedDependencies.find(({ name }) => name === "numactl")?.digest,
    ).toEqual({ tree: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const entry = readZip(readFileSync(wheel)).find(({ name }) => name.endsWith(SBOM_FILE));
    const { components } = JSON.parse(Buffer.from(entry?.read() ?? []).toString("utf8")) as {
      components: { name: string; version: string; description: string; components?: { name: string }[] }[];
    };
    expect(components.find(({ name }) => name === "numactl")?.components).toEqual([
      expect.objectContaining({ name: grafted[0]?.name }),
    ]);
    expect(components.find(({ name }) => name === "gperftools")).toMatchObject({
      version: "gperftools-2.18.1",
      description: "Built for this wheel and bundled",
    });
    const { stdout } = wheels(["verify", wheel, "--level=static", "--no-verdict", "--json"]);
    const [result] = (JSON.parse(stdout) as { results: VerifyResult[] }).results;
    expect(result?.contents?.lacks.map(({ part }) => part)).toEqual(["vllm-rs"]);
    const place = scratch();
    exec("python3", ["-m", "zipfile", "-e", wheel, place]);
    const tcmalloc = join(place, "vllm", "libs", "libtcmalloc_minimal.so.4");
    const asked = `import ctypes; print(ctypes.CDLL(${JSON.stringify(tcmalloc)}).tc_version())`;
    expect(exec("python3", ["-c", asked]).stdout).toBe("8\n");
    const code =
      "import importlib.util as u; s = u.spec_from_file_location('_C', __import__('glob').glob('vllm/_C.*')[0]); m = u.module_from_spec(s); s.loader.exec_module(m); print(m.nodes())";
    expect(exec("python3", ["-c", code], { cwd: place }).stdout).toBe("17\n");

    const again = vllm(numactl(LIBNUMA), "--fresh");
    expect(again.ran.stderr).not.toContain("Building libnuma");
    expect(readFileSync(again.wheel).equals(readFileSync(wheel))).toBe(true);
  }, 900_000);

  test.each([
    ["of another release", () => numactl(LIBNUMA, "2.0.18"), "It is version 2.0.18; the build pins v2.0.19."],
    [
      "that does not compile",
      () => numactl("int numa_available(void) { return nobody; }\n"),
      "undeclared (first use in this function)",
    ],
    [
      "with a function that nobody has",
      () => numactl(LIBNUMA.replace("return lstat", "extern int nobody(void); return nobody() + lstat")),
      "undefined reference to `nobody'",
    ],
    [
      "with a function of a newer glibc",
      () => numactl(LIBNUMA.replace("return lstat", "extern int _Fork(void); return _Fork() + lstat")),
      "undefined reference to `_Fork'",
    ],
  ])(
    "of a source %s ends the build before the long part",
    (_what, libnuma, why) => {
      const { ran } = vllm(libnuma());
      expect(errorOf(ran).code).toBe("E_DEPENDENCY");
      expect(errorOf(ran).why).toContain(why);
    },
    300_000,
  );
});

test("a dry run says how it would be built", () => {
  const dry = wheels(["build", "--variant=vllm-cpu", "--source=sample", "--glibc=2.28", "--dry-run"]).stdout;
  expect(dry).toMatch(
    /# built for glibc 2\.28: where this machine's is newer, with the headers and link stubs of ziglang /,
  );
});
