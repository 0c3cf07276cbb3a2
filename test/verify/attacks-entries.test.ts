import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { libraryLie } from "../support/attacks.ts";
import { forge, goodManifest, verified } from "../support/forge.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";
import { tampered } from "../support/tampered.ts";

afterAll(removeScratch);

/** What is hidden: beyond the good wheel's contract; or, to see that it runs, what every CPU dies of. */
const AVX512 = "vpaddd %zmm0, %zmm0, %zmm0";
const DEADLY = "ud2\n nop\n nop\n nop\n nop";

/** Nameless code whose reading in a row meets bytes that are no instruction. */
const veiledBy = (what: string): string => `xor %eax, %eax\n jz 7f\n .byte 6,6,6,6\n7: ${what}\n ret`;
const FUNCTION = ".globl f\n.type f,@function\nf: lea 3(%rdi), %eax\n ret\n.size f,.-f\n";
const list = (section: string, label: string): string =>
  `.section ${section},"aw"\n.balign 8\n.quad ${label}\n.text\n`;

interface Hiding {
  name: string;
  /** Assembly with what is hidden in it. */
  source: (what: string) => string;
  flags?: string[];
  /** Whether loading the library runs it. */
  runs: "load" | "unload" | "call";
  change?: (bytes: Buffer) => Buffer;
}

const withoutSections = (bytes: Buffer): Buffer =>
  tampered(bytes, (copy) => {
    copy.writeBigUInt64LE(0n, 40);
    copy.fill(0, 58, 64);
  });

const HIDINGS: Hiding[] = [
  {
    name: "in .init_array",
    source: (what) => `${FUNCTION}8: ${veiledBy(what)}\n${list(".init_array", "8b")}`,
    runs: "load",
  },
  {
    name: "in .fini_array",
    source: (what) => `${FUNCTION}8: ${veiledBy(what)}\n${list(".fini_array", "8b")}`,
    runs: "unload",
  },
  {
    name: "as DT_INIT",
    source: (what) => `${FUNCTION}.globl start\n.hidden start\nstart: ${veiledBy(what)}`,
    flags: ["-Wl,-init,start"],
    runs: "load",
  },
  {
    name: "as DT_FINI",
    source: (what) => `${FUNCTION}.globl stop\n.hidden stop\nstop: ${veiledBy(what)}`,
    flags: ["-Wl,-fini,stop"],
    runs: "unload",
  },
  {
    name: "in the resolver of an IFUNC symbol",
    source: (what) =>
      `${FUNCTION}.globl chosen\n.hidden chosen\n.type chosen,@gnu_indirect_function\nchosen: xor %eax, %eax\n jz 7f\n .byte 6,6,6,6\n7: ${what}\n lea f(%rip), %rax\n ret\n.globl g\n.type g,@function\ng: call chosen@PLT\n ret\n.size g,.-g\n`,
    flags: ["-Wl,-Bsymbolic", "-Wl,-z,now"],
    runs: "load",
  },
  {
    name: "behind a packed relocation",
    source: (what) =>
      `${FUNCTION}8: ${veiledBy(what)}\n.section .data.rel.ro,"aw"\n.balign 8\n.globl table\ntable: .quad 8b\n.text\n.globl g\n.type g,@function\ng: jmp *table@GOTPCREL(%rip)\n.size g,.-g\n${list(".init_array", "8b")}`,
    flags: ["-Wl,-z,pack-relative-relocs"],
    runs: "load",
  },
  {
    name: "behind an indirect jump through a relocated table",
    source: (what) =>
      `${FUNCTION}8: ${veiledBy(what)}\n.section .data.rel.ro,"aw"\n.balign 8\nthe_table: .quad 8b\n.text\n.type g,@function\ng: lea the_table(%rip), %rax\n jmp *(%rax)\n.size g,.-g\n${list(".init_array", "g")}`,
    runs: "load",
  },
  {
    name: "as an exported symbol of no size",
    source: (what) => `${FUNCTION}.globl entered\nentered: ${veiledBy(what)}`,
    runs: "call",
  },
  {
    name: "as an exported symbol that is said to be data",
    source: (what) =>
      `${FUNCTION}.globl entered\n.type entered,@object\nentered: ${veiledBy(what)}\n.size entered,.-entered`,
    runs: "call",
  },
  {
    name: "in the middle of an instruction that is jumped into",
    source: (what) =>
      `.type g,@function\ng: jmp 7f\n .byte 0x48,0xb8\n7: ${what}\n nop\n nop\n ret\n.size g,.-g\n${FUNCTION}${list(".init_array", "g")}`,
    runs: "load",
  },
  {
    name: "in the middle of an instruction to which a list leads",
    source: (what) =>
      `.type g,@function\ng: .byte 0x48,0xb8\n7: ${what}\n nop\n nop\n ret\n.size g,.-g\n${FUNCTION}${list(".init_array", "7b")}`,
    runs: "load",
  },
  {
    name: "behind a function that is said to be shorter",
    source: (what) =>
      `.type g,@function\ng: xor %eax, %eax\n.size g,.-g\n jz 7f\n .byte 6,6,6,6\n7: ${what}\n ret\n${FUNCTION}${list(".init_array", "g")}`,
    runs: "load",
  },
  {
    name: "behind a call of the system",
    source: (what) =>
      `${FUNCTION}8: mov $20, %eax\n int $0x80\n jmp 7f\n .byte 6,6\n7: ${what}\n ret\n${list(".init_array", "8b")}`,
    runs: "load",
  },
  {
    name: "in a section that looks like the linker's own",
    source: (what) =>
      `${FUNCTION}.section .plt.own,"ax",@progbits\n .byte 0x48,0xb8\n7: ${what}\n nop\n nop\n ret\n.text\n${list(".init_array", "7b")}`,
    runs: "load",
  },
  {
    name: "in .init_array, without a section table",
    source: (what) => `${FUNCTION}8: ${veiledBy(what)}\n${list(".init_array", "8b")}`,
    change: withoutSections,
    runs: "load",
  },
  {
    name: "behind an instruction that the size of its function cuts in two",
    source: (what) =>
      `.globl g\n.type g,@function\ng: xor %eax, %eax\n jz 7f\n .byte 0\n7: ${what}\n ret\n.size g,1\n${FUNCTION}${list(".init_array", "g")}`,
    flags: ["-Wl,-Bsymbolic"],
    runs: "load",
  },
  {
    name: "behind two branches over bytes that read as other instructions, and as none",
    source: (what) =>
      `.globl g\n.type g,@function\ng: xor %eax, %eax\n jz 5f\n .byte 0\n5: xor %eax, %eax\n jz 7f\n .byte 0,0,0x60,0\n7: ${what}\n ret\n.size g,.-g\n${FUNCTION}${list(".init_array", "g")}`,
    flags: ["-Wl,-Bsymbolic"],
    runs: "load",
  },
  {
    name: "behind a jump from one nameless place to another",
    source: (what) =>
      `${FUNCTION}9: .byte 0x48,0xb8\n7: ${what}\n nop\n nop\n ret\n8: jmp 7b\n${list(".init_array", "8b")}`,
    runs: "load",
  },
];

