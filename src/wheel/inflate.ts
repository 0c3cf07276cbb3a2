import { createHash, type Hash } from "node:crypto";
import { crc32, createInflateRaw, type InflateRaw, inflateRawSync } from "node:zlib";
import { FormatError } from "./format-error.ts";
import type { DigestAlgorithm } from "./record.ts";

/** Where an entry's data lies in its archive, and what it must inflate to; plain data. */
export interface EntryPlace {
  name: string;
  method: "stored" | "deflate";
  /** Where its data begins in the archive. */
  offset: number;
  /** Bytes. */
  compressedSize: number;
  /** Bytes, inflated. */
  size: number;
  crc32: number;
}

const WRONG_SIZE = "its data does not inflate to the size it states";

function checked(content: Uint8Array, { name, size, crc32: expected }: EntryPlace): Uint8Array {
  if (content.length !== size)
    throw new FormatError(name, `it inflates to ${content.length} bytes, not ${size}`);
  if (crc32(content) !== expected) throw new FormatError(name, "its CRC is wrong");
  return content;
}

const rawOf = (archive: Uint8Array, { offset, compressedSize }: EntryPlace): Uint8Array =>
  archive.subarray(offset, offset + compressedSize);

/** Bytes behind the stream's end are shown by no reader. */
function demandAllTaken({ name, compressedSize }: EntryPlace, taken: number): void {
  if (taken !== compressedSize)
    throw new FormatError(name, `${compressedSize - taken} hidden bytes follow its data`);
}

/** An entry's content, size and CRC checked. @throws FormatError */
export function inflateWhole(archive: Uint8Array, place: EntryPlace): Uint8Array {
  const raw = rawOf(archive, place);
  if (place.method === "stored") return checked(raw, place);
  // With `info` Node answers otherwise than its types say: the engine tells how much of the input the stream took.
  let inflated: { buffer: Uint8Array; engine: { bytesWritten: number } };
  try {
    const options = { maxOutputLength: Math.max(place.size, 1), info: true };
    inflated = inflateRawSync(raw, options) as unknown as typeof inflated;
  } catch {
    throw new FormatError(place.name, WRONG_SIZE);
  }
  demandAllTaken(place, inflated.engine.bytesWritten);
  return checked(inflated.buffer, place);
}

/** Inflated bytes handed on at a time. */
const CHUNK = 512 * 1024;

/** An entry's content in parts; nothing is kept. Sizes and CRC are not looked at here. */
async function* parts(archive: Uint8Array, place: EntryPlace): AsyncGenerator<Uint8Array> {
  const raw = rawOf(archive, place);
  if (place.method === "stored") {
    for (let at = 0; at < raw.length; at += CHUNK) yield raw.subarray(at, at + CHUNK);
    return;
  }
  const stream: InflateRaw = createInflateRaw({ chunkSize: CHUNK });
  stream.end(raw);
  try {
    for await (const part of stream) yield part;
    demandAllTaken(place, stream.bytesWritten);
  } catch (thrown) {
    if (thrown instanceof FormatError) throw thrown;
    throw new FormatError(place.name, WRONG_SIZE);
  } finally {
    stream.destroy();
  }
}

/** An entry read once. */
export interface ReadEntry {
  /** URL-safe base64 without padding, as RECORD has it. */
  digest: string;
  /** The content where it was to be kept. */
  content: Uint8Array | null;
}

/**
 * Inflates an entry part by part, checks its size and CRC, and hashes it. Memory is taken for what is kept, and as it
 * comes: a size that is only claimed costs nothing.
 * @param keep asked once, with the first bytes: memory for the content, or null to let it pass
 * @throws FormatError
 */
export async function readEntry(
  archive: Uint8Array,
  place: EntryPlace,
  algorithm: DigestAlgorithm,
  keep: (head: Uint8Array) => SharedArrayBuffer | null,
): Promise<ReadEntry> {
  const hash: Hash = createHash(algorithm);
  let kept: Uint8Array | null = null;
  let [size, crc] = [0, 0];
  for await (const part of parts(archive, place)) {
    if (size + part.length > place.size) throw new FormatError(place.name, WRONG_SIZE);
    if (size === 0) {
      const memory = keep(part);
      kept = memory && new Uint8Array(memory, 0, place.size);
    }
    kept?.set(part, size);
    hash.update(part);
    crc = crc32(part, crc);
    size += part.length;
  }
  if (size !== place.size)
    throw new FormatError(place.name, `it inflates to ${size} bytes, not ${place.size}`);
  if (crc !== place.crc32) throw new FormatError(place.name, "its CRC is wrong");
  return { digest: hash.digest("base64url"), content: kept };
}
