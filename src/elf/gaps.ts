import { Code, Decoder, DecoderOptions, FlowControl, Instruction } from "iced-x86";
import type { AuditPlan, PlannedSection } from "./audit-plan.ts";
import { lowerBound } from "./search.ts";
import { inGaps, LONGEST, placeOf, type Targets, wayOf } from "./sweep.ts";
import { BASELINE, Tally } from "./tally.ts";

/** A gap: bytes in an executable section that nobody names and that are no padding. */
interface Gap {
  section: PlannedSection;
  index: number;
  from: number;
  to: number;
}

function gapsOf({ sections }: AuditPlan): Gap[] {
  return sections.flatMap((section, index) =>
    section.gaps.map(([from, to]) => ({ section, index, from, to })),
  );
}

/** Absolute addresses of all gaps, ascending. */
export function gapAddresses(plan: AuditPlan): [number, number][] {
  return gapsOf(plan)
    .map(({ section, from, to }): [number, number] => {
      const base = Number(section.range.address);
      return [base + from, base + to];
    })
    .sort(([a], [b]) => a - b);
}

/** Decodes one instruction after another, with what is needed to follow them. */
class Reader {
  readonly instruction = new Instruction();
  readonly #bytes: Uint8Array;
  readonly #gap: Gap;
  readonly #decoder: Decoder;

