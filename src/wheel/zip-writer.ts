import { crc32, deflateRawSync } from "node:zlib";
import { FormatError } from "./format-error.ts";

export interface NewEntry {
  name: string;
  data: Uint8Array;
  /** Unix permission bits. */
  mode: number;
}

const MADE_BY_UNIX_20 = (3 << 8) | 20;
const NEEDS_20 = 20;
const FLAG_UTF8 = 0x800;
const S_IFREG = 0o100000;

/** MS-DOS date and time in UTC, so that the writer's time zone does not reach the bytes. */
function dosTime(time: Date): number {
  const year = Math.min(Math.max(time.getUTCFullYear(), 1980), 2107);
  const date = ((year - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate();
  const clock = (time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | (time.getUTCSeconds() >> 1);
  return ((date << 16) | clock) >>> 0;
}

/**
 * Writes an archive; equal arguments give equal bytes on one Node version.
 * @param entries in the order they are to stand
 * @param mtime time of every entry; 1980 at the earliest
 * @param level of deflate; 0 for an archive that is soon written anew
 * @throws FormatError beyond 65,535 entries or 4 GiB, since zip64 is not written
 */
export function writeZip(entries: readonly NewEntry[], mtime: Date, level = 9): Uint8Array {
  if (entries.length > 0xfffe) throw new FormatError("archive", `${entries.length} entries are too many`);
  const time = dosTime(mtime);
  const chunks: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const { name, data, mode } of entries) {
    const deflated = level === 0 ? data : deflateRawSync(data, { level });
    const stored = deflated.length >= data.length;
    const body = stored ? data : deflated;
    const nameBytes = Buffer.from(name, "utf8");
    const flags = nameBytes.some((byte) => byte > 0x7f) ? FLAG_UTF8 : 0;
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(NEEDS_20, 0);
    shared.writeUInt16LE(flags, 2);
    shared.writeUInt16LE(stored ? 0 : 8, 4);
    shared.writeUInt32LE(time, 6);
    shared.writeUInt32LE(crc32(data), 10);
    shared.writeUInt32LE(body.length, 14);
    shared.writeUInt32LE(data.length, 18);
    shared.writeUInt16LE(nameBytes.length, 22);
    const start = Buffer.from([0x50, 0x4b, 0x03, 0x04]);
    const head = Buffer.alloc(46);
    head.writeUInt32LE(0x02014b50, 0);
    head.writeUInt16LE(MADE_BY_UNIX_20, 4);
    shared.copy(head, 6);
    head.writeUInt32LE(((S_IFREG | mode) << 16) >>> 0, 38);
    head.writeUInt32LE(offset, 42);
    chunks.push(start, shared, nameBytes, body);
    central.push(head, nameBytes);
    offset += start.length + shared.length + nameBytes.length + body.length;
    if (offset > 0xfffffffe) throw new FormatError("archive", "it would be larger than 4 GiB");
  }
  const size = central.reduce((sum, chunk) => sum + chunk.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...chunks, ...central, end]);
}
