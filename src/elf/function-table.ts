import { type CodeRange, DEFINED_ELSEWHERE, type Reader } from "./elf-format.ts";
import type { SymbolTable } from "./elf-symbols.ts";
import { lowerBound } from "./search.ts";

const STT_NOTYPE = 0;
const STT_OBJECT = 1;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;

/** Functions by address, from .symtab and .dynsym. Names are read when asked for: a library may have a million. */
export class FunctionTable {
  /** Addresses, ascending; several names may stand at one. */
  readonly starts: Float64Array;
  /** Bytes; 0 where the table does not say. */
  readonly sizes: Float64Array;
  readonly #names: Float64Array;
  readonly #file: Reader;

  constructor(file: Reader, starts: Float64Array, sizes: Float64Array, names: Float64Array) {
    this.#file = file;
    this.starts = starts;
    this.sizes = sizes;
    this.#names = names;
  }
  /** A table of the same file without functions. */
  none(): FunctionTable {
    const empty = new Float64Array();
    return new FunctionTable(this.#file, empty, empty, empty);
  }
  get length(): number {
    return this.starts.length;
  }
  /** As the table spells it; null where its text lies outside the file. */
  nameOf(index: number): string | null {
    return this.#file.textIfAny(this.#names[index] ?? -1);
  }
  /** The function an address lies in; one without a size reaches to the next one. */
  nameAt(address: number): string | null {
    const before = lowerBound(this.starts, address + 1) - 1;
    const start = this.starts[before];
    if (start === undefined) return null;
    for (let index = lowerBound(this.starts, start); index <= before; index++) {
      const size = this.sizes[index] ?? 0;
      if (size === 0 || address < start + size) return this.nameOf(index);
    }
    return null;
  }
}

/** What a symbol table says lies inside code. */
export interface CodeSymbols {
  functions: FunctionTable;
  /** Data objects inside executable sections: start and end addresses, ascending by start. */
  objects: [number, number][];
}

/** Says whether an address lies in one of these ranges, which don't overlap. */
export function membership(code: readonly CodeRange[]): (address: number) => boolean {
  const bounds = code
    .map(({ address, size }): [number, number] => [Number(address), Number(address) + size])
    .sort(([a], [b]) => a - b);
  const starts = Float64Array.from(bounds, ([start]) => start);
  return (address) => address < (bounds[lowerBound(starts, address + 1) - 1]?.[1] ?? 0);
}

/** Functions and data of these tables that lie in the code. Functions written in assembly often have no type. */
export function codeSymbols(
  file: Reader,
  tables: readonly SymbolTable[],
  code: readonly CodeRange[],
): CodeSymbols {
  const inCode = membership(code);
  const picked: { start: number; size: number; name: number }[] = [];
  const objects: [number, number][] = [];
  for (const table of tables) {
    for (let index = 1; index < table.count; index++) {
      const type = table.type(index);
      const section = table.section(index);
      if (section === 0 || section >= DEFINED_ELSEWHERE) continue;
      if (type !== STT_FUNC && type !== STT_GNU_IFUNC && type !== STT_NOTYPE && type !== STT_OBJECT) continue;
      const [start, size] = [table.address(index), table.size(index)];
      if (!inCode(start) || table.name(index) === 0) continue;
      if (type === STT_OBJECT) {
        if (size > 0) objects.push([start, start + size]);
      } else
        picked.push({ start, size: type === STT_NOTYPE ? 0 : size, name: table.strings + table.name(index) });
    }
  }
  picked.sort((a, b) => a.start - b.start || b.size - a.size);
  return {
    functions: new FunctionTable(
      file,
      Float64Array.from(picked, ({ start }) => start),
      Float64Array.from(picked, ({ size }) => size),
      Float64Array.from(picked, ({ name }) => name),
    ),
    objects: objects.sort(([a], [b]) => a - b),
  };
}
