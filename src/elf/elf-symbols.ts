import { FormatError } from "../wheel/format-error.ts";
import { DT, type Dynamic, MOST_SECTIONS, offsetOf, type Reader, type Segment } from "./elf-format.ts";

/** A function by address; `size` in bytes, 0 where the table does not say. */
export interface ElfFunction {
  name: string;
  address: bigint;
  size: number;
}

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

const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 24;

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

/** Any named symbol; section 0 is an undefined one. */
export interface ElfSymbol extends ElfFunction {
  type: number;
  section: number;
}

/** The named symbols of a table at a file offset. @throws FormatError */
export function readSymbols(
  file: Reader,
  offset: number,
  count: number,
  string: (offset: number) => string,
): ElfSymbol[] {
  if (count > MOST_SYMBOLS) throw new FormatError("symbol table", `${count} symbols`);
  file.guard(offset, count * SYMBOL_BYTES, "symbol table");
  const symbols: ElfSymbol[] = [];
  for (let index = 1; index < count; index++) {
    const at = offset + index * SYMBOL_BYTES;
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
