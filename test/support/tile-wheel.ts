import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exec, root, scratch } from "./run.ts";
import type { TinyWheel } from "./wheel.ts";

/** The sample's own AMX kernel beside what the tests do with it; the rest of the sample takes AVX2 alone. */
const LIBRARY = `#include <cpu/bf16_matmul.cpp>
extern "C" void matmul(float *out, const uint16_t *a, const uint16_t *b, long rows, long columns, long depth) {
  vllm_cpu_sample::bf16_matmul(out, a, b, rows, columns, depth, 0, columns);
}
extern "C" __attribute__((noinline)) void takes_what_is_not_there() { asm volatile("ud2"); }
extern "C" __attribute__((noinline)) void configures_what_is_none() {
  alignas(64) uint8_t config[64] = {7};
  asm volatile("ldtilecfg %0" : : "m"(config) : "memory");
}
`;

const CHECKS = `import ctypes, math, multiprocessing, os, torch
library = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "kernels.so"))

def cases():
    generator = torch.Generator().manual_seed(7)
    for rows, depth, columns in [(1, 1, 1), (5, 31, 4), (16, 32, 16), (17, 33, 17), (65, 127, 33)]:
        a, b = (torch.randn(n, depth, generator=generator).to(torch.bfloat16) for n in (rows, columns))
        out = torch.empty(rows, columns)
        library.matmul(*(ctypes.c_void_p(t.data_ptr()) for t in (out, a, b)), *map(ctypes.c_long, (rows, columns, depth)))
        left, right = a.double(), b.double()
        error = ((out - left @ right.T).abs() / (left.abs() @ right.T.abs())).max()
        yield {"name": "matmul", "shape": f"{rows}x{depth}x{columns}", "max_error": float(error), "tolerance": (depth + 16) * 2.0**-24}

def matmul():
    return list(cases())

def says_it_has_tiles(_=None):
    with open("/proc/cpuinfo") as file:
        shown = " amx_bf16" in file.read()
    return bool(torch.cpu._is_amx_tile_supported() and torch.cpu._init_amx() and shown)

def asked():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (child,) = pool.map(says_it_has_tiles, [0])
    if not (says_it_has_tiles() and child):
        raise RuntimeError("this machine says that it has no tiles")
    return matmul()

def without():
    return [{"name": "without", "shape": "", "max_error": 0.0, "tolerance": 0.0}]

def crashes():
    matmul()
    library.takes_what_is_not_there()

def misuses():
    matmul()
    library.configures_what_is_none()
`;

let library: Uint8Array | undefined;

/** A wheel whose kernel check is one function of {@link CHECKS}. */
export function tileWheel(check: string): TinyWheel {
  const place = scratch();
  const output = join(place, "kernels.so");
  const sample = join(root, "test", "fixtures", "sample", "csrc");
  if (library === undefined) {
    const flags = "-std=c++20 -O2 -shared -fPIC -mavx2 -mfma -mamx-tile -mamx-bf16 -x c++".split(" ");
    const { status, stderr } = exec("g++", [...flags, `-I${sample}`, "-o", output, "-"], { input: LIBRARY });
    if (status !== 0) throw new Error(stderr);
    library = readFileSync(output);
  }
  return {
    name: "tile-guest",
    files: {
      "tile_guest/kernels.so": library,
      "tile_guest/checks.py": CHECKS,
      "tile_guest/__init__.py": "",
      "tile_guest-1.0.dist-info/entry_points.txt": `[cpu_wheel.kernel_checks]\nmatmul = tile_guest.checks:${check}\n`,
    },
  };
}
