import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { auditElf, auditPiece, finishAudit, piecesOf, prepareAudit } from "../../src/elf/audit.ts";
import { createDemangler, type Demangle, withNames } from "../../src/elf/demangle.ts";
import { readElf } from "../../src/elf/elf.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

const NONE = { globs: [], matches: () => 0 };

function ran(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = exec(command, args);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** A library of C and of assembly beside it; stripped of .symtab where asked. */
function library(
  c: string,
  assembly: string,
  options: { strip?: boolean; flags?: string[] } = {},
): { path: string; bytes: Uint8Array } {
  const folder = scratch();
  const [source, asm, path] = [join(folder, "a.c"), join(folder, "b.s"), join(folder, "liba.so")];
  writeFileSync(source, c);
  writeFileSync(asm, `.text\n${assembly}\n.section .note.GNU-stack,"",@progbits\n`);
  ran("gcc", ["-O2", "-shared", "-fPIC", "-g0", ...(options.flags ?? []), "-o", path, source, asm]);
  if (options.strip) ran("strip", [path]);
  return { path, bytes: readFileSync(path) };
}

const audit = (bytes: Uint8Array) => auditElf(bytes, readElf(bytes), NONE);

const AVX512 = "vpaddd %zmm0, %zmm0, %zmm0";

/** Bytes that read like an AVX512 instruction, as data may. */
const LOOKALIKE = ".byte 0x62,0xf1,0x7d,0x48,0xfe,0xc0";

const HOST = "extern int other(int); int f(int x) { return x * 3; } int g(int x) { return x + 7; }";

describe("who says that bytes are code", () => {
  test("a stripped library is walked by its unwind information, and loses nothing", () => {
    const c = `#include <immintrin.h>
      static __attribute__((noinline)) __m512i hidden(__m512i a) { return _mm512_add_epi32(a, a); }
      __m512i f(__m512i a) { return hidden(hidden(a)); }
      static __attribute__((noinline)) int plain(int x) { return x * 5; }
      int g(int x) { return plain(x) + plain(x + 1); }`;
    const whole = audit(library(c, "", { flags: ["-mavx512f"] }).bytes);
    const { bytes } = library(c, "", { flags: ["-mavx512f"], strip: true });
    const stripped = audit(bytes);
    expect(stripped.found["avx512f"]).toBe(whole.found["avx512f"]);
    expect(stripped.found["avx512f"]).toBeGreaterThan(0);
    expect(stripped.coverage.unwind).toBeGreaterThan(whole.coverage.unwind);
    expect(stripped.codeSha256).toBe(whole.codeSha256);
    const { text } = Object.fromEntries(stripped.sections.map((one) => [one.name.slice(1), one]));
    expect(text?.linear).toBe(0);
    expect(text?.symbols).toBeGreaterThan(0);
  });

  test("what the ways cover adds up to the code", () => {
    const { coverage, bytes, sections } = audit(readFileSync("/usr/lib/x86_64-linux-gnu/libstdc++.so.6"));
    const sum = (one: typeof coverage): number =>
      one.symbols + one.unwind + one.linear + one.padding + one.unattributed;
    expect(sum(coverage)).toBe(bytes);
    expect(sections.reduce((all, one) => all + sum(one), 0)).toBe(bytes);
    expect(coverage.symbols).toBeGreaterThan(coverage.unattributed * 100);
  });

  test("frames are as many as readelf finds", () => {
    const path = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6";
    const frames = ran("readelf", ["--debug-dump=frames", path]).match(/ FDE cie=/g);
    expect(readElf(readFileSync(path)).unwind.starts.length).toBe(frames?.length);
  });

  test("without symbols and unwind information all is code", () => {
    const { bytes } = library("", `.globl h\n.hidden h\nh: ${AVX512}\n ret`, {
      strip: true,
      flags: ["-nostdlib", "-fno-asynchronous-unwind-tables"],
    });
    const { method, found, unattributed } = audit(bytes);
    expect(method).toBe("linear");
    expect(found["avx512f"]).toBe(1);
    expect(unattributed.bytes).toBe(0);
  });
});

describe("data in code", () => {
  test("named as an object it is no code, even inside a function", () => {
    const assembly = `.globl h\n.type h,@function\nh: ret\n.type table,@object\ntable: ${LOOKALIKE}\n.size table,.-table\n.size h,.-h`;
    const { found, unattributed, coverage } = audit(library(HOST, assembly).bytes);
    expect(found["avx512f"]).toBeUndefined();
    expect(unattributed.found).toEqual({ avx512f: 1 });
    expect(coverage.unattributed).toBeGreaterThanOrEqual(6);
  });

  test("a table of constants behind a function is no code, and reads like constants", () => {
    const words = Array.from({ length: 2048 }, (_unused, index) => (index * 2654435761) >>> 0);
    const assembly = `.globl h\n.type h,@function\nh: lea table(%rip), %rax\n mov (%rax,%rdi,4), %eax\n ret\n.size h,.-h\ntable: .long ${words.join(",")}`;
    const { found, unattributed } = audit(library(HOST, assembly, { strip: true }).bytes);
    expect(Object.keys(found)).toEqual(["x86-64"]);
    expect(unattributed.bytes).toBeGreaterThan(8000);
    expect(unattributed.found).toEqual({});
    expect(Object.keys(unattributed.data).length).toBeGreaterThan(0);
  });

  test("a jump table in the code raises nothing, and its targets are decoded", () => {
    const assembly = [
      ".globl h\n.type h,@function",
      "h: lea table(%rip), %rax\n movslq (%rax,%rdi,4), %rdi\n add %rdi, %rax\n jmp *%rax",
      `one: ${AVX512}\n ret\ntwo: ret\n.size h,.-h`,
      "table: .long one-table, two-table, one-table",
    ].join("\n");
    const { found } = audit(library(HOST, assembly, { strip: true }).bytes);
    expect(found["avx512f"]).toBe(1);
  });
});

describe("code that nobody names", () => {
  const NAMELESS = `${AVX512}\n ret`;
  test.each([
    ["a call", `.globl h\n.type h,@function\nh: call 1f\n ret\n.size h,.-h\n1: ${NAMELESS}`],
    ["a jump", `.globl h\n.type h,@function\nh: jmp 1f\n.size h,.-h\n.skip 300, 0x90\n1: ${NAMELESS}`],
    [
      "an address taken",
      `.globl h\n.type h,@function\nh: lea 1f(%rip), %rax\n jmp *%rax\n.size h,.-h\n1: ${NAMELESS}`,
    ],
    [
      "a table of functions",
      `.globl h\n.type h,@function\nh: ret\n.size h,.-h\n1: ${NAMELESS}\n.section .data.rel.ro,"aw"\n.globl list\nlist: .quad 1b`,
    ],
    [
      "a call from code that only a call leads to",
      `.globl h\n.type h,@function\nh: call 1f\n ret\n.size h,.-h\n2: ${NAMELESS}\n1: call 2b\n ret`,
    ],
  ])("is counted where %s leads to it", (_way, assembly) => {
    const { found, unattributed } = audit(library(HOST, assembly, { strip: true }).bytes);
    expect(found["avx512f"]).toBe(1);
    expect(unattributed.found).toEqual({});
  });

  test("is told apart where nothing leads to it", () => {
    const assembly = `.globl h\n.type h,@function\nh: ret\n.size h,.-h\n.byte 0x31,0xc0\n${NAMELESS}`;
    const { found, unattributed } = audit(library(HOST, assembly, { strip: true }).bytes);
    expect(found["avx512f"]).toBeUndefined();
    expect(unattributed.found).toEqual({ avx512f: 1 });
    expect(unattributed.samples).toMatchObject([{ feature: "avx512f", symbol: null }]);
  });

  test("is named by a label without a type", () => {
    const { found, samples } = audit(library(HOST, `.globl h\nh: ${NAMELESS}`).bytes);
    expect(found["avx512f"]).toBe(1);
    expect(samples.find(({ feature }) => feature === "avx512f")?.symbol).toBe("h");
  });
});

let demangle: Demangle;

beforeAll(async () => {
  demangle = await createDemangler(readFileSync("node_modules/gecko-profiler-demangle/index_bg.wasm"));
});

test("where functions overlap, both readings count", () => {
  const assembly = [
    ".globl outer\n.type outer,@function\nouter: .byte 0x48,0xb8",
    `.globl inner\n.type inner,@function\ninner: ${AVX512}\n nop\n nop\n vpaddd %ymm0, %ymm0, %ymm0\n ret\n.size inner,.-inner`,
    ".size outer,.-outer",
  ].join("\n");
  const { found } = audit(library(HOST, assembly).bytes);
  expect(found).toMatchObject({ avx512f: 1, avx2: 1 });
});

test("a library decoded in pieces gives what it gives in one", () => {
  const bytes = readFileSync("/usr/lib/x86_64-linux-gnu/libcrypto.so.3");
  const elf = readElf(bytes);
  const prepared = prepareAudit(bytes, elf, NONE);
  const pieces = piecesOf(prepared, 64 * 1024);
  expect(pieces.length).toBeGreaterThan(10);
  const results = pieces.map((piece) => auditPiece(bytes, prepared, piece));
  expect(finishAudit(bytes, elf, prepared, results)).toEqual(audit(bytes));
});

describe("functions behind a run-time choice", () => {
  const SOURCE = `#include <immintrin.h>
    namespace jit { __m512i kernel(__m512i a) { return _mm512_add_epi32(a, a); } }
    namespace own { __m512i kernel(__m512i a) { return _mm512_add_epi32(_mm512_add_epi32(a, a), a); } }`;
  test("are counted apart by their demangled names", async () => {
    const folder = scratch();
    writeFileSync(join(folder, "a.cpp"), SOURCE);
    const path = join(folder, "liba.so");
    ran("g++", ["-O1", "-shared", "-fPIC", "-mavx512f", "-o", path, join(folder, "a.cpp")]);
    const matches = (name: string): number => (/^jit::/.test(demangle(name)) ? 1 : 0);
    const bytes = readFileSync(path);
    const { found, dispatched, samples } = await withNames(
      auditElf(bytes, readElf(bytes), { globs: ["jit::*"], matches }),
      async () => demangle,
    );
    const adds = ran("objdump", ["-d", path]).match(/vpaddd.*%zmm/g);
    expect(found["avx512f"]).toBeGreaterThanOrEqual(adds?.length ?? 0);
    expect(adds?.length).toBe(3);
    expect(dispatched).toEqual([{ symbols: ["jit::*"], found: { avx512f: 1, "x86-64": 1 } }]);
    const names = samples.filter(({ feature }) => feature === "avx512f");
    expect(names.map(({ symbol, dispatch }) => [symbol?.split("(")[0], dispatch])).toEqual(
      expect.arrayContaining([
        ["jit::kernel", ["jit::*"]],
        ["own::kernel", undefined],
      ]),
    );
    expect(names[0]?.mangled).toMatch(/^_ZN3/);
  });

  test("demangled names are c++filt's, but for the return types of templates", async () => {
    const names = ran("nm", ["-D", "--defined-only", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"])
      .split("\n")
      .map((line) => line.split(" ").at(-1)?.split("@")[0] ?? "")
      // c++filt writes out what the ABI abbreviates, such as Ss for std::string.
      .filter((name) => /^_ZN/.test(name) && !/S[abdios]/.test(name))
      .slice(0, 400);
    const folder = scratch();
    writeFileSync(join(folder, "names"), `${names.join("\n")}\n`);
    const expected = ran("sh", ["-c", `c++filt < ${join(folder, "names")}`])
      .trim()
      .split("\n");
    const squeezed = (text: string): string => text.replaceAll(" ", "");
    const same = names.filter((name, index) => squeezed(demangle(name)) === squeezed(expected[index] ?? ""));
    expect(names.length).toBe(400);
    expect(same.length).toBeGreaterThan(380);
    expect(demangle("main")).toBe("main");
    expect(demangle("_Znonsense")).toBe("_Znonsense");
  });
});
