import { Code, Decoder, DecoderOptions, Instruction } from "iced-x86";
import { INHERITED, type PlannedSection } from "./audit-plan.ts";
import type { CodeRange } from "./elf-format.ts";
import { plainLength } from "./plain-length.ts";
import { lowerBound } from "./search.ts";
import type { Tally } from "./tally.ts";

/** Bytes handed to the decoder at a time, so that its copy stays small. */
const CHUNK = 1024 * 1024;
/** Longest x86 instruction, bytes (Intel SDM vol. 2, 2.3.11). */
export const LONGEST = 15;

/** How an instruction of an iced code names a place: 1 by a byte, 4 by four bytes at its end, 7 by `lea` from the next address. */
const WAYS = new Uint8Array(8192);
for (const [name, code] of Object.entries(Code)) {
  if (typeof code !== "number") continue;
  if (/^(J|Loop)[a-z]+_rel8_64(_[ER]CX)?$/.test(name)) WAYS[code] = 1;
  else if (/^((J[a-z]+|Call)_rel32_64|Xbegin_rel32)$/.test(name)) WAYS[code] = 4;
  else if (name === "Lea_r64_m") WAYS[code] = 7;
}

/** Where code points to, in sections whose gaps must be told from data. */
export interface Targets {
  /** Of gaps, absolute addresses, ascending and disjoint. */
  gaps: readonly (readonly [number, number])[];
  branches: Set<number>;
  pointers: Set<number>;
}

/** True for an address inside one of the gaps. */
export function inGaps(gaps: Targets["gaps"], address: number): boolean {
  let [low, high] = [0, gaps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((gaps[middle]?.[1] ?? 0) <= address) low = middle + 1;
    else high = middle;
  }
  return address >= (gaps[low]?.[0] ?? Number.POSITIVE_INFINITY);
}

/** The place that an instruction ending at `end` names, relative to the section. */
export function placeOf(bytes: Uint8Array, way: number, base: number, end: number): number | null {
  const at = base + end;
  if (way === 1) return end + (((bytes[at - 1] ?? 0) << 24) >> 24);
  // lea counts only where its ModRM byte says "relative to the next instruction" (Intel SDM vol. 2, 2.2.1.6).
  if (way === 7 && ((bytes[at - 5] ?? 0) & 0xc7) !== 5) return null;
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at - 4, at);
  return end + (a | (b << 8) | (c << 16) | (d << 24));
}

/** The way in which an instruction of this code names a place; 0 for none. */
export const wayOf = (code: number): number => WAYS[code] ?? 0;

interface Sweep {
  bytes: Uint8Array;
  section: PlannedSection;
  index: number;
  tally: Tally;
  targets: Targets | null;
}

/** The class of the function around an offset, and where that function ends. */
function classAt({ starts, classes, ends }: PlannedSection, next: number, offset: number): [number, number] {
  if (!classes) return [0, 0];
  for (let index = next; index >= 0; index--) {
    const kind = classes[index] ?? 0;
    if (kind === INHERITED || (starts[index] ?? 0) > offset) continue;
    const end = ends[index] ?? 0;
    return offset < end ? [kind, end] : [0, 0];
  }
  return [0, 0];
}

/**
 * Decodes [from, to) of a section, set right at each start of a function. Where a function begins inside an
 * instruction, that instruction counts; and where the function around it goes on, both readings do, until they meet.
 */
export function sweep(work: Sweep, from: number, to: number): void {
  const { bytes, section, tally, targets, index } = work;
  const { starts, classes, range } = section;
  const instruction = new Instruction();
  let next = lowerBound(starts, from + 1);
  let [kind, kindEnd] = classAt(section, next - 1, from);
  for (let done = from; done < to; ) {
    const length = Math.min(CHUNK + LONGEST, range.size - done);
    const start = range.offset + done;
    const decoder = new Decoder(64, bytes.subarray(start, start + length), DecoderOptions.None);
    const limit = Math.min(length === range.size - done ? length : CHUNK, to - done);
    // Close to the end of the window the decoder proper says what is cut off.
    const plainLimit = length - LONGEST;
    let at = 0;
    while (at < limit) {
      if (kind !== 0 && done + at >= kindEnd) kind = 0;
      const begun = done + at;
      const quick = at <= plainLimit ? plainLength(bytes, start + at, targets === null) : 0;
      if (quick > 0) {
        tally.plain[kind] = (tally.plain[kind] ?? 0) + 1;
        at += quick;
      } else {
        decoder.position = at;
        decoder.decodeOut(instruction);
        if (instruction.code === Code.INVALID) tally.addUnknown(kind, bytes, start + at, index, begun);
        else tally.add(kind, instruction, index, begun);
        at += Math.max(instruction.length, 1);
        if (targets) follow(targets, bytes, range, instruction.code, done + at);
      }
      if (done + at < (starts[next] ?? range.size)) continue;
      const following = starts[next] ?? range.size;
      if (following > begun && following < done + at) {
        const reach = Math.min(section.reach[next] ?? 0, to, done + length - LONGEST);
        at =
          reach > following
            ? both(work, decoder, instruction, done, [done + at, following], reach) - done
            : following - done;
      }
      while ((starts[next] ?? range.size) <= done + at && next < starts.length) {
        if (classes && classes[next] !== INHERITED && (starts[next] ?? 0) <= done + at)
          [kind, kindEnd] = [classes[next] ?? 0, section.ends[next] ?? 0];
        next++;
      }
    }
    decoder.free();
    done += at;
  }
  instruction.free();
}

/** Notes the place that an instruction names, where it lies in a gap. */
function follow(targets: Targets, bytes: Uint8Array, range: CodeRange, code: number, end: number): void {
  const way = wayOf(code);
  const place = way === 0 ? null : placeOf(bytes, way, range.offset, end);
  const address = Number(range.address);
  if (place !== null && inGaps(targets.gaps, address + place))
    (way === 7 ? targets.pointers : targets.branches).add(address + place);
}

/** Two readings of the same bytes, each counted, up to where they meet or to the end of the outer function. */
function both(
  { bytes, tally, index, section }: Sweep,
  decoder: Decoder,
  instruction: Instruction,
  done: number,
  readings: [number, number],
  end: number,
): number {
  let [first, second] = readings;
  while (first !== second && Math.min(first, second) < end) {
    const at = Math.min(first, second);
    decoder.position = at - done;
    decoder.decodeOut(instruction);
    const [kind] = classAt(section, lowerBound(section.starts, at + 1) - 1, at);
    if (instruction.code === Code.INVALID)
      tally.addUnknown(kind, bytes, section.range.offset + at, index, at);
    else tally.add(kind, instruction, index, at);
    const after = at + Math.max(instruction.length, 1);
    if (at === first) first = after;
    else second = after;
  }
  return Math.max(Math.min(first, second), readings[1]);
}
