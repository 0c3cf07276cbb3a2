import { auditElf, type ElfAudit, type PreparedAudit, prepareAudit, type Sample } from "./audit.ts";
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
 * The library as if all its code were what the loader maps executable although the section table calls it data.
 * @returns null where a library has no such bytes, as all have that binutils 2.31 or later links by default
 */
export function dataAsCode(elf: ElfFile): ElfFile | null {
  if (elf.executableData.length === 0) return null;
  // Nobody's word on where functions begin: a forged one would hide what lies beside it.
  return {
    ...elf,
    code: elf.executableData,
    executableData: [],
    entries: { called: elf.entries.called, taken: new Float64Array() },
    objects: [],
    unwind: NONE,
    functions: elf.functions.none(),
  };
}

/** Plans the audit of what {@link dataAsCode} gave. */
export const prepareData = (bytes: Uint8Array, data: ElfFile): PreparedAudit =>
  prepareAudit(bytes, data, NO_GLOBS);

/** What the audit of {@link dataAsCode} says of the data. */
export const executableDataOf = ({ bytes, found, samples }: ElfAudit): ExecutableData => ({
  bytes,
  found,
  samples,
});

/**
 * Reads executable data as code. What this finds may be constants; but where it finds nothing, nothing can hide there.
 * @returns null where there is none
 */
export function auditExecutableData(bytes: Uint8Array, elf: ElfFile): ExecutableData | null {
  const data = dataAsCode(elf);
  return data && executableDataOf(auditElf(bytes, data, NO_GLOBS, false));
}
