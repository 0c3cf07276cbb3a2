import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { auditElf } from "../../src/elf/audit.ts";
import { readElf } from "../../src/elf/elf.ts";
import { auditExecutableData } from "../../src/elf/executable-data.ts";
import { goodLibrary } from "../support/forge.ts";
import { exec } from "../support/run.ts";
import { mutated, refusing, type Target } from "./property.ts";

const NO_GLOBS = { globs: [], matches: () => 0 };

/** Ways to come to an instruction that no sweep from the beginning meets. */
const hop = fc.oneof(
  fc.record({ kind: fc.constant("jump" as const), junk: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({ kind: fc.constant("branch" as const), junk: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({ kind: fc.constant("call" as const), junk: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({ kind: fc.constant("plain" as const), junk: fc.constant(new Uint8Array()) }),
);
/** Instructions that no CPU with AVX2 must have, by what they count for; assemblers of today don't know all of them. */
const BEYOND: Readonly<Record<string, string>> = {
  "vpaddd %zmm0, %zmm0, %zmm0": "avx512f",
  "tilezero %tmm0": "amx_tile",
  // A REX2 prefix, and legacy prefixes that may stand before it.
  ".byte 0xd5, 0x18, 0x89, 0xc0": "apx",
  ".byte 0x67, 0xd5, 0x18, 0x8b, 0x00": "apx",
  ".byte 0xf0, 0xd5, 0x18, 0x01, 0x00": "apx",
};
const START = fc.constantFrom(".init_array", ".fini_array", ".data.rel.ro", "export");
/** What a symbol table says of code, which may be a lie. */
interface SymbolLie {
  type: string;
  /** Bytes. */
  size: number;
  /** Bytes behind the code's beginning. */
  at: number;
}

const SYMBOL: fc.Arbitrary<SymbolLie> = fc.record({
  type: fc.constantFrom("function", "object", "notype", "gnu_indirect_function"),
  size: fc.nat(40),
  at: fc.nat(2),
});

/** Assembly of a library that runs one instruction behind these hops, where its loader leads to. */
function hiding(
  start: string,
  hops: readonly { kind: string; junk: Uint8Array }[],
  symbol: SymbolLie | null,
  hidden: string,
): string {
  const lines = hops.map(({ kind, junk }, index) => {
    const bytes = junk.length > 0 ? `.byte ${[...junk].join(",")}\n` : "";
    if (kind === "jump") return `jmp .L${index}\n${bytes}.L${index}:\n`;
    if (kind === "branch") return `xor %eax, %eax\njz .L${index}\n${bytes}.L${index}:\n`;
    if (kind === "call") return `call .L${index}\n${bytes}.L${index}: pop %rax\n`;
    return "nop\n";
  });
  const code = `8:\n${lines.join("")}${hidden}\nret\n`;
  const head = ".text\n.globl f\n.type f,@function\nf: lea 3(%rdi), %eax\nret\n.size f,.-f\n";
  const visible = start === "export" ? ".globl g\n" : ".globl g\n.hidden g\n";
  const named = symbol
    ? `${visible}.type g,@${symbol.type}\n.set g,8b+${start === "export" ? 0 : symbol.at}\n.size g,${symbol.size}\n`
    : start === "export"
      ? ".globl g\n.set g,8b\n"
      : "";
  if (start === "export") return `${head}${code}${named}`;
  return `${head}${code}${named}.section ${start},"aw"\n.balign 8\n.quad 8b\n`;
}

function assembled(source: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "vcw-fuzz-"));
  try {
    writeFileSync(join(folder, "f.s"), source);
    const made = exec("gcc", ["-shared", "-nostdlib", "-o", "f.so", "f.s"], { cwd: folder });
    if (made.status !== 0) throw new Error(made.stderr);
    return readFileSync(join(folder, "f.so"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const MACHINE_CODE: readonly Target[] = [
  {
    name: "ELF and unwind tables: any bytes are read or refused",
    runs: 150,
    property: fc.property(mutated(goodLibrary), (bytes) => {
      refusing(() => {
        const elf = readElf(bytes);
        auditElf(bytes, elf, NO_GLOBS);
        auditExecutableData(bytes, elf);
      });
    }),
  },
  {
    name: "machine code: what a loader leads to is found, whatever lies before it",
    runs: 40,
    property: fc.property(
      START,
      fc.array(hop, { maxLength: 4 }),
      fc.option(SYMBOL, { nil: null }),
      fc.constantFrom(...Object.keys(BEYOND)),
      (start, hops, symbol, hidden) => {
        const bytes = assembled(hiding(start, hops, symbol, hidden));
        const { found } = auditElf(bytes, readElf(bytes), NO_GLOBS);
        if (!found[BEYOND[hidden] ?? ""]) throw new Error(`${hidden} behind ${start} is not seen as code`);
      },
    ),
  },
];
