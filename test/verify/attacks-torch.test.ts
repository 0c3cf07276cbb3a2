import { afterAll } from "@jest/globals";
import { type Attack, filesLie, headerLie, libraryLie, testAttacks } from "../support/attacks.ts";
import type { Lie } from "../support/forge.ts";
import { removeScratch } from "../support/run.ts";
import { linked, section, tampered } from "../support/tampered.ts";

afterAll(removeScratch);

const cudaCall = "void cudaMalloc(void); void f(void) { cudaMalloc(); }";
const sysv = linked(cudaCall, ["-Wl,--hash-style=sysv"]);
const needs = (soname: string): Lie =>
  libraryLie(linked("void n(void); void f(void) { n(); }", [], { [soname]: { source: "void n(void) {}" } }));
const fatbin = Buffer.from([0x50, 0xed, 0x55, 0xba, 1, 0, 0x10, 0]);

const TORCH: Attack[] = [
  {
    name: "a CUDA symbol",
    lie: libraryLie(linked(cudaCall, [])),
    check: "elf.cuda-free",
    evidence: /cudaMalloc/,
  },
  {
    name: "… behind a forged hash table",
    lie: libraryLie(tampered(sysv, (copy) => void copy.writeUInt32LE(1, section(copy, ".hash").offset + 4))),
    check: "elf.cuda-free",
    evidence: /cudaMalloc/,
  },
  ...[
    "libcudart.so.12",
    "libcublasLt.so.12",
    "libnvJitLink.so.12",
    "libtorch_cuda.so",
    "libc10_cuda.so",
    "libcudnn_graph.so.9",
    "libamdhip64.so.6",
    "libnvidia-ml.so.1",
  ].map((soname) => ({
    name: `the need of ${soname}`,
    lie: needs(soname),
    check: "elf.cuda-free",
    evidence: new RegExp(soname.replaceAll(".", "\\.")),
  })),
  {
    name: "a need by way of an auxiliary filter",
    lie: libraryLie(linked("void f(void) {}", ["-Wl,-f,libcudart.so.12"])),
    check: "elf.cuda-free",
    evidence: /libcudart/,
  },
  {
    name: "a CUDA library that the wheel brings",
    lie: filesLie("good.libs/libcudart-0badc0de.so.12", linked("void g(void) {}", [])),
    check: "elf.cuda-free",
    evidence: /is a GPU library/,
  },
  {
    name: "GPU code in an honest library",
    lie: libraryLie(Buffer.concat([linked("void f(void) {}", []), fatbin])),
    check: "elf.cuda-free",
    evidence: /fat binary/,
  },
  ...[
    'nvidia-cublas-cu12; extra != "x"',
    'nvidia-cublas-cu12; extra == ""',
    "NVIDIA_cublas.CU12",
    "cuda-bindings",
    "cupy-cuda12x",
    "vllm>=0.1",
    "pytorch-triton-rocm",
    'nvidia-cublas; python_full_version > "3.11.4"',
    "nvidia-nccl\n  ; python_version > '3'",
    'nvidia-x; os.name == "posix"',
    'nvidia-x; platform_release > "1"',
  ].map((line) => ({
    name: `the requirement ${JSON.stringify(line)}`,
    lie: headerLie(`Requires-Dist: ${line}`),
    check: "elf.cuda-free",
    evidence: /METADATA requires/,
  })),
];

testAttacks(TORCH);
