import { FormatError } from "../wheel/format-error.ts";

/** Room for what was asked lately: neighbours call the same functions. */
const RECENT = 4096;

/** A stretch of a section with its instructions marked: one bit a byte, set where one begins. Plain data. */
export interface Marked {
  section: number;
  /** Offset in the section of the first bit. */
  from: number;
  bits: Uint8Array;
  /**
   * Functions that hold what is no instruction, as [first, last] instruction: what was read there in a row need not be what
   * runs there.
   */
  doubtful: [number, number][];
}

/** Places in the code that code names; offsets are from the section's beginning. Plain data. */
export interface Leads {
  section: number;
  /** Where branches lead and no instruction was read to begin. */
  branches: number[];
  /** The same of functions that hold what is no instruction: what was read there may be constants. */
  doubtful: number[];
  /** Addresses taken by `lea`, of which the same is true. */
  pointers: number[];
  /** Addresses taken by `lea` shortly before a jump to a computed address: tables of such jumps, perhaps. */
  tables: number[];
  /** Ends of runs behind the last instruction that lets nothing through. */
  tails: Tail[];
}

/** The end of a run of code; whoever gets into it gets into what follows. */
export interface Tail {
  from: number;
  to: number;
  /** True where something is known to get into it. */
  isLive: boolean;
}

const MOST_PENDING = 1 << 20;
const MOST_OUTSIDE = 4_000_000;

const isSet = (bits: Uint8Array, index: number): boolean =>
  ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

/** How far behind `lea` a jump may stand that uses the table it points to; compilers put both within some instructions. */
const TABLE_REACH = 256;

