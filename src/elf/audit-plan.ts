import type { ElfFile } from "./elf.ts";
import type { CodeRange } from "./elf-format.ts";
import { isPadding } from "./padding.ts";

/** Who says that bytes are code. `unattributed`: nobody, in a section where others are named. */
export type Owner = "symbols" | "unwind" | "linear" | "padding" | "unattributed";

/** Bytes by who says that they are code. */
export type Coverage = Record<Owner, number>;

/** An executable section and what is known of its functions; offsets are from its beginning, bytes. */
export interface PlannedSection {
  range: CodeRange;
  /** Where functions begin, ascending. */
  starts: Float64Array;
  /** For each start, up to where functions reach that began before it. */
  reach: Float64Array;
  /** For each start, the class of its function (see {@link AuditPlan.classes}), null where all have none, and its end. */
  classes: Uint8Array | null;
  ends: Float64Array;
  /** What is swept as code: [start, end) pairs. */
  runs: [number, number][];
  /** What nobody owns and is no padding. */
  gaps: [number, number][];
  coverage: Coverage;
}

export interface AuditPlan {
  sections: PlannedSection[];
  /** Globs that a class of functions matches; the first class matches none. */
  classes: string[][];
}

/** Says which of the globs of run-time dispatch a function's name matches, as bits. */
export interface DispatchGlobs {
  globs: readonly string[];
  matches: (name: string) => number;
}

type Interval = [number, number];

/** Sorted intervals made into disjoint ones. */
function union(sorted: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const [start, end] of sorted) {
    const last = merged.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

/** What of [0, size) these disjoint intervals leave. */
function complement(intervals: readonly Interval[], size: number): Interval[] {
  const left: Interval[] = [];
  let at = 0;
  for (const [start, end] of intervals) {
    if (start > at) left.push([at, start]);
    at = Math.max(at, end);
  }
  if (at < size) left.push([at, size]);
  return left;
}

const total = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, [start, end]) => sum + end - start, 0);

/** The class of a label, or of what only unwind information names: that of the function around it. */
export const INHERITED = 255;

interface Claim {
  start: number;
  end: number;
  class: number;
}

/** The functions of a section; one without a size reaches to what is named next. */
function claimsOf(
  table: { starts: Float64Array; sizes: Float64Array },
  { address, size }: CodeRange,
  classOf: (index: number) => number,
): Claim[] {
  const base = Number(address);
  const { starts, sizes } = table;
  const claims: Claim[] = [];
  for (let index = 0; index < starts.length; index++) {
    const start = (starts[index] ?? 0) - base;
    if (start < 0 || start >= size) continue;
    const own = sizes[index] ?? 0;
    const kind = own === 0 ? INHERITED : classOf(index);
    claims.push({ start, end: own === 0 ? 0 : Math.min(start + own, size), class: kind });
  }
  for (let index = claims.length - 1, next = size; index >= 0; index--) {
    const claim = claims[index];
    if (!claim) continue;
    if (claim.end === 0) claim.end = Math.max(next, claim.start);
    if (claim.start < next) next = claim.start;
  }
  return claims;
}

