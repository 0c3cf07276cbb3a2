import { FormatError } from "../wheel/format-error.ts";
import { DT, type Dynamic, offsetOf, PT_LOAD, type Reader, type Segment } from "./elf-format.ts";
import { RELOCATION_BYTES, type SymbolTable } from "./elf-symbols.ts";

/** Tags of what a loader calls (gABI, chapter 5, "Initialization and Termination Functions"). */
const FUNCTIONS = [DT.INIT, DT.FINI] as const;
/** Tags of its lists of functions and of their sizes: at start, at end, before all others. */
const LISTS = [
  [DT.INIT_ARRAY, DT.INIT_ARRAYSZ],
  [DT.FINI_ARRAY, DT.FINI_ARRAYSZ],
  [DT.PREINIT_ARRAY, DT.PREINIT_ARRAYSZ],
] as const;
const STT_TLS = 6;
const STT_GNU_IFUNC = 10;
const R_IRELATIVE = 37;
/** Relocations whose value can be an address of code (psABI x86-64, table 4.9; R_X86_64_RELATIVE64 is of x32). */
const ADDRESSES: ReadonlySet<number> = new Set([1, 6, 7, 8, 37, 38]);

/** Places that a loader leads to; the largest libraries have some hundred thousand. */
const MOST = 4_000_000;

/** An address as stored; what is beyond 2^53 is no place in a file. */
function wordAt(file: Reader, offset: number): number {
  return file.u32(offset + 4) * 2 ** 32 + file.u32(offset);
}

/** Where an address that is loaded lies in the file; null where its page is only zeros or is no page of the file. */
function placed(segments: readonly Segment[], address: number): number | null {
  const segment = segments.find(
    (one) => one.type === PT_LOAD && address >= one.address && address + 8 <= one.address + one.fileSize,
  );
  return segment ? segment.offset + (address - segment.address) : null;
}

/** Words of a table of the dynamic section. @throws FormatError */
function* table(
  file: Reader,
  dynamic: Dynamic,
  segments: readonly Segment[],
  [tag, sizeTag]: readonly [number, number],
  step: number,
): Generator<number> {
  const [[address] = [], [size = 0] = []] = [dynamic.get(tag), dynamic.get(sizeTag)];
  if (address === undefined || size === 0) return;
  const start = offsetOf(segments, address, "a table of the dynamic section");
  file.guard(start, size, "a table of the dynamic section");
  for (let at = start; at + step <= start + size; at += step) yield at;
}

/**
 * Words that packed relocations make into addresses. Source: gABI, "Relative Relocations" (DT_RELR).
 * @throws FormatError
 */
function* packedWords(file: Reader, dynamic: Dynamic, segments: readonly Segment[]): Generator<number> {
  let next = 0;
  for (const at of table(file, dynamic, segments, [DT.RELR, DT.RELRSZ], 8)) {
    const [low, high] = [file.u32(at), file.u32(at + 4)];
    if ((low & 1) === 0) {
      const address = high * 2 ** 32 + low;
      yield address;
      next = address + 8;
      continue;
    }
    for (let bit = 1; bit < 64; bit++)
      if (((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) === 1) yield next + (bit - 1) * 8;
    next += 63 * 8;
  }
}

/** Addresses of code that a loader knows, ascending, each once. */
export interface Entries {
  /** To which it hands control: the program's entry, what is called at start and end, resolvers of IFUNC symbols. */
  called: Float64Array;
  /**
   * That it writes where code finds them, or tells who asks: what a relocation makes an address, and each symbol that
   * others can see, of any type (dlsym looks at no type but that of thread-local data).
   */
  taken: Float64Array;
}

/**
 * Reads where a loader leads into a library's code.
 * @param symbols the dynamic symbols
 * @param isCode true for an address that can be run; the others are left out
 * @throws FormatError where a table lies outside the file
 */
export function readEntries(
  file: Reader,
  dynamic: Dynamic,
  segments: readonly Segment[],
  symbols: SymbolTable | null,
  isCode: (address: number) => boolean,
): Entries {
  const called = new Set<number>();
  const taken = new Set<number>();
  const note = (found: Set<number>, address: number): void => {
    // Zero stands for "none".
    if (address === 0 || !isCode(address)) return;
    if (found.size === MOST) throw new FormatError("relocations", `more than ${MOST} lead into the code`);
    found.add(address);
  };
  note(called, file.word(24));
  for (const tag of FUNCTIONS) for (const address of dynamic.get(tag) ?? []) note(called, address);
  const calls = new Set<number>();
  for (const list of LISTS) {
    for (const at of table(file, dynamic, segments, list, 8)) note(called, wordAt(file, at));
    const [[from = 0] = [], [size = 0] = []] = [dynamic.get(list[0]), dynamic.get(list[1])];
    if (size > MOST) throw new FormatError("dynamic section", `a list of functions has ${size} bytes`);
    for (let at = from; at < from + size; at += 8) calls.add(at);
  }
  for (const tags of [
    [DT.RELA, DT.RELASZ],
    [DT.JMPREL, DT.PLTRELSZ],
  ] as const)
    for (const at of table(file, dynamic, segments, tags, RELOCATION_BYTES)) {
      const type = file.u32(at + 8);
      if (!ADDRESSES.has(type)) continue;
      const symbol = file.u32(at + 12);
      const value = symbol === 0 || !symbols || symbol >= symbols.count ? 0 : symbols.address(symbol);
      const isCall = type === R_IRELATIVE || calls.has(wordAt(file, at));
      // The addend is signed.
      note(isCall ? called : taken, value + (file.u32(at + 20) | 0) * 2 ** 32 + file.u32(at + 16));
    }
  for (const address of packedWords(file, dynamic, segments)) {
    const at = placed(segments, address);
    if (at !== null) note(calls.has(address) ? called : taken, wordAt(file, at));
  }
  for (let index = 1; symbols && index < symbols.count; index++) {
    const type = symbols.type(index);
    if (symbols.section(index) !== 0 && type !== STT_TLS)
      note(type === STT_GNU_IFUNC ? called : taken, symbols.address(index));
  }
  return { called: Float64Array.from(called).sort(), taken: Float64Array.from(taken).sort() };
}
