import { FormatError } from "../wheel/format-error.ts";

export const PT_LOAD = 1;
const PT_DYNAMIC = 2;
export const MOST_SECTIONS = 65_536;
/** Section numbers from here on are no sections (gABI, SHN_LORESERVE). */
export const DEFINED_ELSEWHERE = 0xff00;

/** Bytes; C++ names of templates run to thousands. */
export const LONGEST_NAME = 32_768;

/** Tags of the dynamic section (gABI, chapter 5). */
export const DT = {
  NEEDED: 1,
  PLTRELSZ: 2,
  HASH: 4,
  STRTAB: 5,
  SYMTAB: 6,
  RELA: 7,
  RELASZ: 8,
  STRSZ: 10,
  SONAME: 14,
  RPATH: 15,
  TEXTREL: 22,
  INIT: 12,
  FINI: 13,
  JMPREL: 23,
  INIT_ARRAY: 25,
  FINI_ARRAY: 26,
  INIT_ARRAYSZ: 27,
  FINI_ARRAYSZ: 28,
  RUNPATH: 29,
  FLAGS: 30,
  PREINIT_ARRAY: 32,
  PREINIT_ARRAYSZ: 33,
  RELRSZ: 35,
  RELR: 36,
  AUXILIARY: 0x7ffffffd,
  FILTER: 0x7fffffff,
} as const;

/** Tags that have one value. */
const ONCE: ReadonlySet<number> = new Set([
  DT.PLTRELSZ,
  DT.INIT,
  DT.FINI,
  DT.INIT_ARRAY,
  DT.FINI_ARRAY,
  DT.INIT_ARRAYSZ,
  DT.FINI_ARRAYSZ,
  DT.PREINIT_ARRAY,
  DT.PREINIT_ARRAYSZ,
  DT.RELRSZ,
  DT.RELR,
  DT.HASH,
  DT.STRTAB,
  DT.SYMTAB,
  DT.RELA,
  DT.RELASZ,
  DT.STRSZ,
  DT.JMPREL,
]);

/** Linkers make about ten. */
const MOST_SEGMENTS = 256;

/** A program header. */
export interface Segment {
  type: number;
  flags: number;
  offset: number;
  address: number;
  fileSize: number;
}

/** A section header. */
export interface Section {
  name: number;
  type: number;
  flags: number;
  address: bigint;
  offset: number;
  size: number;
  link: number;
}

/** Bytes that may be executed. */
export interface CodeRange {
  name: string;
  address: bigint;
  /** Bytes. */
  offset: number;
  size: number;
}

/** Little-endian reads that answer an offset outside the file with a FormatError. */
export class Reader {
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
  /** The text at an offset, or null where it does not end inside the file or is no name by its length. */
  textIfAny(offset: number): string | null {
    const window = this.bytes.subarray(Math.max(offset, 0), offset + LONGEST_NAME);
    const stop = offset < 0 ? -1 : window.indexOf(0);
    return stop < 0 ? null : this.text(offset, offset + stop + 1);
  }
  text(offset: number, limit: number): string {
    const end = Math.min(limit, this.bytes.length);
    let stop = offset;
    while (stop < end && this.bytes[stop] !== 0) stop++;
    if (offset < 0 || offset > end || stop === end) throw new FormatError("ELF string", "it does not end");
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + offset, stop - offset).toString("utf8");
  }
}

/** The program headers. @throws FormatError */
export function readSegments(file: Reader): Segment[] {
  const [offset, size, count] = [file.word(32), file.u16(54), file.u16(56)];
  if (count > 0 && size < 56) throw new FormatError("program headers", "they are too small");
  if (count > MOST_SEGMENTS)
    throw new FormatError(
      "program headers",
      `${count} of them, more than the ${MOST_SEGMENTS} that are read`,
    );
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

/** The section headers; none in a stripped table. @throws FormatError */
export function readSections(file: Reader): Section[] {
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
export function offsetOf(segments: readonly Segment[], address: number, what: string): number {
  const segment = segments.find(
    (candidate) =>
      candidate.type === PT_LOAD &&
      address >= candidate.address &&
      address < candidate.address + candidate.fileSize,
  );
  if (!segment) throw new FormatError(what, "it is in no segment that is loaded");
  return segment.offset + (address - segment.address);
}

/** Entries of a dynamic section; linkers make some dozens. */
const MOST_DYNAMIC = 65_536;

/** Values of the dynamic section by tag. */
export type Dynamic = Map<number, number[]>;

/**
 * Refuses segments that lie over each other in memory: a loader maps the later one over the earlier, and a reader that
 * takes the first would read what nobody runs (gABI: loadable segments ascend by address).
 * @throws FormatError
 */
export function refuseOverlap(segments: readonly Segment[]): void {
  const loads = segments
    .filter(({ type, fileSize }) => type === PT_LOAD && fileSize > 0)
    .sort((a, b) => a.address - b.address);
  for (const [index, { address }] of loads.entries()) {
    const before = loads[index - 1];
    if (before && address < before.address + before.fileSize)
      throw new FormatError("program headers", "two segments are loaded over each other");
  }
}

/**
 * The dynamic section where a loader finds it: by the address of its program header, not by the file offset beside it.
 * @throws FormatError
 */
export function readDynamic(file: Reader, segments: readonly Segment[]): Dynamic {
  const found: Dynamic = new Map();
  const [segment, ...others] = segments.filter(({ type, fileSize }) => type === PT_DYNAMIC && fileSize > 0);
  if (!segment) return found;
  if (others.length > 0) throw new FormatError("dynamic section", "there is more than one");
  const start = offsetOf(segments, segment.address, "dynamic section");
  if (start !== segment.offset)
    throw new FormatError("dynamic section", "its address and its offset in the file are of two places");
  for (let at = start; ; at += 16) {
    const tag = Number(file.u64(at));
    if (tag === 0) break;
    const values = found.get(tag) ?? [];
    if (values.length > 0 && ONCE.has(tag))
      throw new FormatError("dynamic section", `it has the tag ${tag} twice, and loaders take the last`);
    if (at - start > MOST_DYNAMIC * 16)
      throw new FormatError("dynamic section", `it has more than ${MOST_DYNAMIC} entries`);
    values.push(Number(file.u64(at + 8)));
    found.set(tag, values);
  }
  return found;
}
