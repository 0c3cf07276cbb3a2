import { Code, Decoder, DecoderOptions, Instruction } from "iced-x86";
import { FormatError } from "../wheel/format-error.ts";
import type { CodeRange } from "./elf-format.ts";
import { BY_BYTE, BY_WORD, ENDS, JUMPS, LENGTH, plainLength, TAKES } from "./plain-length.ts";
import { flowOf, LONGEST, placeOf } from "./sweep.ts";
import { isNewerForm, type Tally } from "./tally.ts";
import type { CodeMap } from "./trail.ts";

/** What was reached is kept by pages, since little of a library is; of each byte, in these bits. */
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
/** It belongs to an instruction that was followed. */
const COVERED = 1;
/** Such an instruction begins there. */
const BEGUN = 2;
/** Read in a row from there, it ends in an instruction that lets nothing through; or in bytes that are none. */
const READS = 4;
const STRAYS = 8;
/** Instructions behind which the flow may go on elsewhere. */
const BRANCHES = BY_BYTE | BY_WORD | JUMPS | ENDS;
/** Bytes that a decoder is given at a time: it copies them. */
const WINDOW = 4096;
/** Instructions that are followed in one library. Of honest ones some thousands are, since sweeping reads the rest. */
const MOST = 8_000_000;

/** Follows the flow of control from places in the code, through whatever was not read before. */
export class Follower {
  readonly #bytes: Uint8Array;
  readonly #ranges: readonly CodeRange[];
  readonly #byAddress: { start: number; end: number; index: number }[];
  readonly #isLinear: readonly boolean[];
  readonly #known: CodeMap;
  readonly #tally: Tally;
  readonly #instruction = new Instruction();
  readonly #reached: Map<number, Uint8Array>[];
  #decoder: Decoder | null = null;
  #window = { index: -1, from: 0, to: 0 };
  #queue: number[] = [];
  #steps = 0;

