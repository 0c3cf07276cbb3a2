import { Code, Decoder, DecoderOptions, Instruction } from "iced-x86";
import type { AuditPlan, PlannedSection } from "./audit-plan.ts";
import type { Follower } from "./follow.ts";
import { plainLength } from "./plain-length.ts";
import { LONGEST } from "./sweep.ts";
import { Tally } from "./tally.ts";
import type { CodeMap } from "./trail.ts";

/** Bytes in an executable section that nobody names and that are no padding. */
interface Gap {
  section: PlannedSection;
  index: number;
  from: number;
  to: number;
}

/** What nothing leads to: code that is hidden, or data. */
export interface Unreached {
  /** Where it reads like code. */
  code: Tally;
  /** Where it reads like constants. */
  data: Tally;
  bytes: number;
}

/** Of constants read as instructions about one in twenty is none; of code none is. */
const DATA_SHARE = 1 / 100;

/** Offsets of a gap that nothing leads to, as [start, end) pairs. */
function* stretches(gap: Gap, follower: Follower): Generator<[number, number]> {
  let start = -1;
  for (let at = gap.from; at < gap.to; at++) {
    const isReached = follower.covers(gap.index, at);
    if (!isReached && start < 0) start = at;
    else if (isReached && start >= 0) {
      yield [start, at];
      start = -1;
    }
  }
  if (start >= 0) yield [start, gap.to];
}

/** True where a stretch, read from its beginning on, holds more that is no instruction than code does. */
function readsLikeData(
  decoder: Decoder,
  instruction: Instruction,
  base: number,
  all: [number, number][],
): boolean {
  let [read, invalid] = [0, 0];
  for (const [from, to] of all)
    for (let at = from; at < to; read++) {
      decoder.position = at - base;
      decoder.decodeOut(instruction);
      if (instruction.code === Code.INVALID) invalid++;
      at += Math.max(instruction.length, 1);
    }
  return invalid > read * DATA_SHARE;
}

/**
 * Reads what nothing leads to from any offset, since a computed address may be any.
 * @param follower has followed all that leads anywhere
 * @param known instructions that are counted already
 */
export function readUnreached(
  bytes: Uint8Array,
  { sections }: AuditPlan,
  follower: Follower,
  known: CodeMap,
): Unreached {
  const found: Unreached = { code: new Tally(1), data: new Tally(1), bytes: 0 };
  const instruction = new Instruction();
  for (const [index, section] of sections.entries()) {
    const gaps: [number, number][] = section.isLinear ? [[0, section.range.size]] : section.gaps;
    for (const [from, to] of gaps) {
      const all = [...stretches({ section, index, from, to }, follower)];
      if (all.length === 0) continue;
      const { offset, size } = section.range;
      const end = Math.min(offset + to + LONGEST, offset + size);
      const decoder = new Decoder(64, bytes.subarray(offset + from, end), DecoderOptions.None);
      const tally = readsLikeData(decoder, instruction, from, all) ? found.data : found.code;
      for (const [start, stop] of all) {
        if (!section.isLinear) found.bytes += stop - start;
        for (let at = start; at < stop; at++) {
          if (known.begins(index, at)) continue;
          if (at + LONGEST <= size && plainLength(bytes, offset + at) > 0) continue;
          decoder.position = at - from;
          decoder.decodeOut(instruction);
          if (instruction.code !== Code.INVALID) tally.add(0, instruction, index, at);
        }
      }
      decoder.free();
    }
  }
  instruction.free();
  return found;
}
