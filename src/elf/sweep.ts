import { Code, Decoder, DecoderOptions, FlowControl, Instruction } from "iced-x86";
import { INHERITED, type PlannedSection } from "./audit-plan.ts";
import { isPadding } from "./padding.ts";
import { BY_BYTE, BY_WORD, ENDS, JUMPS, LENGTH, plainLength, TAKES } from "./plain-length.ts";
import { lowerBound } from "./search.ts";
import type { Tally } from "./tally.ts";
import type { Trail } from "./trail.ts";

/** Bytes handed to the decoder at a time, so that its copy stays small. */
const CHUNK = 1024 * 1024;
/** Longest x86 instruction, bytes (Intel SDM vol. 2, 2.3.11). */
export const LONGEST = 15;

/** Labels between an instruction and the symbol of its function; compilers make a few. */
const FAR = 4096;

/** Instructions that let nothing through: returns, jumps, and those that are undefined by intent. `int n` comes back. */
const ENDING = /^(Ret|Iret|Sysret|Sysexit|Uiret|Jmp|Ud[012]|Int3$)/;

/** What an instruction of an iced code does to the flow, in the flags of plain-length. */
const FLOWS = new Uint16Array(8192);
for (const [name, code] of Object.entries(Code)) {
  if (typeof code !== "number") continue;
  if (/^(J|Loop)[a-z]+_rel8_64(_[ER]CX)?$/.test(name)) FLOWS[code] = BY_BYTE;
  else if (/^((J[a-z]+|Call)_rel32_64|Xbegin_rel32)$/.test(name)) FLOWS[code] = BY_WORD;
  else if (name === "Lea_r64_m") FLOWS[code] = TAKES;
  else if (name === "Jmp_rm64") FLOWS[code] = JUMPS;
  if (ENDING.test(name)) FLOWS[code] = (FLOWS[code] ?? 0) | ENDS;
}

/** What an instruction of this iced code does to the flow: flags of plain-length. */
export const flowOf = (code: number): number => FLOWS[code] ?? 0;

/**
 * The place that an instruction ending at `end` names, relative to the section; null where it names none.
 * @param flow flags of plain-length
 * @param base offset of the section in the bytes
 */
export function placeOf(bytes: Uint8Array, flow: number, base: number, end: number): number | null {
  const at = base + end;
  if ((flow & BY_BYTE) !== 0) return end + (((bytes[at - 1] ?? 0) << 24) >> 24);
  // lea counts only where its ModRM byte says "relative to the next instruction" (Intel SDM vol. 2, 2.2.1.6).
  if ((flow & TAKES) !== 0 && ((bytes[at - 5] ?? 0) & 0xc7) !== 5) return null;
  if ((flow & (BY_WORD | TAKES)) === 0) return null;
  return (
    end +
    ((bytes[at - 4] ?? 0) |
      ((bytes[at - 3] ?? 0) << 8) |
      ((bytes[at - 2] ?? 0) << 16) |
      ((bytes[at - 1] ?? 0) << 24))
  );
}

interface Sweep {
  bytes: Uint8Array;
  section: PlannedSection;
  index: number;
  tally: Tally;
  trail: Trail;
}

/** The class of the function around an offset, and where that function ends. */
function classAt({ starts, classes, ends }: PlannedSection, next: number, offset: number): [number, number] {
  if (!classes) return [0, 0];
  // What is not found within reason is in no function that is excused.
  for (let index = next; index >= Math.max(0, next - FAR); index--) {
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
  const { bytes, section, tally, trail } = work;
  const { starts, classes, range } = section;
  const instruction = new Instruction();
  let next = lowerBound(starts, from + 1);
  let [kind, kindEnd] = classAt(section, next - 1, from);
  let open = from;
  let done = from;
  while (done < to) {
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
      const quick = at <= plainLimit ? plainLength(bytes, start + at) : 0;
      let flow = quick;
      trail.begin(begun);
      if (quick > 0) {
        tally.plain[kind] = (tally.plain[kind] ?? 0) + 1;
        at += quick & LENGTH;
      } else {
        decoder.position = at;
        decoder.decodeOut(instruction);
        const { code } = instruction;
        at += count(work, instruction, kind, begun);
        flow = flowOf(code);
      }
      if ((flow & ~LENGTH) !== 0) {
        note(trail, bytes, flow, range.offset, begun, done + at);
        if ((flow & ENDS) !== 0) open = done + at;
      }
      if (done + at < (starts[next] ?? range.size)) continue;
      trail.settle();
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
  trail.settle();
  // The last instruction may reach into what nobody names: the flow goes on behind it.
  if (section.gaps[lowerBound(section.gapStarts, to)]?.[0] === to)
    trail.end(open, done, fallsThrough(work, open, done));
}

/**
 * True where the last instruction of [from, to) goes on behind it, padding aside. A call does not count: where nothing
 * but constants follows, what it calls does not come back.
 */
function fallsThrough({ bytes, section }: Sweep, from: number, to: number): boolean {
  const { offset } = section.range;
  const decoder = new Decoder(64, bytes.subarray(offset + from, offset + to), DecoderOptions.None);
  const instruction = new Instruction();
  let goesOn = false;
  for (let at = from; at < to; at += Math.max(instruction.length, 1)) {
    decoder.position = at - from;
    decoder.decodeOut(instruction);
    if (isPadding(bytes.subarray(offset + at, offset + to))) break;
    const { flowControl, code } = instruction;
    goesOn =
      code !== Code.INVALID && flowControl !== FlowControl.Call && flowControl !== FlowControl.IndirectCall;
  }
  instruction.free();
  decoder.free();
  return goesOn;
}

/**
 * Counts the instruction that was decoded.
 * @returns bytes to what follows: one where nothing can be executed, since the next may begin what is
 */
function count(
  { bytes, tally, trail, section, index }: Sweep,
  instruction: Instruction,
  kind: number,
  offset: number,
): number {
  if (instruction.code === Code.INVALID) {
    trail.stumble();
    const isNewer = tally.addUnknown(kind, bytes, section.range.offset + offset, index, offset);
    return isNewer ? Math.max(instruction.length, 1) : 1;
  }
  tally.add(kind, instruction, index, offset);
  return instruction.length;
}

/** Notes what an instruction from `begun` to `end` does to the flow; offsets in the section. */
function note(trail: Trail, bytes: Uint8Array, flow: number, base: number, begun: number, end: number): void {
  if ((flow & JUMPS) !== 0) trail.jump(begun);
  const place = placeOf(bytes, flow, base, end);
  if (place === null) return;
  if ((flow & TAKES) !== 0) trail.take(begun, place);
  else trail.branch(place);
}

/** Two readings of the same bytes, each counted, up to where they meet or to the end of the outer function. */
function both(
  work: Sweep,
  decoder: Decoder,
  instruction: Instruction,
  done: number,
  readings: [number, number],
  end: number,
): number {
  const { bytes, section, trail } = work;
  let [first, second] = readings;
  while (first !== second && Math.min(first, second) < end) {
    const at = Math.min(first, second);
    decoder.position = at - done;
    decoder.decodeOut(instruction);
    const [kind] = classAt(section, lowerBound(section.starts, at + 1) - 1, at);
    trail.begin(at);
    const after = at + count(work, instruction, kind, at);
    note(trail, bytes, flowOf(instruction.code), section.range.offset, at, after);
    if (at === first) first = after;
    else second = after;
  }
  return Math.max(Math.min(first, second), readings[1]);
}
