import { FormatError } from "./format-error.ts";

/**
 * What one reader takes for the end of a line, for a blank, or for nothing, and another for a character: C0 and C1 controls
 * but tab and the two line ends, NEL, the line and paragraph separators, byte order marks.
 * Sources: Python, str.splitlines() (importlib.metadata reads entry_points.txt and RECORD with it); ECMA-262, LineTerminator;
 * Encoding standard, "UTF-8 decode" (drops a byte order mark).
 */
const AMBIGUOUS = /[^\P{Cc}\t\r\n]|[\u2028\u2029\ufeff]|\r(?!\n)/u;

const nameOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/**
 * Decodes a text of a dist-info folder, every byte of it: nothing is dropped, and nothing replaced.
 * @throws FormatError where it is no UTF-8
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    // A decoder takes no view of shared memory, which a stored entry may be.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    throw new FormatError(file, "it is no UTF-8 text");
  }
}

/**
 * Demands that all readers see the same lines in a text.
 * @param isMessage true for headers with a body behind a blank line, of which the headers alone count
 * @throws FormatError that names the character and its line
 */
export function demandPlainLines(text: string, file: string, isMessage: boolean): void {
  // The last of what any reader takes for the blank line: what stands before it could be a header for somebody.
  const head = isMessage ? (/^[\s\S]*?(?:^|\n)\r?\n/.exec(text)?.[0] ?? text) : text;
  const found = AMBIGUOUS.exec(head);
  if (found === null) return;
  const line = head.slice(0, found.index).split("\n").length;
  throw new FormatError(
    file,
    `line ${line} holds ${nameOf(found[0])}, which is the end of a line or nothing for some readers`,
  );
}