  /**
   * @param ranges all that can be run
   * @param isLinear for each of them whether nobody names anything in it
   * @param known where instructions begin that have been read
   * @param tally counts what is reached and was not known
   */
  constructor(
    bytes: Uint8Array,
    ranges: readonly CodeRange[],
    isLinear: readonly boolean[],
    known: CodeMap,
    tally: Tally,
  ) {
    this.#isLinear = isLinear;
    this.#bytes = bytes;
    this.#ranges = ranges;
    this.#known = known;
    this.#tally = tally;
    this.#reached = ranges.map(() => new Map());
    this.#byAddress = ranges
      .map(({ address, size }, index) => ({ start: Number(address), end: Number(address) + size, index }))
      .sort((a, b) => a.start - b.start);
  }
  /** The range and the offset in it; null for what can't be run. */
  placeOf(address: number): { index: number; offset: number } | null {
    const all = this.#byAddress;
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((all[middle]?.start ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    const found = all[low - 1];
    return found && address < found.end ? { index: found.index, offset: address - found.start } : null;
  }
  /** True where the byte belongs to an instruction that was reached here. */
  covers(index: number, offset: number): boolean {
    return (this.#of(index, offset) & COVERED) !== 0;
  }
  #of(index: number, offset: number): number {
    return this.#reached[index]?.get(offset >> PAGE_BITS)?.[offset & (PAGE - 1)] ?? 0;
  }
  #mark(index: number, from: number, to: number, bits: number): void {
    const pages = this.#reached[index];
    for (let at = from; at < to; at++) {
      let page = pages?.get(at >> PAGE_BITS);
      if (!page) {
        page = new Uint8Array(PAGE);
        pages?.set(at >> PAGE_BITS, page);
      }
      page[at & (PAGE - 1)] = (page[at & (PAGE - 1)] ?? 0) | bits;
    }
  }
  /** Length and flow of an instruction that every CPU executes, as {@link plainLength}; 0 where the decoder is to say. */
  #plain({ offset, size }: CodeRange, at: number): number {
    return at + LONGEST <= size ? plainLength(this.#bytes, offset + at) : 0;
  }
  /** True where the instruction at this place needs not be followed any more. */
  #isDone(index: number, offset: number): boolean {
    // Of a section in which nobody names anything it matters what is reached, though all of it was read.
    if (!this.#isLinear[index] && this.#known.begins(index, offset) && !this.#known.isDoubtful(index, offset))
      return true;
    return (this.#of(index, offset) & BEGUN) !== 0;
  }
  #decode(index: number, offset: number): Instruction | null {
    const range = this.#ranges[index];
    if (!range || offset >= range.size) return null;
    const { from, to } = this.#window;
    if (!this.#decoder || this.#window.index !== index || offset < from || offset >= to) {
      this.#decoder?.free();
      const end = Math.min(offset + WINDOW + LONGEST, range.size);
      const part = this.#bytes.subarray(range.offset + offset, range.offset + end);
      this.#decoder = new Decoder(64, part, DecoderOptions.None);
      this.#window = { index, from: offset, to: Math.min(offset + WINDOW, range.size) };
    }
    this.#decoder.position = offset - this.#window.from;
    this.#decoder.decodeOut(this.#instruction);
    return this.#instruction;
  }
  /**
   * True where the flow gets from here to an instruction that branches, or to one that is newer than the decoder: what
   * meets bytes before that which are no instruction leads nowhere, and is no code.
   */
  #isFeasible(range: CodeRange, index: number, offset: number): boolean {
    for (let at = offset; ; ) {
      const plain = this.#plain(range, at);
      const instruction = plain > 0 ? null : this.#decode(index, at);
      if (plain === 0 && !instruction) return true;
      if (instruction?.code === Code.INVALID) return isNewerForm(this.#bytes, range.offset + at);
      const flow = instruction ? flowOf(instruction.code) : plain;
      if ((flow & BRANCHES) !== 0) return true;
      at += instruction ? instruction.length : plain & LENGTH;
    }
  }
  /**
   * True where the bytes read as instructions from here, in a row, to one that lets nothing through; false as well where there
   * is nothing left to follow.
   */
  readsLikeCode(address: number): boolean {
    const place = this.placeOf(address);
    const range = this.#ranges[place?.index ?? -1];
    if (!place || !range || this.#isDone(place.index, place.offset)) return false;
    const { index } = place;
    const passed: number[] = [];
    let answer = 0;
    for (let at = place.offset; answer === 0; ) {
      answer = this.#of(index, at) & (READS | STRAYS);
      if (answer !== 0) break;
      passed.push(at);
      const plain = this.#plain(range, at);
      const instruction = plain > 0 ? null : this.#decode(index, at);
      if (plain === 0 && (!instruction || instruction.code === Code.INVALID)) answer = STRAYS;
      else if (((instruction ? flowOf(instruction.code) : plain) & ENDS) !== 0) answer = READS;
      at += instruction ? instruction.length : plain & LENGTH;
    }
    // Readings of the same bytes soon meet.
    for (const at of passed) this.#mark(index, at, at + 1, answer);
    return answer === READS;
  }
  /** Follows both ways of each branch from here. @throws FormatError where that has no end */
  follow(address: number): void {
    this.#queue.push(address);
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) this.#run(next);
  }
  #run(address: number): void {
    const place = this.placeOf(address);
    if (!place) return;
    const { index } = place;
    const range = this.#ranges[index];
    if (!range) return;
    let isBlock = false;
    for (let at = place.offset; !this.#isDone(index, at); ) {
      if (!isBlock && !this.#isFeasible(range, index, at)) return;
      const plain = this.#plain(range, at);
      const instruction = plain > 0 ? null : this.#decode(index, at);
      // What follows the end of a range lies in the next.
      if (plain === 0 && !instruction) {
        this.#queue.push(Number(range.address) + at);
        return;
      }
      this.#mark(index, at, at + 1, BEGUN);
      if (++this.#steps > MOST) throw new FormatError("code", "it branches to more places than are followed");
      const isCounted = this.#known.begins(index, at);
      if (instruction?.code === Code.INVALID) {
        if (!isCounted) this.#tally.addUnknown(0, this.#bytes, range.offset + at, index, at);
        return;
      }
      if (!isCounted && instruction) this.#tally.add(0, instruction, index, at);
      else if (!isCounted) this.#tally.plain[0] = (this.#tally.plain[0] ?? 0) + 1;
      const end = at + (instruction ? instruction.length : plain & LENGTH);
      this.#mark(index, at, end, COVERED);
      const flow = instruction ? flowOf(instruction.code) : plain;
      const target = (flow & TAKES) === 0 ? placeOf(this.#bytes, flow, range.offset, end) : null;
      if (target !== null) this.#queue.push(Number(range.address) + target);
      if ((flow & ENDS) !== 0) return;
      isBlock = (flow & BRANCHES) === 0;
      at = end;
    }
  }
  free(): void {
    this.#decoder?.free();
    this.#instruction.free();
  }
}
