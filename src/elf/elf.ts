import { FormatError } from "../wheel/format-error.ts";

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
  functions: ElfFunction[];
}

export interface CodeRange {
  name: string;
  address: bigint;
  /** Bytes. */
  offset: number;
  size: number;
}

export interface ElfFunction {
  name: string;
  address: bigint;
  size: number;
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
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_STACK = 0x6474e551;
const PF_X = 1;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHF_EXECINSTR = 4;
const DT = {
  NEEDED: 1,
  HASH: 4,
  STRTAB: 5,
  SYMTAB: 6,
  STRSZ: 10,
  SONAME: 14,
  RPATH: 15,
  TEXTREL: 22,
  RUNPATH: 29,
  FLAGS: 30,
} as const;
const DT_GNU_HASH = 0x6ffffef5;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;
const DF_TEXTREL = 4;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
/** A wheel's libraries have well under a million symbols; anything near this is a forged count. */
const MOST_SYMBOLS = 8_000_000;
const MOST_SECTIONS = 65_536;

/** True for bytes that begin like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 20 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

interface Segment {
  type: number;
  flags: number;
  offset: number;
  address: number;
  fileSize: number;
}

interface Section {
  name: number;
  type: number;
  flags: number;
  address: bigint;
  offset: number;
  size: number;
  link: number;
}

class Reader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  guard(offset: number, length: number, what: string): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.bytes.length))
      throw new FormatError(what, "it lies outside the file");
  }
  u16(offset: number): number {
    this.guard(offset, 2, "ELF field");
    return this.#view.getUint16(offset, true);
  }
  u32(offset: number): number {
    this.guard(offset, 4, "ELF field");
    return this.#view.getUint32(offset, true);
  }
  u64(offset: number): bigint {
    this.guard(offset, 8, "ELF field");
    return this.#view.getBigUint64(offset, true);
  }
  /** A 64-bit offset or size; beyond 2^53 no file is that long, so it is forged. */
  word(offset: number): number {
    const value = this.u64(offset);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormatError("ELF field", "absurd 64-bit value");
    return Number(value);
  }
  text(offset: number, limit: number): string {
    const end = Math.min(limit, this.bytes.length);
    let stop = offset;
    while (stop < end && this.bytes[stop] !== 0) stop++;
    if (offset < 0 || offset > end || stop === end) throw new FormatError("ELF string", "it does not end");
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + offset, stop - offset).toString("utf8");
  }
}

function readSegments(file: Reader): Segment[] {
  const [offset, size, count] = [file.word(32), file.u16(54), file.u16(56)];
  if (count > 0 && size < 56) throw new FormatError("program headers", "they are too small");
  return Array.from({ length: count }, (_unused, index) => {
    const at = offset + index * size;
    return {
      type: file.u32(at),
      flags: file.u32(at + 4),
      offset: file.word(at + 8),
      address: file.word(at + 16),
      fileSize: file.word(at + 32),
    };
  });
}

function readSections(file: Reader): Section[] {
  const [offset, size] = [file.word(40), file.u16(58)];
  let count = file.u16(60);
  if (offset === 0) return [];
  if (size < 64) throw new FormatError("section headers", "they are too small");
  // More than 0xff00 sections: the real count stands in the first header (gABI, e_shnum).
  if (count === 0) count = file.word(offset + 32);
  if (count > MOST_SECTIONS) throw new FormatError("section headers", `${count} sections`);
  return Array.from({ length: count }, (_unused, index) => {
    const at = offset + index * size;
    return {
      name: file.u32(at),
      type: file.u32(at + 4),
      flags: file.word(at + 8),
      address: file.u64(at + 16),
      offset: file.word(at + 24),
      size: file.word(at + 32),
      link: file.u32(at + 40),
    };
  });
}

/** File offset of a virtual address, by the loadable segments, as a loader would map it. */
function offsetOf(segments: readonly Segment[], address: number, what: string): number {
  const segment = segments.find(
    (candidate) =>
      candidate.type === PT_LOAD &&
      address >= candidate.address &&
      address < candidate.address + candidate.fileSize,
  );
  if (!segment) throw new FormatError(what, "it is in no segment that is loaded");
  return segment.offset + (address - segment.address);
}

type Dynamic = Map<number, number[]>;

function readDynamic(file: Reader, segments: readonly Segment[]): Dynamic {
  const found: Dynamic = new Map();
  const segment = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!segment) return found;
  file.guard(segment.offset, segment.fileSize, "dynamic section");
  for (let at = segment.offset; at + 16 <= segment.offset + segment.fileSize; at += 16) {
    const tag = Number(file.u64(at));
    if (tag === 0) break;
    const raw = file.u64(at + 8);
    found.set(tag, [...(found.get(tag) ?? []), Number(raw)]);
  }
  return found;
}

