import { crc32, inflateRawSync } from "node:zlib";
import { FormatError } from "./format-error.ts";

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

export interface ZipEntry {
  name: string;
  isFolder: boolean;
  method: "stored" | "deflate";
  /** Bytes. */
  compressedSize: number;
  /** Bytes, inflated. */
  size: number;
  crc32: number;
  /** Unix mode bits, 0 where the archive has none. */
  mode: number;
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

const EOCD = 0x06054b50;
const EOCD64_LOCATOR = 0x07064b50;
const EOCD64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const EOCD_SIZE = 22;
const FLAG_ENCRYPTED = 0x1;
const FLAG_DESCRIPTOR = 0x8;
const FLAG_UTF8 = 0x800;
const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

interface Directory {
  offset: number;
  size: number;
  count: number;
  /** Where the end records begin: nothing but the directory may touch them. */
  end: number;
}

/** A little-endian view that answers an out-of-bounds read with a FormatError. */
class Bytes {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  #guard(offset: number, length: number): void {
    if (offset < 0 || offset + length > this.bytes.length)
      throw new FormatError(`offset ${offset}`, "the archive ends here");
  }
  u16(offset: number): number {
    this.#guard(offset, 2);
    return this.#view.getUint16(offset, true);
  }
  u32(offset: number): number {
    this.#guard(offset, 4);
    return this.#view.getUint32(offset, true);
  }
  u64(offset: number): number {
    this.#guard(offset, 8);
    const value = this.#view.getBigUint64(offset, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new FormatError(`offset ${offset}`, "absurd 64-bit size");
    return Number(value);
  }
  slice(offset: number, length: number): Uint8Array {
    this.#guard(offset, length);
    return this.bytes.subarray(offset, offset + length);
  }
}

function findDirectory(file: Bytes): Directory {
  const { bytes } = file;
  const lowest = Math.max(0, bytes.length - EOCD_SIZE - 0xffff);
  for (let at = bytes.length - EOCD_SIZE; at >= lowest; at--) {
    if (file.u32(at) !== EOCD) continue;
    // A comment, or anything behind the directory, is where a second archive hides from a reader that scans forward.
    if (at + EOCD_SIZE !== bytes.length)
      throw new FormatError("end of archive", "there are bytes behind the end record");
    if (file.u16(at + 4) !== 0 || file.u16(at + 6) !== 0)
      throw new FormatError("end of archive", "the archive is split");
    const count = file.u16(at + 10);
    if (count !== file.u16(at + 8)) throw new FormatError("end of archive", "the two entry counts differ");
    const [size, offset] = [file.u32(at + 12), file.u32(at + 16)];
    if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff) return directory64(file, at);
    return { offset, size, count, end: at };
  }
  throw new FormatError("archive", "it is no zip file (there is no end record)");
}

/** APPNOTE 4.3.14 and 4.3.15. */
function directory64(file: Bytes, eocd: number): Directory {
  const locator = eocd - 20;
  if (locator < 0 || file.u32(locator) !== EOCD64_LOCATOR)
    throw new FormatError("end of archive", "zip64 locator is missing");
  const at = file.u64(locator + 8);
  if (file.u32(at) !== EOCD64 || at + 56 !== locator)
    throw new FormatError("end of archive", "zip64 end record is misplaced");
  return { count: file.u64(at + 32), size: file.u64(at + 40), offset: file.u64(at + 48), end: at };
}

/** Why a name must not be written to disk; null for a good one. */
export function unsafeName(name: string): string | null {
  if (name === "") return "it is empty";
  if (name.includes("\0")) return "it holds a NUL";
  if (name.includes("\\")) return "it holds a backslash";
  if (name.startsWith("/") || /^[A-Za-z]:/.test(name)) return "it is absolute";
  const parts = name.replace(/\/$/, "").split("/");
  if (parts.includes("..") || parts.includes(".")) return "it leaves the folder it is unpacked in";
  if (parts.includes("")) return "it has an empty part";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return "it holds a control character";
  return null;
}

interface Central {
  name: string;
  flags: number;
  method: number;
  crc: number;
  compressed: number;
  size: number;
  local: number;
  mode: number;
}

function decodeName(raw: Uint8Array, flags: number): string {
  try {
    // Outside ASCII only the UTF-8 flag says what a name means (APPNOTE, appendix D).
    const text = new TextDecoder("utf-8", { fatal: true }).decode(raw);
    if (!(flags & FLAG_UTF8) && raw.some((byte) => byte > 0x7f))
      throw new FormatError(text, "a name outside ASCII without the UTF-8 flag");
    return text;
  } catch (thrown) {
    if (thrown instanceof FormatError) throw thrown;
    throw new FormatError("central directory", "a name is no UTF-8");
  }
}