function assembled({ source, flags = [], change }: Hiding, what: string): { bytes: Buffer; path: string } {
  const folder = scratch();
  const [input, output] = [join(folder, "a.s"), join(folder, "a.so")];
  writeFileSync(input, `.text\n${source(what)}\n.section .note.GNU-stack,"",@progbits\n`);
  const made = exec("gcc", ["-shared", "-nostdlib", "-fPIC", ...flags, "-o", output, input]);
  if (made.status !== 0) throw new Error(made.stderr);
  const stripped = exec("strip", [output]);
  if (stripped.status !== 0) throw new Error(stripped.stderr);
  const bytes = change?.(readFileSync(output)) ?? readFileSync(output);
  writeFileSync(output, bytes);
  return { bytes, path: output };
}

const LOAD = `
import ctypes, _ctypes, sys
library = ctypes.CDLL(sys.argv[1])
if sys.argv[2] == "call": library.entered()
if sys.argv[2] == "unload": _ctypes.dlclose(library._handle)
`;

describe("code where a loader leads, or what the loader calls", () => {
  let results: VerifyResult[] = [];

  beforeAll(() => {
    const forged = HIDINGS.map((hiding) => forge(libraryLie(assembled(hiding, AVX512).bytes)));
    results = verified(forged, [`--manifest=${goodManifest()}`]).results;
  });

  test.each(HIDINGS.map((hiding, index) => ({ ...hiding, index })))("is found $name", ({ index }) => {
    expect(results[index]?.checks.find(({ id }) => id === "isa.contained")).toMatchObject({
      result: "fail",
      detail: expect.stringContaining("1 × avx512f in good/_C.so"),
    });
  });

  test.each(HIDINGS)("truly runs $name", (hiding) => {
    const { path } = assembled(hiding, DEADLY);
    const ran = exec("python3", ["-c", LOAD, path, hiding.runs], { mayBeKilled: true });
    expect([ran.status, ran.stderr]).toEqual([null, ""]);
  });
});

/** Reached by a computed address alone: no static reading can tell that it is. */
const COMPUTED = (lead: string): Hiding => ({
  name: "computed",
  source: (what) =>
    `.globl g\n.type g,@function\ng: nop\n8: lea 8b(%rip), %rax\n add $(7f-8b), %rax\n jmp *%rax\n.size g,.-g\n${FUNCTION}${lead}\n7: ${what}\n ret\n`,
  runs: "call",
});

test.each([
  ["an instruction that swallows it", ".byte 0x48,0xb8"],
  ["constants", `.byte ${Array.from({ length: 64 }, (_unused, index) => (index * 37) % 7).join(",")},6,6,6`],
])("what nothing leads to is guilty behind %s", (_what, lead) => {
  const { results } = verified(
    [forge(libraryLie(assembled(COMPUTED(lead), AVX512).bytes))],
    [`--manifest=${goodManifest()}`],
  );
  expect(results[0]?.checks.find(({ id }) => id === "isa.contained")).toMatchObject({
    result: "warn",
    detail: expect.stringContaining("1 × avx512f in good/_C.so"),
  });
});

test.each([
  ["67", ".byte 0x67,0xd5,0x10,0x8b,0x00"],
  ["F0", ".byte 0xf0,0xd5,0x10,0x01,0x00"],
  ["several prefixes", ".byte 0x66,0x67,0x2e,0x2e,0x2e,0x2e,0xd5,0x10,0x8b,0x00"],
])("APX behind the prefix %s is refused", (_prefix, what) => {
  const hiding: Hiding = {
    name: "",
    source: (code) => `.globl g\n.type g,@function\ng: ${code}\n ret\n.size g,.-g`,
    runs: "call",
  };
  const { results } = verified(
    [forge(libraryLie(assembled(hiding, what).bytes))],
    [`--manifest=${goodManifest()}`],
  );
  expect(results[0]?.checks.find(({ id }) => id === "isa.contained")).toMatchObject({
    result: "fail",
    detail: expect.stringMatching(/× apx in good\/_C\.so/),
  });
});
