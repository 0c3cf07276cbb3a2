import { FormatError } from "../wheel/format-error.ts";
import {
  type CodeRange,
  DT,
  offsetOf,
  PT_LOAD,
  Reader,
  readDynamic,
  readSections,
  readSegments,
  type Section,
  type Segment,
} from "./elf-format.ts";
import { countSymbols, readVersions, SymbolTable, undefinedNames } from "./elf-symbols.ts";
import { codeSymbols, type FunctionTable } from "./function-table.ts";
import { readUnwind, type UnwindRanges } from "./unwind.ts";

/** What a shared library says of itself, read from its dynamic section (which loaders use, and strip keeps). */
export interface ElfFile {
  architecture: string;
  needed: string[];
  soname: string | null;
  searchPaths: string[];
  /** Symbol versions it wants of other libraries, e.g. GLIBC_2.34. */
  wantedVersions: string[];
  undefinedSymbols: string[];
  executableStack: boolean;
  textRelocations: boolean;
  /** Executable sections, or executable segments where the section table is stripped. */
  code: CodeRange[];
  /** Functions by address, from .symtab and .dynsym. */
  functions: FunctionTable;
  /** Data that a symbol table names inside code: start and end addresses. */
  objects: [number, number][];
  /** Functions by unwind information, which strip keeps. */
  unwind: UnwindRanges;
}

const MACHINES: Record<number, string> = {
  3: "i686",
  40: "armv7l",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
  21: "ppc64le",
  22: "s390x",
};
const PT_GNU_STACK = 0x6474e551;
const PF_X = 1;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHF_EXECINSTR = 4;
const DF_TEXTREL = 4;
/** Linkers make about ten. */
const MOST_CODE_SECTIONS = 1024;

/** True for bytes that begin like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 20 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

function unsupported(bytes: Uint8Array): string | null {
  if (bytes.length < 64) return "it is truncated";
  if (bytes[4] !== 2) return "it is 32-bit";
  if (bytes[5] !== 1) return "it is big-endian";
  return null;
}

/**
 * Reads a 64-bit little-endian ELF file.
 * Source: System V gABI, chapters 4 and 5; LSB core, "Symbol Versioning".
 * @throws FormatError for other files and for headers that contradict the bytes
 */
export function readElf(bytes: Uint8Array): ElfFile {
  if (!isElf(bytes)) throw new FormatError("library", "it is no ELF file");
  const reason = unsupported(bytes);
  if (reason) throw new FormatError("library", reason);
  const file = new Reader(bytes);
  const machine = file.u16(18);
  const segments = readSegments(file);
  const sections = readSections(file);
  const dynamic = readDynamic(file, segments);
  const [tableAddress] = dynamic.get(DT.STRTAB) ?? [];
  const [tableSize = 0] = dynamic.get(DT.STRSZ) ?? [];
  const table = tableAddress === undefined ? 0 : offsetOf(segments, tableAddress, "string table");
  const string = (offset: number): string => file.text(table + offset, table + tableSize);
  const strings = (tag: number): string[] => (dynamic.get(tag) ?? []).map(string);
  const [symbolAddress] = dynamic.get(DT.SYMTAB) ?? [];
  const dynamicSymbols =
    symbolAddress === undefined
      ? null
      : new SymbolTable(
          file,
          offsetOf(segments, symbolAddress, "symbol table"),
          countSymbols(file, dynamic, segments),
          table,
        );
  const nameOf = sectionNames(file, sections);
  const code = codeRanges(file, segments, sections, nameOf);
  const tables = [...(dynamicSymbols ? [dynamicSymbols] : []), ...staticSymbols(file, sections)];
  const stack = segments.find(({ type }) => type === PT_GNU_STACK);
  return {
    architecture: MACHINES[machine] ?? `machine-${machine}`,
    needed: strings(DT.NEEDED),
    soname: strings(DT.SONAME)[0] ?? null,
    searchPaths: [...strings(DT.RPATH), ...strings(DT.RUNPATH)].flatMap((path) => path.split(":")),
    wantedVersions: readVersions(file, dynamic, segments, string),
    undefinedSymbols: dynamicSymbols ? undefinedNames(dynamicSymbols, string) : [],
    executableStack: stack ? (stack.flags & PF_X) !== 0 : segments.length > 0,
    textRelocations:
      dynamic.has(DT.TEXTREL) || (dynamic.get(DT.FLAGS) ?? []).some((flags) => (flags & DF_TEXTREL) !== 0),
    code,
    ...codeSymbols(file, tables, code),
    unwind: readUnwind(
      file,
      segments,
      sections.find((section) => nameOf(section) === ".eh_frame"),
    ),
  };
}

