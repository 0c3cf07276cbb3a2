import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { auditElf } from "../../src/elf/audit.ts";
import { readElf } from "../../src/elf/elf.ts";
import { FormatError } from "../../src/wheel/format-error.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

function compile(source: string, flags: readonly string[] = []): { path: string; bytes: Uint8Array } {
  const folder = scratch();
  writeFileSync(join(folder, "a.cpp"), source);
  const path = join(folder, "liba.so");
  const ran = exec("g++", ["-O2", "-shared", "-fPIC", ...flags, "-o", path, join(folder, "a.cpp")]);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return { path, bytes: readFileSync(path) };
}

const NONE = { globs: [], matches: () => 0 };

const audit = (bytes: Uint8Array) => auditElf(bytes, readElf(bytes), NONE);

/** Number of times objdump prints one of these mnemonics. */
function objdump(path: string, mnemonic: RegExp): number {
  const text = exec("objdump", ["-d", "--no-show-raw-insn", path]).stdout;
  return text.split("\n").filter((line) => mnemonic.test(line.split("\t")[1] ?? "")).length;
}

const INCLUDE = "#include <immintrin.h>\n";

describe("one function per feature, compiled here", () => {
  test.each([
    ["avx2", "__m256i f(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }", "-mavx2", /^vpaddd/],
    ["fma", "__m256 f(__m256 a, __m256 b) { return _mm256_fmadd_ps(a, b, b); }", "-mfma", /^vfmadd/],
    ["avx512f", "__m512i f(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }", "-mavx512f", /^vpaddd/],
    [
      "avx512_vnni",
      "__m512i f(__m512i a, __m512i b) { return _mm512_dpbusd_epi32(a, a, b); }",
      "-mavx512vnni",
      /^vpdpbusd/,
    ],
    [
      "avx_vnni",
      "__m256i f(__m256i a, __m256i b) { return _mm256_dpbusd_avx_epi32(a, a, b); }",
      "-mavxvnni",
      /^(\{vex\} )?vpdpbusd/,
    ],
    [
      "avx512_bf16",
      "__m512 f(__m512 a, __m512bh b) { return _mm512_dpbf16_ps(a, b, b); }",
      "-mavx512bf16",
      /^vdpbf16ps/,
    ],
    ["amx_bf16", "void f() { _tile_dpbf16ps(0, 1, 2); }", "-mamx-tile -mamx-bf16", /^tdpbf16ps/],
    ["amx_tile", "void f() { _tile_zero(0); _tile_release(); }", "-mamx-tile", /^tile/],
  ])("%s", (feature, body, flags, mnemonic) => {
    const { path, bytes } = compile(INCLUDE + body, flags.split(" "));
    const { found, samples } = audit(bytes);
    const expected = objdump(path, mnemonic);
    expect(expected).toBeGreaterThan(0);
    expect(found[feature]).toBe(expected);
    expect(samples.find((sample) => sample.feature === feature)?.symbol).toMatch(/^_Z1f/);
  });

  test("VEX and EVEX encodings of one mnemonic are told apart", () => {
    const vex = audit(
      compile(`${INCLUDE}__m256i f(__m256i a, __m256i b) { return _mm256_dpbusd_avx_epi32(a, a, b); }`, [
        "-mavxvnni",
      ]).bytes,
    );
    expect(vex.found["avx512_vnni"]).toBeUndefined();
    const evex = audit(
      compile(`${INCLUDE}__m256i f(__m256i a, __m256i b) { return _mm256_dpbusd_epi32(a, a, b); }`, [
        "-mavx512vnni",
        "-mavx512vl",
      ]).bytes,
    );
    expect(evex.found).toMatchObject({ avx512_vnni: 1, avx512vl: 1 });
    expect(evex.found["avx_vnni"]).toBeUndefined();
  });

  test("plain code needs the baseline only, endbr64 included", () => {
    const { found, invalid } = audit(
      compile("int f(int x) { return x * 3; }", ["-fcf-protection=full"]).bytes,
    );
    expect(Object.keys(found)).toEqual(["x86-64"]);
    expect(invalid).toBe(0);
  });

  test("data before a function hides none of its instructions", () => {
    const source = [
      'asm(".text\\n.type data,@object\\ndata: .byte 0x48, 0xb8\\n"',
      '    ".globl g\\n.type g,@function\\ng: vpaddd %zmm0, %zmm0, %zmm0\\n ret\\n.size g, .-g\\n");',
      "int f(int x) { return x; }",
    ].join("\n");
    const { found, method, samples } = audit(compile(source, []).bytes);
    expect(method).toBe("symbols");
    expect(found["avx512f"]).toBe(1);
    expect(samples.find(({ feature }) => feature === "avx512f")?.symbol).toBe("g");
  });

  test("code behind a stripped section table is still seen", () => {
    const { bytes } = compile(`${INCLUDE}__m512i f(__m512i a) { return _mm512_add_epi32(a, a); }`, [
      "-mavx512f",
    ]);
    const stripped = Buffer.from(bytes);
    stripped.writeBigUInt64LE(0n, 40);
    stripped.writeUInt16LE(0, 60);
    expect(audit(stripped).found["avx512f"]).toBe(1);
  });
});

test("what a library needs is what readelf says", () => {
  const { path, bytes } = compile(
    "#include <cmath>\n#include <string>\ndouble f(double x, std::string s) { return std::sin(x) + s.size(); }",
    ["-Wl,-rpath,/opt/x:$ORIGIN/lib", "-Wl,-z,execstack"],
  );
  const elf = readElf(bytes);
  const dynamic = exec("readelf", ["-dW", path]).stdout;
  expect(elf.needed).toEqual([...dynamic.matchAll(/NEEDED.*\[(.*)\]/g)].map((match) => match[1]));
  const versions = exec("readelf", ["-VW", path]).stdout;
  const wanted = [
    ...new Set([...versions.matchAll(/Name: (\S+)\s+Flags/g)].map((match) => match[1] ?? "")),
  ].sort();
  expect(elf.wantedVersions).toEqual(wanted);
  expect(elf.searchPaths).toEqual(["/opt/x", "$ORIGIN/lib"]);
  expect(elf.executableStack).toBe(true);
  expect(elf.undefinedSymbols).toContain("sin");
  expect(elf.architecture).toBe("x86_64");
});

describe("hostile libraries", () => {
  const { bytes } = compile("#include <cmath>\ndouble f(double x) { return std::sin(x); }");
  const survives = (data: Uint8Array): void => {
    try {
      auditElf(data, readElf(data), NONE);
    } catch (thrown) {
      if (!(thrown instanceof FormatError)) throw thrown;
    }
  };
  test("every truncation", () => {
    for (let length = 0; length < bytes.length; length += 37) survives(bytes.subarray(0, length));
  });
  test("headers full of 0xff, 32-bit, big-endian, no ELF at all", () => {
    for (let at = 16; at < 64; at++) {
      const data = Buffer.from(bytes);
      data.fill(0xff, at, Math.min(at + 8, 64));
      survives(data);
    }
    for (const [at, value, text] of [
      [4, 1, "32-bit"],
      [5, 2, "big-endian"],
    ] as const) {
      const data = Buffer.from(bytes);
      data[at] = value;
      expect(() => readElf(data)).toThrow(text);
    }
    expect(() => readElf(Buffer.from("MZ and so on"))).toThrow("no ELF");
  });
  test("random flips", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 40 }),
        (flips) => {
          const data = Buffer.from(bytes);
          for (const [at, value] of flips) data[at] = value;
          survives(data);
        },
      ),
      { numRuns: 300 },
    );
  });
});
