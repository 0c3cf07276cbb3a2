import { createHash } from "node:crypto";
import type { ElfFile } from "./elf.ts";
import type { CodeRange } from "./elf-format.ts";

const byAddress = (a: CodeRange, b: CodeRange): number => (a.address < b.address ? -1 : 1);

/**
 * Digest of a library's machine code, hexadecimal: its executable ranges by address. Symbol tables, debug data, build
 * ids and notes don't count, nor do constants, which are data.
 * @param bytes the file
 * @param elf the same file, read
 */
export function codeSha256(bytes: Uint8Array, elf: ElfFile): string {
  const hash = createHash("sha256");
  for (const { offset, size } of elf.code.toSorted(byAddress))
    hash.update(bytes.subarray(offset, offset + size));
  return hash.digest("hex");
}
