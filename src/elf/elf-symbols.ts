import { FormatError } from "../wheel/format-error.ts";
import { DT, type Dynamic, MOST_SECTIONS, offsetOf, type Reader, type Segment } from "./elf-format.ts";

const DT_GNU_HASH = 0x6ffffef5;
const DT_VERNEED = 0x6ffffffe;
/** A wheel's libraries have well under a million symbols; anything near this is a forged count. */
const MOST_SYMBOLS = 8_000_000;

/** Names of the symbol versions that a library wants of others. @throws FormatError */
export function readVersions(
  file: Reader,
  dynamic: Dynamic,
  segments: readonly Segment[],
  string: (offset: number) => string,
): string[] {
  const [address] = dynamic.get(DT_VERNEED) ?? [];
  if (address === undefined) return [];
  const versions = new Set<string>();
  let at = offsetOf(segments, address, "version needs");
  // The counts that stand beside the chains mean nothing to loaders, which follow a chain to its end.
  let left = MOST_SECTIONS;
  for (let need = 1; need !== 0; at += need) {
    let aux = at + file.u32(at + 8);
    for (let next = 1; next !== 0; aux += next) {
      if (left-- === 0) throw new FormatError("version needs", "their chain does not end");
      versions.add(string(file.u32(aux + 8)));
      next = file.u32(aux + 12);
    }
    need = file.u32(at + 12);
  }
  return [...versions].sort();
}

/** Number of dynamic symbols, from the hash tables; the dynamic section itself does not say (gABI; GNU hash). */
export function countSymbols(file: Reader, dynamic: Dynamic, segments: readonly Segment[]): number {
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

/** Bytes of an entry with an addend (gABI, Elf64_Rela). */
export const RELOCATION_BYTES = 24;

/**
 * Number of dynamic symbols that relocations ask for. Loaders take a symbol by the number in a relocation, whatever the
 * hash table says; so a forged table hides none of those that are undefined.
 * @throws FormatError
 */
export function countRelocated(file: Reader, dynamic: Dynamic, segments: readonly Segment[]): number {
  let most = 0;
  for (const [table, size] of [
    [DT.RELA, DT.RELASZ],
    [DT.JMPREL, DT.PLTRELSZ],
  ] as const) {
    const [[address] = [], [bytes = 0] = []] = [dynamic.get(table), dynamic.get(size)];
    if (address === undefined || bytes === 0) continue;
    const start = offsetOf(segments, address, "relocations");
    file.guard(start, bytes, "relocations");
    for (let at = start; at + RELOCATION_BYTES <= start + bytes; at += RELOCATION_BYTES)
      most = Math.max(most, file.u32(at + 12) + 1);
  }
  return most;
}

/** A table of symbols, read field by field: section 0 is an undefined one. */
export class SymbolTable {
  readonly count: number;
  /** Where its names lie in the file. */
  readonly strings: number;
  readonly #view: DataView;
  readonly #longest: number;

  /** @throws FormatError where it lies outside the file */
  constructor(file: Reader, offset: number, count: number, strings: number) {
    if (count > MOST_SYMBOLS) throw new FormatError("symbol table", `${count} symbols`);
    file.guard(offset, count * 24, "symbol table");
    this.#view = new DataView(file.bytes.buffer, file.bytes.byteOffset + offset, count * 24);
    this.#longest = file.bytes.length;
    this.count = count;
    this.strings = strings;
  }
  /** Offset of the name among the names; 0 where it has none. */
  name(index: number): number {
    return this.#view.getUint32(index * 24, true);
  }
  type(index: number): number {
    return this.#view.getUint8(index * 24 + 4) & 15;
  }
  section(index: number): number {
    return this.#view.getUint16(index * 24 + 6, true);
  }
  /** Exact below 2^53. */
  address(index: number): number {
    return this.#view.getUint32(index * 24 + 12, true) * 2 ** 32 + this.#view.getUint32(index * 24 + 8, true);
  }
  /** Bytes; 0 where it is not said or absurd. */
  size(index: number): number {
    const size =
      this.#view.getUint32(index * 24 + 20, true) * 2 ** 32 + this.#view.getUint32(index * 24 + 16, true);
    return size > this.#longest ? 0 : size;
  }
}

/** Names of the symbols that a table wants of other libraries. @throws FormatError */
export function undefinedNames(table: SymbolTable, string: (offset: number) => string): string[] {
  const names: string[] = [];
  for (let index = 1; index < table.count; index++) {
    const name = table.name(index);
    if (name !== 0 && table.section(index) === 0) names.push(string(name));
  }
  return names;
}
