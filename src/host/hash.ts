import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** sha256, hexadecimal, and bytes of what comes in pieces. */
export async function hashOf(pieces: AsyncIterable<Uint8Array>): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    size += piece.length;
  }
  return { sha256: hash.digest("hex"), size };
}

/** sha256 of a file, hexadecimal. Throws Node's own error where it can't be read. */
export async function fileSha256(path: string): Promise<string> {
  return (await hashOf(createReadStream(path) as AsyncIterable<Uint8Array>)).sha256;
}

/** sha256 of bytes that are there, hexadecimal. */
export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
