import { auditElf, type Sample } from "./audit.ts";
import type { ElfFile } from "./elf.ts";

const NONE = { starts: new Float64Array(), sizes: new Float64Array() };
const NO_GLOBS = { globs: [], matches: () => 0 };

/** Instructions in what is mapped executable and called data, read in the worst way: as code. */
export interface ExecutableData {
  bytes: number;
  found: Record<string, number>;
  samples: Sample[];
}

/**
 * Reads as code what the loader maps executable although the section table calls it data. What this finds may be
 * constants; but where it finds nothing, nothing can hide there.
 * @returns null where a library has no such bytes, as all have that binutils 2.31 or later links by default
 */
export function auditExecutableData(bytes: Uint8Array, elf: ElfFile): ExecutableData | null {
  if (elf.executableData.length === 0) return null;
  // Nobody's word on where functions begin: a forged one would hide what lies beside it.
  const unnamed = {
    ...elf,
    code: elf.executableData,
    objects: [],
    unwind: NONE,
    functions: elf.functions.none(),
  };
  const { bytes: size, found, samples } = auditElf(bytes, unnamed, NO_GLOBS);
  return { bytes: size, found, samples };
}
