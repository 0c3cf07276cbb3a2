import { constants, type FileHandle, open } from "node:fs/promises";

/**
 * Opens a regular file for reading. A pipe is never waited for, which nobody may ever write to.
 * Throws Node's own error, or one that says what else lies there.
 */
async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = await file.stat();
  if (stat.isFile()) return file;
  await file.close();
  throw new Error(`${path} is no regular file`);
}

/** Throws unless a regular file lies there, or a link to one; see {@link openRegular}. */
export async function demandRegular(path: string): Promise<void> {
  await (await openRegular(path)).close();
}

/** Reads a regular file into memory that threads can share. Throws as {@link openRegular} does. */
export async function readShared(path: string): Promise<Uint8Array> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(new SharedArrayBuffer(size));
    let done = 0;
    while (done < size) {
      const { bytesRead } = await file.read(bytes, done, size - done, done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } finally {
    await file.close();
  }
}
