import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import {
  type AuditPlan,
  type Coverage,
  type DispatchGlobs,
  type Owner,
  type PlannedSection,
  planAudit,
} from "./audit-plan.ts";
import { codeSha256 } from "./code-digest.ts";
import type { ElfFile } from "./elf.ts";
import { followGaps, gapAddresses, gapsMatter, pointersInto } from "./gaps.ts";
import { LONGEST, sweep, type Targets } from "./sweep.ts";
import { BASELINE, type Count, SAMPLES, Tally } from "./tally.ts";

/** A place where a feature is used. */
export interface Sample {
  feature: string;
  address: string;
  /** The function; null where none is named. */
  symbol: string | null;
  /** Its name as the symbol table spells it, where that differs. */
  mangled?: string;
  instruction: string;
  /** The globs of run-time dispatch that the function matches, where there are any. */
  dispatch?: string[];
}

/** How much of a section, or of a library, was found to be code by whom; bytes. */
export interface SectionCoverage extends Coverage {
  name: string;
}

/** Instructions inside functions that match globs of run-time dispatch. */
export interface DispatchedCount {
  /** The globs that these functions match, all of them. */
  symbols: string[];
  found: Record<string, number>;
}

/** What bytes that nobody names would be as instructions; the baseline left out. */
export interface Unattributed {
  bytes: number;
  /** Where the bytes read like code. */
  found: Record<string, number>;
  /** Where they read like constants. */
  data: Record<string, number>;
  /** Of `found`. */
  samples: Sample[];
}

/** Machine code by ISA feature. */
export interface ElfAudit {
  /**
   * Who named most of the code: `symbols` (a symbol table), `unwind` (unwind information), or nobody (`linear`: a sweep
   * over the section from its beginning).
   */
  method: "symbols" | "unwind" | "linear";
  coverage: Coverage;
  sections: SectionCoverage[];
  bytes: number;
  instructions: number;
  /** Byte sequences that are no instruction. */
  invalid: number;
  /** Instructions per feature in cpuinfo spelling; one with two features counts for both. */
  found: Record<string, number>;
  /** Those of them inside functions that the manifest's globs name. */
  dispatched: DispatchedCount[];
  samples: Sample[];
  /** Bytes that nobody names and nothing leads to: data, or code that is hidden. */
  unattributed: Unattributed;
  /** SHA-256 over the bytes of all executable sections: equal for libraries with the same machine code. */
  codeSha256: string;
}

/** A part of a library's code that one worker decodes; plain data. */
export interface Piece {
  section: number;
  runs: [number, number][];
}

/** All that decoding needs; plain data. */
export interface PreparedAudit {
  plan: AuditPlan;
  /** Gaps that must be told from data, absolute addresses; null where none matters. */
  gaps: [number, number][] | null;
}

/** What a piece held; plain data. */
export interface PieceResult {
  counts: Count[];
  branches: number[];
  pointers: number[];
}

/** Plans the audit of an x86-64 library. */
export function prepareAudit(bytes: Uint8Array, elf: ElfFile, dispatch: DispatchGlobs): PreparedAudit {
  const plan = planAudit(bytes, elf, dispatch);
  return { plan, gaps: gapsMatter(bytes, plan) ? gapAddresses(plan) : null };
}

/** Where a run can be cut so that both parts decode as the whole does: functions begin there, and none goes on. */
function cuts({ starts, reach }: PlannedSection, [from, to]: [number, number], size: number): number[] {
  const found: number[] = [];
  let last = from;
  for (let index = 0; index < starts.length; index++) {
    const start = starts[index] ?? 0;
    if (start - last < size || start >= to) continue;
    if ((reach[index] ?? 0) > start) continue;
    found.push(start);
    last = start;
  }
  return found;
}

/** Divides the work. @param size bytes of code that a piece should have at least */
export function piecesOf({ plan }: PreparedAudit, size: number): Piece[] {
  return plan.sections.flatMap((planned, section) => {
    const pieces: Piece[] = [];
    let room = 0;
    const put = (run: [number, number]): void => {
      const last = pieces.at(-1);
      if (last && room > 0) last.runs.push(run);
      else {
        pieces.push({ section, runs: [run] });
        room = size;
      }
      room -= run[1] - run[0];
    };
    for (const run of planned.runs) {
      const bounds = [run[0], ...cuts(planned, run, size), run[1]];
      for (const [index, start] of bounds.slice(0, -1).entries()) put([start, bounds[index + 1] ?? start]);
    }
    return pieces;
  });
}

/** Decodes a piece. */
export function auditPiece(bytes: Uint8Array, { plan, gaps }: PreparedAudit, piece: Piece): PieceResult {
  const section = plan.sections[piece.section];
  const tally = new Tally(plan.classes.length);
  const targets: Targets | null = gaps && { gaps, branches: new Set(), pointers: new Set() };
  if (section) {
    for (const [from, to] of piece.runs)
      sweep({ bytes, section, index: piece.section, tally, targets }, from, to);
  }
  return {
    counts: tally.result(),
    branches: [...(targets?.branches ?? [])],
    pointers: [...(targets?.pointers ?? [])],
  };
}