/** Sizes and offset of the zip64 extra field where the 32-bit ones are full (APPNOTE 4.5.3). */
function zip64Fields(file: Bytes, at: number, length: number, wanted: readonly boolean[]): (number | null)[] {
  for (let field = at; field + 4 <= at + length; ) {
    const [id, size] = [file.u16(field), file.u16(field + 2)];
    if (id === 1) {
      let next = field + 4;
      return wanted.map((needed) => {
        if (!needed || next + 8 > field + 4 + size) return null;
        next += 8;
        return file.u64(next - 8);
      });
    }
    field += 4 + size;
  }
  return wanted.map(() => null);
}

function readCentral(file: Bytes, directory: Directory): Central[] {
  const entries: Central[] = [];
  let at = directory.offset;
  for (let index = 0; index < directory.count; index++) {
    if (file.u32(at) !== CENTRAL) throw new FormatError(`directory entry ${index}`, "bad signature");
    const flags = file.u16(at + 8);
    const [nameLength, extraLength, commentLength] = [
      file.u16(at + 28),
      file.u16(at + 30),
      file.u16(at + 32),
    ];
    const narrow = [file.u32(at + 24), file.u32(at + 20), file.u32(at + 42)];
    const wide = zip64Fields(
      file,
      at + 46 + nameLength,
      extraLength,
      narrow.map((value) => value === 0xffffffff),
    );
    const [size = 0, compressed = 0, local = 0] = narrow.map((value, position) => wide[position] ?? value);
    entries.push({
      name: decodeName(file.slice(at + 46, nameLength), flags),
      flags,
      method: file.u16(at + 10),
      crc: file.u32(at + 16),
      compressed,
      size,
      local,
      mode: file.u32(at + 38) >>> 16,
    });
    at += 46 + nameLength + extraLength + commentLength;
  }
  if (at !== directory.offset + directory.size)
    throw new FormatError("central directory", "its size is not what the end record says");
  if (at !== directory.end)
    throw new FormatError("central directory", "there are bytes between it and the end record");
  return entries;
}

/** Where an entry's bytes lie: header, data, descriptor. */
interface Span {
  start: number;
  data: number;
  end: number;
}

function readLocal(file: Bytes, entry: Central): Span {
  const at = entry.local;
  if (file.u32(at) !== LOCAL)
    throw new FormatError(entry.name, "there is no local header where the directory says");
  const [flags, method] = [file.u16(at + 6), file.u16(at + 8)];
  const [nameLength, extraLength] = [file.u16(at + 26), file.u16(at + 28)];
  const name = decodeName(file.slice(at + 30, nameLength), flags);
  if (name !== entry.name) throw new FormatError(entry.name, `the local header names it ${name}`);
  if (method !== entry.method || flags !== entry.flags)
    throw new FormatError(entry.name, "local header and directory differ");
  const data = at + 30 + nameLength + extraLength;
  let end = data + entry.compressed;
  if (flags & FLAG_DESCRIPTOR) {
    if (file.u32(end) === DESCRIPTOR) end += 4;
    if (file.u32(end) !== entry.crc) throw new FormatError(entry.name, "its data descriptor has another CRC");
    // Sizes take 4 bytes each, or 8 in zip64 (APPNOTE 4.3.9.1).
    end += file.u32(end + 4) === entry.compressed && file.u32(end + 8) === entry.size ? 12 : 20;
  } else {
    const narrow = [file.u32(at + 22), file.u32(at + 18)];
    const wide = zip64Fields(
      file,
      at + 30 + nameLength,
      extraLength,
      narrow.map((value) => value === 0xffffffff),
    );
    const [size, compressed] = narrow.map((value, position) => wide[position] ?? value);
    if (size !== entry.size || compressed !== entry.compressed || file.u32(at + 14) !== entry.crc) {
      throw new FormatError(entry.name, "local header and directory differ in size or CRC");
    }
  }
  file.slice(data, entry.compressed);
  return { start: at, data, end };
}

function makeEntry(file: Bytes, central: Central, data: number): ZipEntry {
  const { name, size, compressed } = central;
  return {
    name,
    isFolder: name.endsWith("/"),
    method: central.method === 0 ? "stored" : "deflate",
    compressedSize: compressed,
    size,
    crc32: central.crc,
    mode: central.mode & 0o7777,
    read() {
      const raw = file.slice(data, compressed);
      let content: Uint8Array = raw;
      if (central.method !== 0) {
        try {
          content = inflateRawSync(raw, { maxOutputLength: Math.max(size, 1) });
        } catch {
          throw new FormatError(name, "its data does not inflate to the size it states");
        }
      }
      if (content.length !== size)
        throw new FormatError(name, `it inflates to ${content.length} bytes, not ${size}`);
      if (crc32(content) !== central.crc) throw new FormatError(name, "its CRC is wrong");
      return content;
    },
  };
}

function entryProblem(central: Central, limits: ZipLimits): string | null {
  const unsafe = unsafeName(central.name);
  if (unsafe) return `unsafe name: ${unsafe}`;
  if (central.flags & FLAG_ENCRYPTED) return "it is encrypted";
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
