import { FormatError } from "../wheel/format-error.ts";
import { codeRanges } from "./elf-code.ts";
import {
  type CodeRange,
  DT,
  LONGEST_NAME,
  offsetOf,
  PT_LOAD,
  Reader,
  readDynamic,
  readSections,
  readSegments,
  refuseOverlap,
  type Section,
} from "./elf-format.ts";
import { countRelocated, countSymbols, readVersions, SymbolTable, undefinedNames } from "./elf-symbols.ts";
import { type Entries, readEntries } from "./entries.ts";
import { codeSymbols, type FunctionTable, membership } from "./function-table.ts";
import { readUnwind, type UnwindRanges } from "./unwind.ts";

/** What a shared library says of itself, read from its dynamic section (which loaders use, and strip keeps). */
export interface ElfFile {
  architecture: string;
  needed: string[];
  soname: string | null;
  searchPaths: string[];
  /** True where DT_RUNPATH is there: DT_RPATH is not looked at then, and is not handed on. */
  hasRunpath: boolean;
  /** Symbol versions it wants of other libraries, e.g. GLIBC_2.34. */
  wantedVersions: string[];
  undefinedSymbols: string[];
  executableStack: boolean;
  textRelocations: boolean;
  /** True where it packs its relocations as only glibc 2.36 and newer reads them (DT_RELR). */
  packedRelocations: boolean;
  /** True where memory is mapped writable and executable at once. */
  writableCode: boolean;
  /** What can be run: executable sections, and what else is mapped executable. */
  code: CodeRange[];
  /** What is mapped executable although the section table calls it data. */
  executableData: CodeRange[];
  /** Functions by address, from .symtab and .dynsym. */
  functions: FunctionTable;
  /** Data that a symbol table names inside code: start and end addresses. */
  objects: [number, number][];
  /** Functions by unwind information, which strip keeps. */
  unwind: UnwindRanges;
  /** Where a loader leads into its code. */
  entries: Entries;
  /** What a loader maps, and where. */
  loads: { address: number; offset: number; size: number }[];
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
const PF_WX = 3;
const SHT_SYMTAB = 2;
const DF_TEXTREL = 4;
/**
 * Magic, version 1 and header size of a CUDA fat binary (fatbinary_section.h, 0xba55ed50); name of a clang offload
 * bundle (clang, "Clang Offload Bundler"). They are found in the bytes, since names of sections can be stripped.
 */
const GPU_CODE = [
  Buffer.from([0x50, 0xed, 0x55, 0xba, 1, 0, 0x10, 0]),
  Buffer.from("__CLANG_OFFLOAD_BUNDLE__", "latin1"),
];

/** True where code for a GPU is inside: a CUDA fat binary or an offload bundle (HIP). */
export function holdsGpuCode(bytes: Uint8Array): boolean {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return GPU_CODE.some((magic) => raw.includes(magic));
}

/** True for bytes that begin like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 20 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

/** Characters of all names in use; those of the largest libraries take some MiB. */
const MOST_NAMED = 64 * 1024 ** 2;

/** Oldest Java class file version; below it the same magic begins a universal Mach-O file with so many parts. */
const OLDEST_JAVA = 45;

/** What else than ELF a file of machine code is, by its first bytes: Windows' PE or macOS' Mach-O; null for neither. */
export function foreignFormat(bytes: Uint8Array): "PE" | "Mach-O" | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0, false);
  if ([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe].includes(magic)) return "Mach-O";
  if (magic === 0xcafebabe && view.getUint32(4, false) < OLDEST_JAVA) return "Mach-O";
  if (magic >>> 16 !== 0x4d5a || bytes.length < 64) return null;
  const header = view.getUint32(60, true);
  return header + 4 <= bytes.length && view.getUint32(header, false) === 0x50450000 ? "PE" : null;
}

