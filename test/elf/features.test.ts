import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { auditElf } from "../../src/elf/audit.ts";
import { readElf } from "../../src/elf/elf.ts";
import { ISA_FEATURES, type IsaFeature } from "../../src/variants/features.ts";
import { exec } from "../support/run.ts";
import { linked } from "../support/tampered.ts";

/** An instruction of each feature as the assembler takes it (AT&T), by the SDM's table of CPUID flags. */
const INSTRUCTIONS: Partial<Record<IsaFeature, string>> = {
  pni: "haddps %xmm1, %xmm0",
  ssse3: "pshufb %xmm1, %xmm0",
  sse4_1: "pmulld %xmm1, %xmm0",
  sse4_2: "pcmpgtq %xmm1, %xmm0",
  sse4a: "extrq %xmm1, %xmm0",
  popcnt: "popcnt %rax, %rcx",
  cx16: "cmpxchg16b (%rdi)",
  avx: "vaddps %ymm1, %ymm0, %ymm0",
  f16c: "vcvtph2ps %xmm1, %ymm0",
  fma: "vfmadd213ps %ymm2, %ymm1, %ymm0",
  fma4: "vfmaddps %xmm3, %xmm2, %xmm1, %xmm0",
  xop: "vpcomltb %xmm2, %xmm1, %xmm0",
  avx2: "vpaddd %ymm1, %ymm0, %ymm0",
  abm: "lzcnt %rax, %rcx",
  bmi1: "andn %rax, %rcx, %rdx",
  bmi2: "pdep %rax, %rcx, %rdx",
  movbe: "movbe (%rdi), %rax",
  xsave: "xsave (%rdi)",
  adx: "adcx %rax, %rcx",
  aes: "aesenc %xmm1, %xmm0",
  pclmulqdq: "pclmulqdq $0, %xmm1, %xmm0",
  sha_ni: "sha1msg1 %xmm1, %xmm0",
  rdrand: "rdrand %rax",
  rdseed: "rdseed %rax",
  rtm: "xabort $1",
  mwaitx: "mwaitx",
  ptwrite: "ptwrite %rax",
  waitpkg: "umonitor %rax",
  vaes: "vaesenc %ymm2, %ymm1, %ymm0",
  vpclmulqdq: "vpclmulqdq $0, %ymm2, %ymm1, %ymm0",
  gfni: "gf2p8mulb %xmm1, %xmm0",
  avx_vnni: "{vex} vpdpbusd %ymm2, %ymm1, %ymm0",
  avx512f: "vpaddd %zmm1, %zmm0, %zmm0",
  avx512cd: "vpconflictd %zmm1, %zmm0",
  avx512bw: "vpaddb %zmm1, %zmm0, %zmm0",
  avx512dq: "vpmullq %zmm1, %zmm0, %zmm0",
  avx512vl: "vpaddd %ymm17, %ymm16, %ymm16",
  avx512ifma: "vpmadd52luq %zmm2, %zmm1, %zmm0",
  avx512vbmi: "vpermb %zmm2, %zmm1, %zmm0",
  avx512_vbmi2: "vpcompressb %zmm1, %zmm0",
  avx512_bitalg: "vpopcntb %zmm1, %zmm0",
  avx512_vpopcntdq: "vpopcntd %zmm1, %zmm0",
  avx512_vnni: "vpdpbusd %zmm2, %zmm1, %zmm0",
  avx512_bf16: "vdpbf16ps %zmm2, %zmm1, %zmm0",
  avx512_fp16: "vaddph %zmm2, %zmm1, %zmm0",
  amx_tile: "tilezero %tmm0",
  amx_int8: "tdpbssd %tmm2, %tmm1, %tmm0",
  amx_bf16: "tdpbf16ps %tmm2, %tmm1, %tmm0",
  amx_fp16: "tdpfp16ps %tmm2, %tmm1, %tmm0",
};

/** Levels of the psABI are sets of features; LAHF is an instruction of the 8086 to decoders; the rest is of arm64. */
const WITHOUT_INSTRUCTION = new Set([
  "lahf_lm",
  "x86-64",
  "x86-64-v2",
  "x86-64-v3",
  "x86-64-v4",
  "asimd",
  "asimdhp",
  "asimddp",
  "i8mm",
  "bf16",
]);

/** Names that objdump has for one operand of an instruction. */
const ALIASES: Readonly<Record<string, string>> = {
  pclmulqdq: "pclmullqlqdq",
  vpclmulqdq: "vpclmullqlqdq",
};

const COPIES = 3;

/** Number of times objdump prints a mnemonic in a library. */
function objdump(bytes: Uint8Array, mnemonic: string): number {
  const folder = mkdtempSync(join(tmpdir(), "objdump-"));
  try {
    writeFileSync(join(folder, "f.so"), bytes);
    const text = exec("objdump", ["-d", "--no-show-raw-insn", join(folder, "f.so")]).stdout;
    return text
      .split("\n")
      .filter((line) => (line.split("\t")[1] ?? "").replace("{vex} ", "").split(/\s/)[0] === mnemonic).length;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("one function per feature: it is found, named, counted as objdump counts, and nothing else is", () => {
  test("every feature of x86 has its instruction here", () => {
    expect(
      ISA_FEATURES.filter((feature) => !WITHOUT_INSTRUCTION.has(feature) && !(feature in INSTRUCTIONS)),
    ).toEqual([]);
  });

  test.each(Object.entries(INSTRUCTIONS))("%s", (feature, instruction) => {
    const body = Array.from({ length: COPIES }, () => `${instruction}\\n`).join("");
    const bytes = linked(`void one_of_${feature}(void) { __asm__ volatile("${body}"); }`, []);
    const { found, samples, invalid } = auditElf(bytes, readElf(bytes), { globs: [], matches: () => 0 });
    const written = instruction.replace("{vex} ", "").split(" ")[0] ?? "";
    const mnemonic = ALIASES[written] ?? written;
    const expected = objdump(bytes, mnemonic);
    expect(expected).toBe(COPIES);
    expect([found[feature], invalid]).toEqual([expected, 0]);
    expect(samples.find((sample) => sample.feature === feature)?.symbol).toBe(`one_of_${feature}`);
  });
});
