import type { Host } from "./host.ts";

const TIMEOUT_MS = 30_000;
/** A project page of the largest projects has some 10 MiB. */
const MOST_BYTES = 64 * 1024 ** 2;

export interface Page {
  status: number;
  contentType: string;
  text: string;
}

/**
 * Fetches a text. Redirects are followed; a status of 400 and more is an answer, not an error.
 * Throws an Error with a plain message where no answer comes within 30 s, or a longer one than 64 MiB.
 */
export async function fetchText(host: Host, url: string, accept: string): Promise<Page> {
  const response = await fetch(url, {
    headers: { accept },
    signal: AbortSignal.any([host.signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`the answer is longer than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    text: Buffer.concat(chunks).toString("utf8"),
  };
}
