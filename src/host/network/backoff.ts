/** Tries of one request or upload before it is given up. */
export const MOST_TRIES = 5;

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** A server that asks for more patience than this is reported instead of waited for. */
const PATIENCE_MS = 120_000;

/** True for an answer that another try may change. Source: RFC 9110, 15.5.9, 15.6; RFC 6585, 4 (429). */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/**
 * Milliseconds that a Retry-After header asks for, or null where there is none that can be read.
 * Source: RFC 9110, 10.2.3: seconds, or a date.
 * @param now milliseconds since 1970, by the server's own clock where it tells: ours may be wrong by days
 */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header.trim()) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/**
 * How long to wait before the next try: exponential, with full jitter, and never less than the server asked for.
 * @param tried tries so far, 1 or more
 * @param asked milliseconds that the server asked for, if it did
 * @param random from 0 to 1
 * @returns milliseconds, or null where the tries or the patience are at their end
 */
export function nextDelay(tried: number, asked: number | null, random: number): number | null {
  if (tried >= MOST_TRIES || (asked ?? 0) > PATIENCE_MS) return null;
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (tried - 1));
  return Math.round((asked ?? 0) + ceiling / 4 + (random * ceiling * 3) / 4);
}
