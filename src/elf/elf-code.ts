import { FormatError } from "../wheel/format-error.ts";
import { type CodeRange, PT_LOAD, type Reader, type Section, type Segment } from "./elf-format.ts";

const PF_X = 1;
const SHT_NULL = 0;
const SHT_NOBITS = 8;
const SHF_EXECINSTR = 4;
/** Linkers make about ten. */
const MOST_CODE_SECTIONS = 1024;
/** Stretches between padding that are told apart; beyond that the padding is read as well. */
const MOST_ISLANDS = 256;
/** Sections called data in one executable segment; older linkers put about twenty there. */
const MOST_INSIDE = 1024;
const MOST_EXECUTABLE = 16;
/** Loaders map whole pages: what shares one with code can be run as well (gABI, "Program Loading"). */
const PAGE = 4096;

interface Span {
  start: number;
  end: number;
}

/** The parts of a span that none of the others covers, in order. */
function uncovered(span: Span, others: readonly Span[]): Span[] {
  const gaps: Span[] = [];
  let at = span.start;
  for (const { start, end } of others.toSorted((a, b) => a.start - b.start)) {
    if (start > at && at < span.end) gaps.push({ start: at, end: Math.min(start, span.end) });
    at = Math.max(at, end);
  }
  if (at < span.end) gaps.push({ start: at, end: span.end });
  return gaps;
}

const isPadding = (byte: number | undefined): boolean => byte === 0 || byte === 0xcc || byte === 0x90;

/** Longest x86 instruction, bytes (Intel SDM vol. 2, 2.3.11): no instruction spans more padding than that. */
const LONGEST = 15;

/**
 * Stretches between runs of padding. Each begins at a byte that is none, so that padding read as instructions can't
 * swallow the first of those that follow.
 */
function islands(bytes: Uint8Array, { start, end }: Span): Span[] {
  const found: Span[] = [];
  for (let at = start; at < end; at++) {
    if (isPadding(bytes[at])) continue;
    const last = found.at(-1);
    if (last && at - last.end <= LONGEST) last.end = at + 1;
    else found.push({ start: at, end: at + 1 });
    if (found.length > MOST_ISLANDS) return [{ start, end }];
  }
  return found.map((span) => ({ start: span.start, end: Math.min(span.end + LONGEST, end) }));
}

const spanOf = ({ offset, size }: CodeRange | Section): Span => ({ start: offset, end: offset + size });

/** A stretch that the loader maps executable, by pages. */
interface Mapping extends Span {
  /** Virtual address less file offset. */
  shift: number;
}

function executableMappings(file: Reader, segments: readonly Segment[]): Mapping[] {
  return segments.flatMap(({ type, flags, offset, address, fileSize }) => {
    if (type !== PT_LOAD || (flags & PF_X) === 0 || fileSize === 0) return [];
    file.guard(offset, fileSize, "executable segment");
    const end = Math.min(Math.ceil((offset + fileSize) / PAGE) * PAGE, file.bytes.length);
    return [{ start: Math.floor(offset / PAGE) * PAGE, end, shift: address - offset }];
  });
}

/**
 * What of a library can be run. The loader goes by segments and never looks at sections, so a forged or stripped
 * section table must hide nothing: what is mapped executable and no section names is code. Only in a segment where
 * sections are called data it is told apart, since older linkers put constants and code into one segment.
 * @returns `executableData`: stretches that are mapped executable although the section table calls them data
 * @throws FormatError for a stretch outside the file
 */
export function codeRanges(
  file: Reader,
  segments: readonly Segment[],
  sections: readonly Section[],
  nameOf: (section: Section) => string,
): { code: CodeRange[]; executableData: CodeRange[] } {
  const present = sections.filter(({ type, size }) => type !== SHT_NULL && type !== SHT_NOBITS && size > 0);
  const code: CodeRange[] = present
    .filter(({ flags }) => (flags & SHF_EXECINSTR) !== 0)
    .map((section) => ({
      name: nameOf(section),
      address: section.address,
      offset: section.offset,
      size: section.size,
    }));
  const data = present.filter(({ flags }) => (flags & SHF_EXECINSTR) === 0);
  // Each of these bounds ends a way to make a reader work for hours on a small file.
  if (code.length > MOST_CODE_SECTIONS)
    throw new FormatError(
      "code sections",
      `${code.length} of them, more than the ${MOST_CODE_SECTIONS} that are read`,
    );
  const named = code.map(spanOf).sort((a, b) => a.start - b.start);
  const headers = { start: 0, end: sections.length > 0 ? 64 + segments.length * 56 : 0 };
  const executableData: CodeRange[] = [];
  const mappings = executableMappings(file, segments);
  if (mappings.length > MOST_EXECUTABLE)
    throw new FormatError("program headers", `${mappings.length} executable segments`);
  for (const mapping of mappings) {
    const range = (name: string, { start, end }: Span): CodeRange => ({
      name,
      address: BigInt(start + mapping.shift),
      offset: start,
      size: end - start,
    });
    const inside = data
      .map((section) => ({ section, span: spanOf(section) }))
      .filter(({ span }) => span.start < mapping.end && span.end > mapping.start);
    if (inside.length > MOST_INSIDE)
      throw new FormatError("section headers", `${inside.length} sections in an executable segment`);
    // patchelf moves tables out of a mixed segment and leaves what they held, under no name.
    const unnamed = inside.length > 0 ? executableData : code;
    for (const gap of uncovered(mapping, [...named, headers, ...inside.map(({ span }) => span)]))
      unnamed.push(...islands(file.bytes, gap).map((island) => range("(no section)", island)));
    const parts = [
      { name: "(headers)", span: headers },
      ...inside.map(({ section, span }) => ({ name: nameOf(section), span })),
    ];
    for (const { name, span } of parts) {
      const mapped = { start: Math.max(span.start, mapping.start), end: Math.min(span.end, mapping.end) };
      executableData.push(...uncovered(mapped, named).map((part) => range(name, part)));
    }
  }
  for (const { name, offset, size } of code) file.guard(offset, size, `code section ${name}`);
  if (code.reduce((sum, { size }) => sum + size, 0) > file.bytes.length)
    throw new FormatError("code sections", "they overlap");
  return { code, executableData };
}