const withFormat = (format: string | null): string => (format === null ? "" : ` but ${format}`);

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
  if (!isElf(bytes)) throw new FormatError("library", `it is no ELF file${withFormat(foreignFormat(bytes))}`);
  const reason = unsupported(bytes);
  if (reason) throw new FormatError("library", reason);
  const file = new Reader(bytes);
  const machine = file.u16(18);
  const segments = readSegments(file);
  refuseOverlap(segments);
  const sections = readSections(file);
  const dynamic = readDynamic(file, segments);
  const [tableAddress] = dynamic.get(DT.STRTAB) ?? [];
  const [tableSize = 0] = dynamic.get(DT.STRSZ) ?? [];
  const table = tableAddress === undefined ? 0 : offsetOf(segments, tableAddress, "string table");
  let named = 0;
  const string = (offset: number): string => {
    const text = file.text(table + offset, Math.min(table + tableSize, table + offset + LONGEST_NAME));
    named += text.length;
    // Names may lie over each other, so that a short file has any number of long ones.
    if (named > MOST_NAMED) throw new FormatError("string table", "the names in use are too long in all");
    return text;
  };
  const strings = (tag: number): string[] => (dynamic.get(tag) ?? []).map(string);
  const [symbolAddress] = dynamic.get(DT.SYMTAB) ?? [];
  const dynamicSymbols =
    symbolAddress === undefined
      ? null
      : new SymbolTable(
          file,
          offsetOf(segments, symbolAddress, "symbol table"),
          Math.max(countSymbols(file, dynamic, segments), countRelocated(file, dynamic, segments)),
          table,
        );
  const nameOf = sectionNames(file, sections);
  const ranges = codeRanges(file, segments, sections, nameOf);
  const tables = [...(dynamicSymbols ? [dynamicSymbols] : []), ...staticSymbols(file, sections)];
  const stacks = segments.filter(({ type }) => type === PT_GNU_STACK);
  return {
    architecture: MACHINES[machine] ?? `machine-${machine}`,
    needed: [...strings(DT.NEEDED), ...strings(DT.AUXILIARY), ...strings(DT.FILTER)],
    soname: strings(DT.SONAME)[0] ?? null,
    searchPaths: [...strings(DT.RPATH), ...strings(DT.RUNPATH)].flatMap((path) => path.split(":")),
    hasRunpath: strings(DT.RUNPATH).length > 0,
    wantedVersions: readVersions(file, dynamic, segments, string),
    undefinedSymbols: dynamicSymbols ? undefinedNames(dynamicSymbols, string) : [],
    executableStack:
      stacks.length > 0 ? stacks.some(({ flags }) => (flags & PF_X) !== 0) : segments.length > 0,
    textRelocations:
      dynamic.has(DT.TEXTREL) || (dynamic.get(DT.FLAGS) ?? []).some((flags) => (flags & DF_TEXTREL) !== 0),
    packedRelocations: dynamic.has(DT.RELR),
    writableCode: segments.some(({ type, flags }) => type === PT_LOAD && (flags & PF_WX) === PF_WX),
    ...ranges,
    ...codeSymbols(file, tables, ranges.code),
    unwind: readUnwind(
      file,
      segments,
      sections.find((section) => nameOf(section) === ".eh_frame"),
    ),
    entries: readEntries(
      file,
      dynamic,
      segments,
      dynamicSymbols,
      membership([...ranges.code, ...ranges.executableData]),
    ),
    loads: segments
      .filter(({ type, fileSize }) => type === PT_LOAD && fileSize > 0)
      .map(({ address, offset, fileSize }) => ({ address, offset, size: fileSize })),
  };
}

/** A section's name, or nothing: names are for people, and a broken table of them is no reason to stop. */
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

function staticSymbols(file: Reader, sections: readonly Section[]): SymbolTable[] {
  return sections
    .filter(({ type }) => type === SHT_SYMTAB)
    .map((section) => {
      const strings = sections[section.link];
      if (!strings) throw new FormatError("symbol table", "its string table is missing");
      return new SymbolTable(file, section.offset, Math.floor(section.size / 24), strings.offset);
    });
}
