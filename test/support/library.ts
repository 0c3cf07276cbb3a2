import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ElfFile, readElf } from "../../src/elf/elf.ts";
import { exec } from "./run.ts";

/** A shared library made by the real C compiler, and what we read of it. */
export function compileLibrary(
  source: string,
  flags: readonly string[] = [],
): { bytes: Uint8Array; elf: ElfFile } {
  const folder = mkdtempSync(join(tmpdir(), "library-"));
  try {
    const [input, output] = [join(folder, "f.c"), join(folder, "f.so")];
    writeFileSync(input, source);
    const { status, stderr } = exec("gcc", ["-shared", "-fPIC", "-O1", ...flags, "-o", output, input]);
    if (status !== 0) throw new Error(stderr);
    const bytes = readFileSync(output);
    return { bytes, elf: readElf(bytes) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