function disassemble(bytes: Uint8Array, position: number, address: bigint): string {
  const decoder = new Decoder(64, bytes.subarray(position, position + LONGEST), DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Intel);
  decoder.ip = address;
  const instruction = decoder.decode();
  const text = formatter.format(instruction);
  for (const owned of [instruction, formatter, decoder]) owned.free();
  return text;
}

const byName = (found: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));

function featureSums(counts: readonly Count[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { features, count, isInvalid } of counts) {
    if (isInvalid) continue;
    for (const feature of features) sums.set(feature, (sums.get(feature) ?? 0) + count);
  }
  return byName(sums);
}

function beyondBaseline(counts: readonly Count[]): Record<string, number> {
  const { [BASELINE]: _baseline, ...odd } = featureSums(counts);
  return odd;
}

/** The first places of each feature in each class of functions. */
function samplesOf(bytes: Uint8Array, elf: ElfFile, plan: AuditPlan, counts: readonly Count[]): Sample[] {
  const places = new Map<string, { feature: string; class: number; address: bigint; position: number }[]>();
  for (const { class: kind, features, isInvalid, first } of counts) {
    for (const feature of isInvalid ? [] : features) {
      if (feature === BASELINE) continue;
      const key = `${feature} ${kind}`;
      const known = places.get(key) ?? [];
      for (const { section, offset } of first) {
        const range = plan.sections[section]?.range;
        if (!range) continue;
        const address = range.address + BigInt(offset);
        known.push({ feature, class: kind, address, position: range.offset + offset });
      }
      places.set(key, known);
    }
  }
  return [...places.values()].flatMap((found) =>
    found
      .sort((a, b) => (a.address < b.address ? -1 : 1))
      .slice(0, SAMPLES)
      .map((place) => {
        const globs = plan.classes[place.class] ?? [];
        return {
          feature: place.feature,
          address: `0x${place.address.toString(16)}`,
          symbol: elf.functions.nameAt(Number(place.address)),
          instruction: disassemble(bytes, place.position, place.address),
          ...(globs.length > 0 ? { dispatch: globs } : {}),
        };
      }),
  );
}

const OWNERS: readonly Owner[] = ["symbols", "unwind", "linear", "padding", "unattributed"];

function sum(all: readonly Coverage[]): Coverage {
  const whole: Coverage = { symbols: 0, unwind: 0, linear: 0, padding: 0, unattributed: 0 };
  for (const one of all) for (const owner of OWNERS) whole[owner] += one[owner];
  return whole;
}

/** Puts the pieces together. @param results of all pieces, in their order */
export function finishAudit(
  bytes: Uint8Array,
  elf: ElfFile,
  { plan, gaps }: PreparedAudit,
  results: readonly PieceResult[],
): ElfAudit {
  const counts = results.flatMap((result) => result.counts);
  const coverage = sum(plan.sections.map((section) => section.coverage));
  const unattributed: Unattributed = { bytes: coverage.unattributed, found: {}, data: {}, samples: [] };
  if (gaps) {
    const tallies = followGaps(bytes, plan, {
      gaps,
      branches: new Set(results.flatMap((result) => result.branches)),
      pointers: new Set([
        ...results.flatMap((result) => result.pointers),
        ...pointersInto(bytes, plan, gaps),
      ]),
    });
    counts.push(...tallies.reached.result());
    const unreached = tallies.unreached.result();
    unattributed.bytes -= tallies.reachedBytes;
    unattributed.found = beyondBaseline(unreached);
    unattributed.data = beyondBaseline(tallies.data.result());
    unattributed.samples = samplesOf(bytes, elf, plan, unreached);
  }
  const isMethod = (owner: Owner): owner is ElfAudit["method"] =>
    owner !== "padding" && owner !== "unattributed";
  const method = OWNERS.filter(isMethod).reduce((best, one) => (coverage[one] > coverage[best] ? one : best));
  return {
    method,
    coverage,
    sections: plan.sections.map(({ range, coverage: own }) => ({ name: range.name, ...own })),
    bytes: elf.code.reduce((all, { size }) => all + size, 0),
    instructions: counts.reduce((all, { count, isInvalid }) => all + (isInvalid ? 0 : count), 0),
    invalid: counts.reduce((all, { count, isInvalid }) => all + (isInvalid ? count : 0), 0),
    found: featureSums(counts),
    dispatched: plan.classes.slice(1).map((symbols, index) => ({
      symbols,
      found: featureSums(counts.filter((count) => count.class === index + 1)),
    })),
    samples: samplesOf(bytes, elf, plan, counts),
    unattributed,
    codeSha256: codeSha256(bytes, elf),
  };
}

/** Decodes all code of an x86-64 library and counts instructions by the CPUID feature they need. */
export function auditElf(bytes: Uint8Array, elf: ElfFile, dispatch: DispatchGlobs): ElfAudit {
  const prepared = prepareAudit(bytes, elf, dispatch);
  const pieces = piecesOf(prepared, Number.POSITIVE_INFINITY);
  return finishAudit(
    bytes,
    elf,
    prepared,
    pieces.map((piece) => auditPiece(bytes, prepared, piece)),
  );
}