  constructor(bytes: Uint8Array, gap: Gap) {
    const { offset, size } = gap.section.range;
    this.#bytes = bytes;
    this.#gap = gap;
    const end = Math.min(offset + gap.to + LONGEST, offset + size);
    this.#decoder = new Decoder(64, bytes.subarray(offset + gap.from, end), DecoderOptions.None);
  }
  /** @returns the offset behind the instruction at this one */
  decode(offset: number): number {
    this.#decoder.position = offset - this.#gap.from;
    this.#decoder.decodeOut(this.instruction);
    return offset + Math.max(this.instruction.length, 1);
  }
  /** Offset in the section that the last decoded instruction branches to, or null. */
  target(end: number): number | null {
    const way = wayOf(this.instruction.code);
    return way === 0 || way === 7 ? null : placeOf(this.#bytes, way, this.#gap.section.range.offset, end);
  }
  get isInvalid(): boolean {
    return this.instruction.code === Code.INVALID;
  }
  /** True where what follows is not reached from here. */
  get isEnd(): boolean {
    const flow = this.instruction.flowControl;
    return (
      flow === FlowControl.Return ||
      flow === FlowControl.UnconditionalBranch ||
      flow === FlowControl.IndirectBranch ||
      flow === FlowControl.Exception ||
      flow === FlowControl.Interrupt
    );
  }
  free(): void {
    this.instruction.free();
    this.#decoder.free();
  }
}

/**
 * True where the bytes of some gap, read from any offset, hold an instruction beyond the baseline, so that it matters
 * whether they are code.
 */
export function gapsMatter(bytes: Uint8Array, plan: AuditPlan): boolean {
  const tally = new Tally(1);
  for (const gap of gapsOf(plan)) {
    const reader = new Reader(bytes, gap);
    for (let at = gap.from; at < gap.to; at++) {
      reader.decode(at);
      if (!reader.isInvalid) tally.add(0, reader.instruction, gap.index, at);
    }
    reader.free();
  }
  return tally.result().some(({ features }) => features.some((feature) => feature !== BASELINE));
}

/** Words in the file outside of code that are an address in a gap: tables of functions, and the loader's own lists. */
export function pointersInto(bytes: Uint8Array, plan: AuditPlan, gaps: Targets["gaps"]): Set<number> {
  const found = new Set<number>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const code = plan.sections.map(({ range }) => range).toSorted((a, b) => a.offset - b.offset);
  let at = 0;
  for (const { offset, size } of [...code, { offset: bytes.length, size: 0 }]) {
    for (; at + 8 <= offset; at += 8) {
      const address = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
      if (inGaps(gaps, address)) found.add(address);
    }
    at = Math.max(at, (offset + size + 7) & ~7);
  }
  return found;
}

/** What the gaps hold: code that something leads to, and what may be code or data. */
export interface GapTallies {
  reached: Tally;
  unreached: Tally;
  /** The same where the bytes read like constants. */
  data: Tally;
  reachedBytes: number;
}

/** True where the bytes read like code from here to an instruction that ends it. */
function readsLikeCode(reader: Reader, gap: Gap, from: number): boolean {
  for (let at = from; at < gap.to; ) {
    at = reader.decode(at);
    if (reader.isInvalid) return false;
    if (reader.isEnd) return true;
  }
  return false;
}

/** Of ascending numbers those in [from, to). */
function between(sorted: Float64Array, from: number, to: number): Float64Array {
  return sorted.subarray(lowerBound(sorted, from), lowerBound(sorted, to));
}

function reach(bytes: Uint8Array, gap: Gap, led: Led, tallies: GapTallies, onward: Set<number>): void {
  const base = Number(gap.section.range.address);
  const inside = (addresses: Float64Array): number[] =>
    Array.from(between(addresses, base + gap.from, base + gap.to), (address) => address - base);
  const reader = new Reader(bytes, gap);
  const queue = inside(led.branches);
  queue.push(...inside(led.pointers).filter((offset) => readsLikeCode(reader, gap, offset)));
  const seen = new Set<number>();
  const covered = new Uint8Array(gap.to - gap.from);
  for (let start = queue.pop(); start !== undefined; start = queue.pop()) {
    for (let at = start; at < gap.to && !seen.has(at); ) {
      seen.add(at);
      const end = reader.decode(at);
      if (reader.isInvalid) break;
      tallies.reached.add(0, reader.instruction, gap.index, at);
      covered.fill(1, at - gap.from, Math.min(end, gap.to) - gap.from);
      const target = reader.target(end);
      if (target !== null && target >= gap.from && target < gap.to) queue.push(target);
      else if (target !== null) onward.add(base + target);
      if (reader.isEnd) break;
      at = end;
    }
  }
  rest(reader, gap, covered, tallies);
  reader.free();
}

/** Offsets at which what nothing leads to reads as an instruction, from one end to the other. */
function* unled(reader: Reader, gap: Gap, covered: Uint8Array): Generator<number> {
  let met = gap.from;
  for (let at = gap.from; at < gap.to; ) {
    if (covered[at - gap.from]) {
      at++;
      continue;
    }
    if (met <= at) {
      const next = covered.indexOf(1, at - gap.from);
      met = next < 0 ? Number.POSITIVE_INFINITY : gap.from + next;
    }
    const end = reader.decode(at);
    yield at;
    at = Math.min(end, met);
  }
}

/** Of constants read as instructions about one in twenty is none; of code none is. */
const DATA_SHARE = 1 / 100;

function rest(reader: Reader, gap: Gap, covered: Uint8Array, tallies: GapTallies): void {
  let [all, invalid] = [0, 0];
  for (const _at of unled(reader, gap, covered)) {
    all++;
    if (reader.isInvalid) invalid++;
  }
  const tally = invalid > all * DATA_SHARE ? tallies.data : tallies.unreached;
  for (const at of unled(reader, gap, covered))
    if (!reader.isInvalid) tally.add(0, reader.instruction, gap.index, at);
  for (const byte of covered) tallies.reachedBytes += byte;
}

interface Led {
  branches: Float64Array;
  pointers: Float64Array;
}

/** Gaps that lead to gaps that lead to gaps: nothing honest goes deeper, and each round reads all gaps. */
const ROUNDS = 8;

/** Follows every branch and pointer that leads into a gap, and the branches from there into other gaps. */
export function followGaps(bytes: Uint8Array, plan: AuditPlan, targets: Targets): GapTallies {
  const gaps = gapsOf(plan);
  const branches = new Set(targets.branches);
  const pointers = Float64Array.from(targets.pointers).sort();
  for (let round = 1; ; round++) {
    const [reached, unreached, data] = [new Tally(1), new Tally(1), new Tally(1)];
    const tallies: GapTallies = { reached, unreached, data, reachedBytes: 0 };
    const onward = new Set<number>();
    const led = { branches: Float64Array.from(branches).sort(), pointers };
    for (const gap of gaps) reach(bytes, gap, led, tallies, onward);
    const fresh = [...onward].filter((address) => !branches.has(address) && inGaps(targets.gaps, address));
    if (fresh.length === 0 || round === ROUNDS) return tallies;
    for (const address of fresh) branches.add(address);
  }
}