function planSection(
  bytes: Uint8Array,
  elf: ElfFile,
  range: CodeRange,
  classOf: (index: number) => number,
): PlannedSection {
  const { size, offset } = range;
  const symbols = claimsOf(elf.functions, range, classOf);
  const unwind = claimsOf(elf.unwind, range, () => INHERITED);
  const base = Number(range.address);
  const objects = union(
    elf.objects
      .map(([start, end]): Interval => [Math.max(start - base, 0), Math.min(end - base, size)])
      .filter(([start, end]) => start < end),
  );
  const rank = (claim: Claim): number => (claim.class === INHERITED ? -1 : claim.class);
  const all = [...symbols, ...unwind].sort((a, b) => a.start - b.start || rank(b) - rank(a));
  const pairs = (claims: readonly Claim[]): Interval[] => claims.map(({ start, end }) => [start, end]);
  const data = complement(objects, size);
  const named = union(pairs(symbols).sort(([a], [b]) => a - b));
  const owned = union(pairs(all));
  const isLinear = all.length === 0;
  const unattributed = isLinear ? objects : complement(overlap(owned, data), size);
  const isBlank = ([start, end]: Interval): boolean =>
    isPadding(bytes.subarray(offset + start, offset + end));
  const gaps = unattributed.filter((gap) => !isBlank(gap));
  const coverage: Coverage = {
    symbols: total(overlap(named, data)),
    unwind: total(overlap(owned, data)) - total(overlap(named, data)),
    linear: isLinear ? size - total(unattributed) : 0,
    padding: total(unattributed) - total(gaps),
    unattributed: total(gaps),
  };
  return { range, ...starting(all, size), runs: complement(gaps, size), gaps, coverage };
}

/** What two lists of disjoint intervals have in common. */
function overlap(first: readonly Interval[], second: readonly Interval[]): Interval[] {
  const common: Interval[] = [];
  let other = 0;
  for (const [start, end] of first) {
    while ((second[other]?.[1] ?? Number.POSITIVE_INFINITY) <= start) other++;
    for (let index = other; (second[index]?.[0] ?? Number.POSITIVE_INFINITY) < end; index++) {
      const [from, to] = second[index] ?? [0, 0];
      common.push([Math.max(start, from), Math.min(end, to)]);
    }
  }
  return common;
}

function starting(
  claims: readonly Claim[],
  size: number,
): Pick<PlannedSection, "starts" | "reach" | "classes" | "ends"> {
  const distinct = claims.filter(({ start }, index) => start !== claims[index - 1]?.start);
  const starts = Float64Array.from([...distinct.map(({ start }) => start), size]);
  const reach = new Float64Array(starts.length);
  let [furthest, next] = [0, 0];
  for (let index = 0; index < starts.length; index++) {
    for (let claim = claims[next]; claim && claim.start < (starts[index] ?? 0); claim = claims[++next])
      furthest = Math.max(furthest, claim.end);
    reach[index] = furthest;
  }
  const classes = distinct.some((claim) => claim.class !== 0 && claim.class !== INHERITED)
    ? Uint8Array.from([...distinct.map((claim) => claim.class), 0])
    : null;
  return { starts, reach, classes, ends: Float64Array.from([...distinct.map(({ end }) => end), size]) };
}

/** Functions by the globs they match: classes, and the class of each function. */
function classify(elf: ElfFile, dispatch: DispatchGlobs): Pick<AuditPlan, "classes"> & { of: Uint8Array } {
  const classes: string[][] = [[]];
  const byMask = new Map<number, number>([[0, 0]]);
  const { functions } = elf;
  const of = new Uint8Array(functions.length);
  if (dispatch.globs.length === 0) return { classes, of };
  for (let index = 0; index < functions.length; index++) {
    const name = functions.nameOf(index);
    const mask = name === null ? 0 : dispatch.matches(name);
    let known = byMask.get(mask);
    if (known === undefined && classes.length < INHERITED) {
      known = classes.length;
      byMask.set(mask, known);
      classes.push(dispatch.globs.filter((_glob, bit) => (mask & (1 << bit)) !== 0));
    }
    of[index] = known ?? 0;
  }
  return { classes, of };
}

/**
 * Divides a library's code into what a symbol table names, what unwind information describes, and the rest.
 * @param dispatch the globs of functions whose instructions are counted apart
 */
export function planAudit(bytes: Uint8Array, elf: ElfFile, dispatch: DispatchGlobs): AuditPlan {
  const { classes, of } = classify(elf, dispatch);
  const sections = elf.code.map((range) => planSection(bytes, elf, range, (index) => of[index] ?? 0));
  return { sections, classes };
}