function readVersions(
  file: Reader,
  dynamic: Dynamic,
  segments: readonly Segment[],
  string: (offset: number) => string,
): string[] {
  const [address] = dynamic.get(DT_VERNEED) ?? [];
  const [count = 0] = dynamic.get(DT_VERNEEDNUM) ?? [];
  if (address === undefined) return [];
  const versions = new Set<string>();
  let at = offsetOf(segments, address, "version needs");
  for (let index = 0; index < Math.min(count, MOST_SECTIONS); index++) {
    let aux = at + file.u32(at + 8);
    for (let entry = file.u16(at + 2); entry > 0; entry--) {
      versions.add(string(file.u32(aux + 8)));
      const next = file.u32(aux + 12);
      if (next === 0) break;
      aux += next;
    }
    const next = file.u32(at + 12);
    if (next === 0) break;
    at += next;
  }
  return [...versions].sort();
}

/** Number of dynamic symbols, from the hash tables; the dynamic section itself does not say (gABI; GNU hash). */
function countSymbols(file: Reader, dynamic: Dynamic, segments: readonly Segment[]): number {
  const [hash] = dynamic.get(DT.HASH) ?? [];
  if (hash !== undefined) return file.u32(offsetOf(segments, hash, "hash table") + 4);
  const [gnu] = dynamic.get(DT_GNU_HASH) ?? [];
  if (gnu === undefined) return 0;
  const at = offsetOf(segments, gnu, "GNU hash table");
  const [buckets, first, bloom] = [file.u32(at), file.u32(at + 4), file.u32(at + 8)];
  if (buckets > MOST_SYMBOLS || bloom > MOST_SYMBOLS) throw new FormatError("GNU hash table", "absurd size");
  const table = at + 16 + bloom * 8;
  let last = 0;
  for (let index = 0; index < buckets; index++) last = Math.max(last, file.u32(table + index * 4));
  if (last < first) return first;
  const chain = table + buckets * 4;
  while ((file.u32(chain + (last - first) * 4) & 1) === 0) last++;
  return last + 1;
}

interface ElfSymbol extends ElfFunction {
  type: number;
  section: number;
}

function readSymbols(
  file: Reader,
  offset: number,
  count: number,
  string: (offset: number) => string,
): ElfSymbol[] {
  if (count > MOST_SYMBOLS) throw new FormatError("symbol table", `${count} symbols`);
  file.guard(offset, count * 24, "symbol table");
  const symbols: ElfSymbol[] = [];
  for (let index = 1; index < count; index++) {
    const at = offset + index * 24;
    const name = file.u32(at);
    if (name === 0) continue;
    const size = file.u64(at + 16);
    symbols.push({
      name: string(name),
      type: (file.bytes[at + 4] ?? 0) & 15,
      section: file.u16(at + 6),
      address: file.u64(at + 8),
      size: size > BigInt(file.bytes.length) ? 0 : Number(size),
    });
  }
  return symbols;
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
      ? []
      : readSymbols(
          file,
          offsetOf(segments, symbolAddress, "symbol table"),
          countSymbols(file, dynamic, segments),
          string,
        );
  const stack = segments.find(({ type }) => type === PT_GNU_STACK);
  return {
    architecture: MACHINES[machine] ?? `machine-${machine}`,
    needed: strings(DT.NEEDED),
    soname: strings(DT.SONAME)[0] ?? null,
    searchPaths: [...strings(DT.RPATH), ...strings(DT.RUNPATH)].flatMap((path) => path.split(":")),
    wantedVersions: readVersions(file, dynamic, segments, string),
    undefinedSymbols: dynamicSymbols.filter(({ section }) => section === 0).map(({ name }) => name),
    executableStack: stack ? (stack.flags & PF_X) !== 0 : segments.length > 0,
    textRelocations:
      dynamic.has(DT.TEXTREL) || (dynamic.get(DT.FLAGS) ?? []).some((flags) => (flags & DF_TEXTREL) !== 0),
    code: codeRanges(file, segments, sections),
    functions: functionsOf([...dynamicSymbols, ...staticSymbols(file, sections)]),
  };
}

function staticSymbols(file: Reader, sections: readonly Section[]): ElfSymbol[] {
  return sections
    .filter(({ type }) => type === SHT_SYMTAB)
    .flatMap((section) => {
      const strings = sections[section.link];
      if (!strings) throw new FormatError("symbol table", "its string table is missing");
      const string = (offset: number): string =>
        file.text(strings.offset + offset, strings.offset + strings.size);
      return readSymbols(file, section.offset, Math.floor(section.size / 24), string);
    });
}

function functionsOf(symbols: readonly ElfSymbol[]): ElfFunction[] {
  const byAddress = new Map<bigint, ElfFunction>();
  for (const { name, type, section, address, size } of symbols) {
    if (section !== 0 && (type === STT_FUNC || type === STT_GNU_IFUNC))
      byAddress.set(address, { name, address, size });
  }
  return [...byAddress.values()].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/**
 * Code by sections; but whatever the loader maps executable and no section names is code as well, or a forged
 * section table could hide it.
 */
function codeRanges(file: Reader, segments: readonly Segment[], sections: readonly Section[]): CodeRange[] {
  const names = sections[file.u16(62)];
  const nameOf = (section: Section): string => {
    try {
      return names ? file.text(names.offset + section.name, names.offset + names.size) : "";
    } catch {
      return "";
    }
  };
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
