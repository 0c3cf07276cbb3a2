import { FormatError } from "./format-error.ts";
import { type EntryPlace, inflateWhole } from "./inflate.ts";
import {
  Bytes,
  type Central,
  type Directory,
  FLAG_DESCRIPTOR,
  findDirectory,
  readCentral,
  readLocal,
  type Span,
} from "./zip-format.ts";

/** Bounds on what is believed and inflated. */
export interface ZipLimits {
  entries: number;
  /** Inflated bytes of one entry. */
  entryBytes: number;
  /** Inflated bytes of all entries. */
  totalBytes: number;
  /** Inflated size per compressed byte; deflate itself can't exceed 1032. */
  ratio: number;
}

/** Room for the largest wheels there are (about 3 GiB of CUDA libraries), not for bombs. */
export const ZIP_LIMITS: ZipLimits = {
  entries: 65_535,
  entryBytes: 4 * 1024 ** 3,
  totalBytes: 8 * 1024 ** 3,
  ratio: 1100,
};

/** Below this an odd ratio harms nobody: a file of blanks compresses well. */
const RATIO_FREE_BYTES = 1024 ** 2;

export interface ZipEntry extends EntryPlace {
  isFolder: boolean;
  /** Unix mode bits, 0 where the archive has none. */
  mode: number;
  /** True where sizes and CRC follow the data, so that a reader going forward can't know them. */
  isStreamed: boolean;
  /** Bytes of its comment. */
  comment: number;
  /** The content, inflated; size and CRC are checked. @throws FormatError */
  read(): Uint8Array;
}

export interface ZipProblem {
  entry: string | null;
  problem: string;
}

export interface ZipInspection {
  /** Entries that can be read; null where there is no archive at all. */
  entries: ZipEntry[] | null;
  problems: ZipProblem[];
}

/** Encrypted, strongly encrypted, directory masked (APPNOTE 4.4.4). */
const FLAGS_ENCRYPTED = 0x1 | 0x40 | 0x2000;
/** Deflate's options, a data descriptor, UTF-8: all that readers of wheels know of (APPNOTE 4.4.4). */
const FLAGS_KNOWN = 0x2 | 0x4 | FLAG_DESCRIPTOR | 0x800;
/** APPNOTE 6.3 brought the newest thing that Python's zipfile knows. */
const NEWEST_VERSION = 63;
const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

/** Why a name must not be written to disk; null for a good one. */
export function unsafeName(name: string): string | null {
  if (name === "") return "it is empty";
  if (name.includes("\0")) return "it holds a NUL";
  if (name.includes("\\")) return "it holds a backslash";
  if (name.startsWith("/") || /^[A-Za-z]:/.test(name)) return "it is absolute";
  const parts = name.replace(/\/$/, "").split("/");
  if (parts.includes("..") || parts.includes(".")) return "it leaves the folder it is unpacked in";
  if (parts.includes("")) return "it has an empty part";
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(name)) return "it holds a character that does not show";
  if (name !== name.normalize("NFC")) return "it is not in Unicode's composed form (NFC)";
  return null;
}

function makeEntry(file: Bytes, central: Central, data: number): ZipEntry {
  const { name, size, compressed } = central;
  const place: EntryPlace = {
    name,
    method: central.method === 0 ? "stored" : "deflate",
    offset: data,
    compressedSize: compressed,
    size,
    crc32: central.crc,
  };
  return {
    ...place,
    isFolder: name.endsWith("/"),
    mode: central.mode & 0o7777,
    isStreamed: (central.flags & FLAG_DESCRIPTOR) !== 0,
    comment: central.comment,
    read: () => inflateWhole(file.bytes, place),
  };
}

