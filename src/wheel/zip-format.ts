import { FormatError } from "./format-error.ts";

const EOCD = 0x06054b50;
const EOCD64_LOCATOR = 0x07064b50;
const EOCD64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const EOCD_SIZE = 22;
export const FLAG_DESCRIPTOR = 0x8;
const FLAG_UTF8 = 0x800;
/** A 32-bit field whose value stands in the zip64 extra field. */
const FULL = 0xffffffff;

/** Where the central directory lies. */
export interface Directory {
  offset: number;
  size: number;
  count: number;
  /** Where the end records begin: nothing but the directory may touch them. */
  end: number;
}

/** A little-endian view that answers an out-of-bounds read with a FormatError. */
export class Bytes {
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

/** Finds the one end record. @throws FormatError */
export function findDirectory(file: Bytes): Directory {
  const { bytes } = file;
  const lowest = Math.max(0, bytes.length - EOCD_SIZE - 0xffff);
  for (let at = bytes.length - EOCD_SIZE; at >= lowest; at--) {
    if (file.u32(at) !== EOCD) continue;
    // A comment, or anything behind the directory, is where a second archive hides from a reader that scans forward.
    if (at + EOCD_SIZE !== bytes.length)
      throw new FormatError("end of archive", "there are bytes behind the end record");
    if (file.u16(at + 20) !== 0)
      throw new FormatError("end of archive", "it states a comment that is not there");
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
  if (file.u64(at + 4) !== 44) throw new FormatError("end of archive", "zip64 end record with extra data");
  if (file.u64(at + 24) !== file.u64(at + 32))
    throw new FormatError("end of archive", "the two entry counts differ");
  const disks = [file.u32(locator + 4), file.u32(locator + 16) - 1, file.u32(at + 16), file.u32(at + 20)];
  if (disks.some((disk) => disk !== 0)) throw new FormatError("end of archive", "the archive is split");
  const [count, size, offset] = [file.u64(at + 32), file.u64(at + 40), file.u64(at + 48)];
  // Some readers take a field from here where the other says that it is here, some take all of them.
  const isTold = (short: number, full: number, long: number): boolean => short === full || short === long;
  if (
    !isTold(file.u16(eocd + 10), 0xffff, count) ||
    !isTold(file.u32(eocd + 12), 0xffffffff, size) ||
    !isTold(file.u32(eocd + 16), 0xffffffff, offset)
  )
    throw new FormatError("end of archive", "the two end records differ");
  return { count, size, offset, end: at };
}

/** An entry as the central directory has it. */
export interface Central {
  name: string;
  flags: number;
  method: number;
  crc: number;
  compressed: number;
  size: number;
  local: number;
  mode: number;
  /** Bytes of the entry's comment. */
  comment: number;
  /** Number of the disk it starts on; archives are not split any more. */
  disk: number;
  /** APPNOTE version that a reader must know, times ten. */
  version: number;
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

const EXTRA_ZIP64 = 0x0001;
const EXTRA_UNICODE_PATH = 0x7075;

/** Extra fields by id: where each one's data lies. @throws FormatError for a broken or repeated one */
function extraFields(
  file: Bytes,
  at: number,
  length: number,
  name: string,
): Map<number, { at: number; size: number }> {
  const found = new Map<number, { at: number; size: number }>();
  for (let field = at; field < at + length; ) {
    if (field + 4 > at + length) throw new FormatError(name, "its extra field is cut off");
    const [id, size] = [file.u16(field), file.u16(field + 2)];
    if (field + 4 + size > at + length) throw new FormatError(name, "its extra field is cut off");
    if (found.has(id) && (id === EXTRA_ZIP64 || id === EXTRA_UNICODE_PATH))
      throw new FormatError(name, `it has the extra field 0x${id.toString(16).padStart(4, "0")} twice`);
    found.set(id, { at: field + 4, size });
    field += 4 + size;
  }
  const path = found.get(EXTRA_UNICODE_PATH);
  if (path) {
    // Version, CRC of the other name, then the name (APPNOTE 4.6.9). Some readers take it, others do not.
    const unicode = path.size < 5 ? "" : decodeName(file.slice(path.at + 5, path.size - 5), FLAG_UTF8);
    if (unicode !== name) throw new FormatError(name, `its Unicode path field names it ${unicode}`);
  }
  return found;
}

/**
 * Sizes and offset of the zip64 extra field where the 32-bit ones are full (APPNOTE 4.5.3).
 * @param narrow inflated size, compressed size and, in the directory, the offset
 * @throws FormatError where it lacks one that is needed, or has more than the archive needs
 */
function zip64Fields(
  file: Bytes,
  fields: ReturnType<typeof extraFields>,
  narrow: readonly number[],
  name: string,
): number[] {
  const zip64 = fields.get(EXTRA_ZIP64);
  let next = zip64?.at ?? 0;
  const end = next + (zip64?.size ?? 0);
  const values = narrow.map((value) => {
    if (value !== FULL) return value;
    if (next + 8 > end) throw new FormatError(name, "its zip64 field lacks a size or an offset");
    next += 8;
    return file.u64(next - 8);
  });
  // A writer that streams states both sizes though they fit; another surplus makes readers disagree.
  const [size = 0, compressed = 0] = values;
  if (next + 16 === end && file.u64(next) === size && file.u64(next + 8) === compressed) return values;
  if (next !== end && next + 4 !== end)
    throw new FormatError(name, "its zip64 field holds what the header does not ask for");
  return values;
}

/** All entries of the central directory. @throws FormatError */
export function readCentral(file: Bytes, directory: Directory): Central[] {
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
    const name = decodeName(file.slice(at + 46, nameLength), flags);
    const [size = 0, compressed = 0, local = 0] = zip64Fields(
      file,
      extraFields(file, at + 46 + nameLength, extraLength, name),
      [file.u32(at + 24), file.u32(at + 20), file.u32(at + 42)],
      name,
    );
    entries.push({
      name,
      flags,
      method: file.u16(at + 10),
      crc: file.u32(at + 16),
      compressed,
      size,
      local,
      mode: file.u32(at + 38) >>> 16,
      comment: commentLength,
      disk: file.u16(at + 34),
      version: file.u16(at + 6),
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
export interface Span {
  start: number;
  data: number;
  end: number;
}

/** An entry's local header, which must say what the directory says. @throws FormatError */
export function readLocal(file: Bytes, entry: Central): Span {
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
  const fields = extraFields(file, at + 30 + nameLength, extraLength, name);
  let end = data + entry.compressed;
  if (flags & FLAG_DESCRIPTOR) {
    if (file.u32(end) === DESCRIPTOR) end += 4;
    if (file.u32(end) !== entry.crc) throw new FormatError(entry.name, "its data descriptor has another CRC");
    // Sizes take 4 bytes each, or 8 in zip64 (APPNOTE 4.3.9.1).
    end += file.u32(end + 4) === entry.compressed && file.u32(end + 8) === entry.size ? 12 : 20;
  } else {
    const [size, compressed] = zip64Fields(file, fields, [file.u32(at + 22), file.u32(at + 18)], name);
    if (size !== entry.size || compressed !== entry.compressed || file.u32(at + 14) !== entry.crc) {
      throw new FormatError(entry.name, "local header and directory differ in size or CRC");
    }
  }
  file.slice(data, entry.compressed);
  return { start: at, data, end };
}
