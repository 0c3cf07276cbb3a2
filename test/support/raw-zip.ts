import { crc32, deflateRawSync } from "node:zlib";

/** An entry written as it is told, so that the two headers may lie. */
export interface RawEntry {
  name: string | Uint8Array;
  data: Uint8Array;
  /** 8 (deflate) where left out. */
  method?: number;
  flags?: number;
  mode?: number;
  /** Body in place of the compressed data. */
  body?: Uint8Array;
  /** Written behind the body. */
  behind?: Uint8Array;
  extra?: Uint8Array;
  centralExtra?: Uint8Array;
  comment?: string;
  /** Fields of one of the headers that say something else. */
  local?: Partial<Fields>;
  central?: Partial<Fields>;
}

interface Fields {
  name: string | Uint8Array;
  flags: number;
  method: number;
  crc: number;
  compressed: number;
  size: number;
  offset: number;
  disk: number;
}

const bytesOf = (name: string | Uint8Array): Buffer => Buffer.from(name as Uint8Array);

function shared(fields: Fields, name: Buffer, extra: Uint8Array): Buffer {
  const head = Buffer.alloc(26);
  head.writeUInt16LE(20, 0);
  head.writeUInt16LE(fields.flags, 2);
  head.writeUInt16LE(fields.method, 4);
  head.writeUInt32LE(0x5c210000, 6);
  head.writeUInt32LE(fields.crc >>> 0, 10);
  head.writeUInt32LE(fields.compressed, 14);
  head.writeUInt32LE(fields.size, 18);
  head.writeUInt16LE(name.length, 22);
  head.writeUInt16LE(extra.length, 24);
  return head;
}

/** End record. @param fields what it says of the directory */
export function endRecord(count: number, size: number, offset: number, comment = ""): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([end, Buffer.from(comment, "latin1")]);
}

/** Writes an archive without asking whether it makes sense. @param finish the end records, from count, size and offset */
export function rawZip(
  entries: readonly RawEntry[],
  finish: (count: number, size: number, offset: number) => Uint8Array = endRecord,
): Buffer {
  const chunks: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const method = entry.method ?? 8;
    const body = entry.body ?? (method === 8 ? deflateRawSync(entry.data, { level: 9 }) : entry.data);
    const name = bytesOf(entry.name);
    const truth: Fields = {
      name,
      flags: entry.flags ?? (name.some((byte) => byte > 0x7f) ? 0x800 : 0),
      method,
      crc: crc32(entry.data),
      compressed: body.length,
      size: entry.data.length,
      offset,
      disk: 0,
    };
    const [local, far] = [
      { ...truth, ...entry.local },
      { ...truth, ...entry.central },
    ];
    const [localName, farName] = [bytesOf(local.name), bytesOf(far.name)];
    const [extra, farExtra] = [entry.extra ?? Buffer.alloc(0), entry.centralExtra ?? Buffer.alloc(0)];
    const pieces = [Buffer.from("PK\u0003\u0004", "latin1"), shared(local, localName, extra), localName];
    pieces.push(Buffer.from(extra), Buffer.from(body), Buffer.from(entry.behind ?? Buffer.alloc(0)));
    const comment = Buffer.from(entry.comment ?? "", "latin1");
    const head = Buffer.alloc(46);
    head.writeUInt32LE(0x02014b50, 0);
    head.writeUInt16LE((3 << 8) | 20, 4);
    shared(far, farName, farExtra).copy(head, 6);
    head.writeUInt16LE(comment.length, 32);
    head.writeUInt16LE(far.disk, 34);
    head.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 38);
    head.writeUInt32LE(far.offset, 42);
    central.push(head, farName, farExtra, comment);
    for (const piece of pieces) {
      chunks.push(piece);
      offset += piece.length;
    }
  }
  const directory = Buffer.concat(central);
  return Buffer.concat([...chunks, directory, finish(entries.length, directory.length, offset)]);
}

/** An extra field: id, size, data (APPNOTE 4.5). */
export function extraField(id: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(data.length, 2);
  return Buffer.concat([head, data]);
}

/** 64-bit little-endian numbers, one after another. */
export function words(...values: readonly (number | bigint)[]): Buffer {
  const data = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => {
    data.writeBigUInt64LE(BigInt(value), index * 8);
  });
  return data;
}

/** The flag of an entry whose sizes and CRC stand behind its data (APPNOTE 4.4.4). */
export const DESCRIPTOR_FLAG = 0x8;

/** What stands behind such an entry: signature, CRC, compressed size, size (APPNOTE 4.3.9). */
export function descriptorOf(data: Uint8Array): Buffer {
  const whole = rawZip([{ name: "x", data }]);
  return Buffer.concat([Buffer.from("PK\u0007\u0008", "latin1"), whole.subarray(14, 26)]);
}