function entryProblem(central: Central, limits: ZipLimits): string | null {
  const unsafe = unsafeName(central.name);
  if (unsafe) return `unsafe name: ${unsafe}`;
  if (central.flags & FLAGS_ENCRYPTED) return "it is encrypted";
  if (central.method !== 0 && central.method !== 8)
    return `compression method ${central.method} is not deflate`;
  const type = central.mode & S_IFMT;
  if (type === S_IFLNK) return "it is a symbolic link";
  if (type !== 0 && type !== S_IFREG && type !== S_IFDIR) return "it is no regular file";
  if (central.size > limits.entryBytes) return `it inflates to ${central.size} bytes`;
  if (central.size > RATIO_FREE_BYTES && central.size > central.compressed * limits.ratio)
    return "its ratio is that of a bomb";
  if (central.method === 0 && central.size !== central.compressed) return "stored, but its two sizes differ";
  if (central.name.endsWith("/") && central.size > 0) return "a folder with content";
  if ((central.flags & ~FLAGS_KNOWN) !== 0)
    return `it has the flags 0x${central.flags.toString(16)}, which readers don't know`;
  if ((central.version & 0xff) > NEWEST_VERSION)
    return `it needs version ${central.version} of the format, which readers don't know`;
  if (central.disk !== 0) return "it starts on another disk";
  return null;
}

/** Two names that one file system or another takes for the same. */
const folded = (name: string): string => name.normalize("NFC").toLowerCase();

/**
 * Reads an archive and collects what is wrong with it; nothing is inflated yet.
 * Source: PKWARE APPNOTE 6.3.10; the index's own rules on ambiguous zips (PyPI blog, 2025-08-07, "ZIP parser
 * confusion attacks"): no gaps, no overlaps, local headers equal to the directory.
 */
export function inspectZip(bytes: Uint8Array, limits: ZipLimits = ZIP_LIMITS): ZipInspection {
  const problems: ZipProblem[] = [];
  const file = new Bytes(bytes);
  let centrals: Central[];
  let directory: Directory;
  try {
    directory = findDirectory(file);
    if (directory.count > limits.entries) throw new FormatError("archive", `${directory.count} entries`);
    centrals = readCentral(file, directory);
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return { entries: null, problems: [{ entry: null, problem: `${thrown.where}: ${thrown.problem}` }] };
  }
  const seen = new Map<string, string>();
  const spans: (Span & { name: string })[] = [];
  const entries: ZipEntry[] = [];
  let total = 0;
  for (const central of centrals) {
    const report = (problem: string): number => problems.push({ entry: central.name, problem });
    const twin = seen.get(folded(central.name));
    if (twin !== undefined)
      report(twin === central.name ? "it is there twice" : `it differs from ${twin} only in case or form`);
    seen.set(folded(central.name), central.name);
    total += central.size;
    const problem = entryProblem(central, limits);
    if (problem) {
      report(problem);
      continue;
    }
    try {
      const span = readLocal(file, central);
      spans.push({ ...span, name: central.name });
      entries.push(makeEntry(file, central, span.data));
    } catch (thrown) {
      if (!(thrown instanceof FormatError)) throw thrown;
      report(thrown.problem);
    }
  }
  if (total > limits.totalBytes)
    problems.push({ entry: null, problem: `it inflates to ${total} bytes in all` });
  if (problems.length === 0) problems.push(...gapsAndOverlaps(spans, directory.offset));
  return { entries, problems };
}

function gapsAndOverlaps(spans: (Span & { name: string })[], directory: number): ZipProblem[] {
  let at = 0;
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    if (span.start < at) return [{ entry: span.name, problem: "it overlaps the entry before it" }];
    if (span.start > at)
      return [{ entry: span.name, problem: `there are ${span.start - at} hidden bytes before it` }];
    at = span.end;
  }
  return at === directory
    ? []
    : [{ entry: null, problem: `there are ${directory - at} hidden bytes before the directory` }];
}

/** The entries of an archive that has no problem. @throws FormatError */
export function readZip(bytes: Uint8Array, limits: ZipLimits = ZIP_LIMITS): ZipEntry[] {
  const { entries, problems } = inspectZip(bytes, limits);
  const [first] = problems;
  if (first || !entries) throw new FormatError(first?.entry ?? "archive", first?.problem ?? "unreadable");
  return entries;
}
