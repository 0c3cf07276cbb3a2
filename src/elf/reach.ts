import type { AuditPlan } from "./audit-plan.ts";
import type { CodeRange } from "./elf-format.ts";
import type { Entries } from "./entries.ts";
import { Follower } from "./follow.ts";
import { readUnreached, type Unreached } from "./gaps.ts";
import { lowerBound } from "./search.ts";
import { Tally } from "./tally.ts";
import { CodeMap, type Leads, type Marked } from "./trail.ts";

/** What leads into code from outside of it; plain data. */
export interface Surroundings {
  entries: Entries;
  /** What is mapped executable and called data. */
  executableData: CodeRange[];
  /** What a loader maps, and where. */
  loads: readonly { address: number; offset: number; size: number }[];
}

/** What the sweep of a library's code left open. */
export interface Swept {
  marked: Marked[];
  leads: Leads[];
}

/** What was found beside what a sweep from function to function reads. */
export interface Reached {
  /** Code that something leads to. */
  code: Tally;
  unreached: Unreached;
}

/** Entries of a table of jumps that are believed; compilers' largest have some thousand. */
const MOST_IN_TABLE = 16_384;

/** Where tables of jumps lead: offsets of four bytes from the table's own beginning, as compilers make them for PIC. */
function* tabled(
  bytes: Uint8Array,
  { loads }: Surroundings,
  tables: readonly number[],
  isCode: (address: number) => boolean,
): Generator<number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sorted = Float64Array.from(new Set(tables)).sort();
  for (const [index, table] of sorted.entries()) {
    const load = loads.find(({ address, size }) => table >= address && table + 4 <= address + size);
    if (!load) continue;
    const start = load.offset + table - load.address;
    const room = Math.min(
      (sorted[index + 1] ?? Number.POSITIVE_INFINITY) - table,
      load.address + load.size - table,
    );
    for (let at = 0; at + 4 <= room && at < MOST_IN_TABLE * 4; at += 4) {
      const target = table + view.getInt32(start + at, true);
      if (!isCode(target)) break;
      yield target;
    }
  }
}

/** Says whether an address lies in bytes that nobody names; null where there are none. */
function gapTest({ sections }: AuditPlan): ((address: number) => boolean) | null {
  const gaps = sections
    .flatMap(({ range, gaps: own }) =>
      own.map(([from, to]): [number, number] => [Number(range.address) + from, Number(range.address) + to]),
    )
    .sort(([a], [b]) => a - b);
  if (gaps.length === 0) return null;
  const starts = Float64Array.from(gaps, ([start]) => start);
  const ends = Float64Array.from(gaps, ([, end]) => end);
  const [lowest, highest] = [starts[0] ?? 0, ends.at(-1) ?? 0];
  return (address) => {
    if (address < lowest || address >= highest) return false;
    return address < (ends[lowerBound(starts, address + 1) - 1] ?? 0);
  };
}

/** The bytes by fours, as x86-64 has them, and so does whoever reads this. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2);
}

/**
 * Words outside of code that are an address in a gap: tables of functions, and the loader's own lists. What no loader
 * maps, such as a symbol table, leads nowhere.
 */
function pointersInto(
  bytes: Uint8Array,
  { sections }: AuditPlan,
  { loads }: Surroundings,
  inGap: (address: number) => boolean,
): Set<number> {
  const found = new Set<number>();
  const words = wordsOf(bytes);
  const code = sections.map(({ range }) => range).toSorted((a, b) => a.offset - b.offset);
  for (const load of loads) {
    const end = Math.min(load.offset + load.size, bytes.length);
    let at = (load.offset + 7) & ~7;
    const within = code.filter(({ offset, size }) => offset < end && offset + size > load.offset);
    for (const { offset, size } of [...within, { offset: end, size: 0 }]) {
      for (; at + 8 <= offset; at += 8) {
        const address = (words[(at >> 2) + 1] ?? 0) * 2 ** 32 + (words[at >> 2] ?? 0);
        if (inGap(address)) found.add(address);
      }
      at = Math.max(at, (offset + size + 7) & ~7);
    }
  }
  return found;
}

/**
 * Follows the flow of control from every place that a loader, a relocation, a branch, a table of jumps or an address
 * leads to, into whatever the sweep did not read as beginning there; and reads what is left from any offset.
 * @throws FormatError where there is more to follow than honest code has
 */
export function reachFrom(
  bytes: Uint8Array,
  plan: AuditPlan,
  around: Surroundings,
  { marked, leads }: Swept,
  readsAll: boolean,
): Reached {
  const known = new CodeMap(marked);
  const code = new Tally(1);
  const ranges = [...plan.sections.map(({ range }) => range), ...around.executableData];
  const isLinear = ranges.map((_range, index) => plan.sections[index]?.isLinear ?? false);
  const follower = new Follower(bytes, ranges, isLinear, known, code);
  const baseOf = (section: number): number => Number(plan.sections[section]?.range.address ?? 0);
  const absolute = (pick: (one: Leads) => readonly number[]): number[] =>
    leads.flatMap((one) => {
      const base = baseOf(one.section);
      return pick(one).map((offset) => base + offset);
    });
  const strong = absolute((one) => one.branches);
  for (const address of around.entries.called) strong.push(address);
  // Whoever falls or jumps into a function, it begins where it is named.
  for (const { section, doubtful } of marked)
    for (const [start] of doubtful) strong.push(baseOf(section) + start);
  // What is pointed to and called data mostly is; it is read as code beside this, from its beginning on.
  const isVeiled = (address: number): boolean =>
    (follower.placeOf(address)?.index ?? 0) >= plan.sections.length;
  for (const address of around.entries.taken) if (!isVeiled(address)) strong.push(address);
  const inGap = gapTest(plan);
  // A table's end is not known. Where it leads to code that has an owner, its targets were read with that.
  if (inGap) {
    const tables = absolute((one) => one.tables);
    const isCode = (address: number): boolean => follower.placeOf(address) !== null;
    for (const address of tabled(bytes, around, tables, isCode)) if (inGap(address)) strong.push(address);
  }
  const tails = leads.flatMap((one) => {
    const base = baseOf(one.section);
    return one.tails.map(({ from, to, isLive }) => ({ from: base + from, to: base + to, isLive }));
  });
  const sorted = Float64Array.from(strong).sort();
  for (const { from, to, isLive } of tails) {
    const led = sorted[lowerBound(sorted, from)] ?? Number.POSITIVE_INFINITY;
    if (isLive || led < to) strong.push(to);
  }
  for (const address of strong) follower.follow(address);
  for (const address of absolute((one) => one.pointers)) follower.follow(address);
  if (inGap) for (const address of pointersInto(bytes, plan, around, inGap)) follower.follow(address);
  // In order, since the decoder takes a stretch at a time; constants lead to a million places.
  for (const address of Float64Array.from(absolute((one) => one.doubtful)).sort())
    if (follower.readsLikeCode(address)) follower.follow(address);
  const unreached = readsAll
    ? readUnreached(bytes, plan, follower, known)
    : { code: new Tally(1), data: new Tally(1), bytes: 0 };
  follower.free();
  return { code, unreached };
}