/** Notes, while a stretch of code is swept, where instructions begin and which places they name. */
export class Trail {
  readonly #section: number;
  readonly #from: number;
  readonly #length: number;
  /** Bytes of the section. */
  readonly #size: number;
  readonly #starts: Uint8Array;
  readonly #targets: Uint8Array;
  readonly #outside = new Set<number>();
  readonly #doubtful = new Set<number>();
  readonly #pointers = new Set<number>();
  readonly #tables = new Set<number>();
  readonly #tails: Tail[] = [];
  readonly #recent = new Float64Array(RECENT).fill(-1);
  #waiting = new Float64Array(64);
  #pending = 0;
  #isDoubtful = false;
  #functionStart = -1;
  #lastBegun = -1;
  readonly #doubtfulFunctions: [number, number][] = [];
  #lastPlace = -1;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** @param size bytes of the section that [from, to) is a part of */
  constructor(section: number, from: number, to: number, size: number) {
    this.#section = section;
    this.#from = from;
    this.#length = to - from;
    this.#size = size;
    this.#starts = new Uint8Array((this.#length + 7) >> 3);
    this.#targets = new Uint8Array((this.#length + 7) >> 3);
  }
  /** An instruction begins here. */
  begin(offset: number): void {
    const at = offset - this.#from;
    if (this.#functionStart < 0) this.#functionStart = offset;
    this.#lastBegun = offset;
    this.#starts[at >> 3] = (this.#starts[at >> 3] ?? 0) | (1 << (at & 7));
  }
  /** An instruction may branch to this place. */
  branch(place: number): void {
    // No compiler makes a function with so many branches, and an attacker's are not to fill the memory.
    if (this.#pending === MOST_PENDING) this.settle();
    if (this.#pending === this.#waiting.length) {
      const more = new Float64Array(this.#pending * 2);
      more.set(this.#waiting);
      this.#waiting = more;
    }
    this.#waiting[this.#pending++] = place;
  }
  /** What was read is no instruction. */
  stumble(): void {
    this.#isDoubtful = true;
  }
  /** A function ends: its branches count, unless constants were read. */
  settle(): void {
    for (let index = 0; index < this.#pending; index++) {
      const place = this.#waiting[index] ?? 0;
      if (this.#isDoubtful) this.#doubtful.add(place);
      else this.#lead(place);
    }
    if (this.#isDoubtful) this.#doubtfulFunctions.push([this.#functionStart, this.#lastBegun]);
    this.#pending = 0;
    this.#isDoubtful = false;
    this.#functionStart = -1;
  }
  #lead(place: number): void {
    const at = place - this.#from;
    if (at >= 0 && at < this.#length) {
      this.#targets[at >> 3] = (this.#targets[at >> 3] ?? 0) | (1 << (at & 7));
      return;
    }
    const slot = at & (RECENT - 1);
    if (this.#recent[slot] === place) return;
    this.#recent[slot] = place;
    if (this.#outside.size === MOST_OUTSIDE)
      throw new FormatError("code", "it branches to more places than are followed");
    this.#outside.add(place);
  }
  /** The instruction at `at` takes the address of this place. */
  take(at: number, place: number): void {
    if (place >= 0 && place < this.#size) {
      if (this.#pointers.size < MOST_OUTSIDE) this.#pointers.add(place);
      else throw new FormatError("code", "it takes more addresses than are followed");
    } else {
      this.#lastPlace = place;
      this.#lastAt = at;
    }
  }
  /** The instruction at `at` jumps to a computed address. */
  jump(at: number): void {
    if (at - this.#lastAt <= TABLE_REACH) this.#tables.add(this.#lastPlace);
  }
  /**
   * A run of code ends at `to`.
   * @param from behind the last instruction that lets nothing through
   * @param isCode false where the bytes between are padding, which counts only where something leads there
   */
  end(from: number, to: number, isCode: boolean): void {
    let isLive = isCode;
    for (let at = from - this.#from; at < to - this.#from && !isLive; at++) isLive = isSet(this.#targets, at);
    if (from < to) this.#tails.push({ from, to, isLive });
  }
  /** What was found; what the stretch itself answers is left out. */
  result(): { marked: Marked; leads: Leads } {
    const branches: number[] = [];
    for (let index = 0; index < this.#targets.length; index++) {
      const open = (this.#targets[index] ?? 0) & ~(this.#starts[index] ?? 0);
      for (let bit = 0; open >> bit !== 0; bit++)
        if (((open >> bit) & 1) === 1) branches.push(this.#from + index * 8 + bit);
    }
    for (const place of this.#outside) branches.push(place);
    const isOpen = (place: number): boolean => {
      const at = place - this.#from;
      return at < 0 || at >= this.#length || !isSet(this.#starts, at);
    };
    return {
      marked: {
        section: this.#section,
        from: this.#from,
        bits: this.#starts,
        doubtful: this.#doubtfulFunctions,
      },
      leads: {
        section: this.#section,
        branches,
        doubtful: [...this.#doubtful].filter(isOpen),
        pointers: [...this.#pointers].filter(isOpen),
        tables: [...this.#tables],
        tails: this.#tails,
      },
    };
  }
}

/** Where in a library an instruction is known to begin. */
export class CodeMap {
  readonly #sections: Marked[][] = [];

  /** @param all of a section the stretches don't overlap */
  constructor(all: readonly Marked[]) {
    for (const marked of all) {
      const known = this.#sections[marked.section] ?? [];
      known.push(marked);
      this.#sections[marked.section] = known;
    }
    for (const known of this.#sections) known?.sort((a, b) => a.from - b.from);
  }
  #stretch(section: number, offset: number): Marked | null {
    const known = this.#sections[section];
    if (!known) return null;
    let [low, high] = [0, known.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((known[middle]?.from ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    const found = known[low - 1];
    return found && offset < found.from + found.bits.length * 8 ? found : null;
  }
  begins(section: number, offset: number): boolean {
    const marked = this.#stretch(section, offset);
    return marked !== null && isSet(marked.bits, offset - marked.from);
  }
  /** True where what was read in a row need not be what runs. */
  isDoubtful(section: number, offset: number): boolean {
    const all = this.#stretch(section, offset)?.doubtful ?? [];
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((all[middle]?.[0] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return offset <= (all[low - 1]?.[1] ?? -1);
  }
}
