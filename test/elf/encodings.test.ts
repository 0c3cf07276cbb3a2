import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { auditElf } from "../../src/elf/audit.ts";
import { readElf } from "../../src/elf/elf.ts";
import { instructionAt } from "../../src/elf/instruction-at.ts";
import { LENGTH, plainLength } from "../../src/elf/plain-length.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

const NONE = { globs: [], matches: () => 0 };

/** A library with these lines of assembly in one function, and what objdump reads in them. */
function assembled(lines: readonly string[]): {
  found: Record<string, number>;
  read: string[];
  invalid: number;
} {
  const folder = scratch();
  const [source, path] = [join(folder, "a.s"), join(folder, "liba.so")];
  writeFileSync(
    source,
    `.text\n.globl f\n.type f,@function\nf:\n${lines.join("\n")}\n ret\n.size f,.-f\n.section .note.GNU-stack,"",@progbits\n`,
  );
  const { status, stderr } = exec("gcc", ["-shared", "-nostdlib", "-o", path, source]);
  if (status !== 0) throw new Error(stderr);
  const bytes = readFileSync(path);
  const { found, invalid } = auditElf(bytes, readElf(bytes), NONE);
  const text = exec("objdump", ["-d", "--no-show-raw-insn", "-j", ".text", path]).stdout;
  const read = text.split("\n").flatMap((line) => line.split("\t")[1]?.trim() ?? []);
  return { found, read, invalid };
}

describe("each encoding counts as what it is", () => {
  test.each<[string, string, string[]]>([
    ["VEX VNNI", "{vex} vpdpbusd %ymm1, %ymm2, %ymm3", ["avx_vnni"]],
    ["EVEX VNNI, 256 bits", "{evex} vpdpbusd %ymm1, %ymm2, %ymm3", ["avx512_vnni", "avx512vl"]],
    ["EVEX VNNI, 512 bits", "vpdpbusd %zmm1, %zmm2, %zmm3", ["avx512_vnni"]],
    ["VEX IFMA", "{vex} vpmadd52luq %ymm1, %ymm2, %ymm3", ["avx_ifma"]],
    ["EVEX IFMA", "vpmadd52luq %zmm1, %zmm2, %zmm3", ["avx512ifma"]],
    ["VEX VNNI INT8", "vpdpbssd %ymm1, %ymm2, %ymm3", ["avx_vnni_int8"]],
    ["AVX512VL by its register", "vpaddd %ymm16, %ymm2, %ymm3", ["avx512f", "avx512vl"]],
    ["AVX512VL by its mask", "vpaddd %xmm1, %xmm2, %xmm3{%k1}", ["avx512f", "avx512vl"]],
    ["AVX2, the same mnemonic", "vpaddd %ymm1, %ymm2, %ymm3", ["avx2"]],
    ["AVX512BW", "vpaddw %zmm1, %zmm2, %zmm3", ["avx512bw"]],
    ["AVX512DQ", "vpmullq %zmm1, %zmm2, %zmm3", ["avx512dq"]],
    ["AVX512CD", "vpconflictd %zmm1, %zmm2", ["avx512cd"]],
    ["AVX512 FP16", "vaddph %zmm1, %zmm2, %zmm3", ["avx512_fp16"]],
    ["AVX512 BF16", "vdpbf16ps %zmm1, %zmm2, %zmm3", ["avx512_bf16", "avx512f"]],
    ["AVX512 VBMI2", "vpcompressb %zmm1, %zmm2{%k1}", ["avx512_vbmi2"]],
    ["mask registers", "kaddd %k1, %k2, %k3", ["avx512bw"]],
    ["AMX", "tdpbf16ps %tmm1, %tmm2, %tmm3", ["amx_bf16"]],
    ["AMX FP16", "tdpfp16ps %tmm1, %tmm2, %tmm3", ["amx_fp16"]],
    ["FMA", "vfmadd213ps %ymm1, %ymm2, %ymm3", ["fma"]],
    ["F16C", "vcvtph2ps %xmm1, %ymm2", ["f16c"]],
    ["SSE4.1", "pmulld %xmm1, %xmm2", ["sse4_1"]],
    ["POPCNT", "popcnt %rax, %rbx", ["popcnt"]],
    ["BMI2", "pdep %rax, %rbx, %rcx", ["bmi2"]],
  ])("%s", (_name, line, features) => {
    const { found, read, invalid } = assembled([line]);
    const mnemonic = line.replace(/\{(vex|evex)\} /, "").split(" ")[0] ?? "";
    expect(read.filter((text) => text.includes(mnemonic))).toHaveLength(1);
    const { "x86-64": _baseline, ...beyond } = found;
    expect(beyond).toEqual(Object.fromEntries(features.map((feature) => [feature, 1])));
    expect(invalid).toBe(0);
  });

  test.each([
    // add r16, rax: the REX2 prefix (APX specification, 3.1.1).
    ["APX", ".byte 0xd5,0x10,0x01,0xc0", "apx"],
    // map 7 of EVEX, which no instruction uses as yet.
    ["an EVEX map to come", ".byte 0x62,0xf7,0x7d,0x48,0x10,0xc0", "evex-undecoded"],
    ["a VEX map to come", ".byte 0xc4,0xe7,0x78,0x10,0xc0", "vex-undecoded"],
  ])("%s is newer than the decoder, and no contract allows it", (_name, line, feature) => {
    const { found, read } = assembled([line]);
    expect(found[feature]).toBe(1);
    expect(read.some((text) => text.includes("(bad)"))).toBe(true);
  });
});

/** Bytes that often begin like the instructions in question. */
function likely(): Uint8Array {
  const bytes = randomBytes(1 << 16);
  for (let at = 0; at < bytes.length; at += 4) {
    const first = [0x66, 0xf2, 0xf3, 0x0f, 0x48, 0x41][(bytes[at] ?? 0) % 6] ?? 0;
    bytes[at] = first;
    if ((bytes[at + 3] ?? 0) % 2 === 0) bytes[at + 1] = 0x0f;
  }
  return bytes;
}

test("what has a plain length is, for the decoder, one instruction of that length and of the baseline", () => {
  const wrong: string[] = [];
  let plain = 0;
  for (const bytes of [randomBytes(1 << 14), likely()]) {
    for (let at = 0; at + 15 <= bytes.length; at += 1 + (at % 3)) {
      const length = plainLength(bytes, at) & LENGTH;
      if (length === 0) continue;
      plain++;
      const [exact, short] = [length, length - 1].map((size) =>
        instructionAt(bytes.subarray(at, at + size), 0n),
      );
      if (exact?.features.join() !== "x86-64" || (short ?? null) !== null)
        wrong.push(Buffer.from(bytes.subarray(at, at + 15)).toString("hex"));
    }
  }
  expect(wrong).toEqual([]);
  expect(plain).toBeGreaterThan(10_000);
});

test("most of compiled code has a plain length", () => {
  const bytes = readFileSync("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
  const text = readElf(bytes).code.find(({ name }) => name === ".text");
  if (!text) throw new Error("no .text");
  let plain = 0;
  let all = 0;
  for (let at = text.offset; at < text.offset + text.size - 15; ) {
    const length = plainLength(bytes, at) & LENGTH;
    all++;
    if (length > 0) plain++;
    at += Math.max(length, 1);
  }
  expect(plain / all).toBeGreaterThan(0.7);
});