function staticSymbols(file: Reader, sections: readonly Section[]): SymbolTable[] {
  return sections
    .filter(({ type }) => type === SHT_SYMTAB)
    .map((section) => {
      const strings = sections[section.link];
      if (!strings) throw new FormatError("symbol table", "its string table is missing");
      return new SymbolTable(file, section.offset, Math.floor(section.size / 24), strings.offset);
    });
}

function sectionNames(file: Reader, sections: readonly Section[]): (section: Section) => string {
  const names = sections[file.u16(62)];
  return (section) => {
    try {
      return names ? file.text(names.offset + section.name, names.offset + names.size) : "";
    } catch (thrown) {
      if (!(thrown instanceof FormatError)) throw thrown;
      return "";
    }
  };
}

/**
 * Code by sections; but whatever the loader maps executable and no section names is code as well, or a forged
 * section table could hide it.
 */
function codeRanges(
  file: Reader,
  segments: readonly Segment[],
  sections: readonly Section[],
  nameOf: (section: Section) => string,
): CodeRange[] {
  const ranges: CodeRange[] = sections
    .filter(({ type, flags }) => type === SHT_PROGBITS && (flags & SHF_EXECINSTR) !== 0)
    .map((section) => ({
      name: nameOf(section),
      address: section.address,
      offset: section.offset,
      size: section.size,
    }));
  for (const { type, flags, offset, address, fileSize } of segments) {
    if (type !== PT_LOAD || (flags & PF_X) === 0) continue;
    file.guard(offset, fileSize, "executable segment");
    let at = offset;
    const inside = ranges
      .filter((range) => range.offset >= offset && range.offset < offset + fileSize)
      .sort((a, b) => a.offset - b.offset);
    const gaps: CodeRange[] = [];
    for (const range of [...inside, { offset: offset + fileSize, size: 0 }]) {
      const gap = file.bytes.subarray(at, range.offset);
      if (gap.some((byte) => byte !== 0 && byte !== 0xcc && byte !== 0x90)) {
        gaps.push({
          name: "(no section)",
          address: BigInt(address + at - offset),
          offset: at,
          size: gap.length,
        });
      }
      at = Math.max(at, range.offset + range.size);
    }
    // Headers and read-only data may share the executable segment of old linkers; there the sections are the truth.
    if (
      inside.length === 0 ||
      gaps.every(({ size }) => size > 0 && segmentIsCodeOnly(sections, offset, fileSize))
    )
      ranges.push(...gaps);
  }
  for (const range of ranges) file.guard(range.offset, range.size, `code section ${range.name}`);
  // Both are ways to make a reader work for hours on a small file.
  if (ranges.length > MOST_CODE_SECTIONS) throw new FormatError("code sections", `${ranges.length} of them`);
  if (ranges.reduce((sum, { size }) => sum + size, 0) > file.bytes.length)
    throw new FormatError("code sections", "they overlap");
  return ranges;
}

function segmentIsCodeOnly(sections: readonly Section[], offset: number, size: number): boolean {
  return sections.every(
    (section) =>
      section.type === 0 ||
      section.offset < offset ||
      section.offset >= offset + size ||
      (section.flags & SHF_EXECINSTR) !== 0,
  );
}
