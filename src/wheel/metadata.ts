import { FormatError } from "./format-error.ts";

/** Core metadata, or the WHEEL file: headers in order, and a body. */
export interface Headers {
  headers: readonly { name: string; value: string }[];
  /** What follows the first empty line; the description in core metadata 2.1 and later. */
  body: string;
}

/** Lines of headers; METADATA of real wheels has some hundreds. */
const MOST_LINES = 50_000;

/** Without blanks of ASCII at its end: other blanks are characters to those who read it later. */
function withoutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && " \t\n".includes(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

/**
 * Parses e-mail style headers. Folded lines are kept in the value, with their line breaks.
 * Source: core metadata specification; RFC 822, section 3.
 * @param where name of the file, for errors
 * @throws FormatError
 */
export function parseHeaders(text: string, where: string): Headers {
  const unified = text.replace(/\r\n?/g, "\n");
  // A multi-line regular expression would take U+2028 before it for a line of its own.
  const end = unified.startsWith("\n") ? 0 : unified.indexOf("\n\n");
  const [head, body] =
    end < 0 ? [unified, ""] : [unified.slice(0, end), unified.slice(end).replace(/^\n{1,2}/, "")];
  const headers: { name: string; value: string }[] = [];
  const lines = head.split("\n");
  if (lines.length > MOST_LINES)
    throw new FormatError(where, `${lines.length} lines of headers are too many`);
  for (const line of lines) {
    if (line === "") continue;
    if (/^[ \t]/.test(line)) {
      const last = headers.at(-1);
      if (!last) throw new FormatError(where, "it begins with a continuation line");
      last.value += `\n${line}`;
      continue;
    }
    const colon = line.indexOf(":");
    if (colon <= 0 || !/^[!-9;-~]+$/.test(line.slice(0, colon)))
      throw new FormatError(where, `no header: ${line.slice(0, 80)}`);
    headers.push({ name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^[ \t]+/, "") });
  }
  return { headers: headers.map(({ name, value }) => ({ name, value: withoutEnd(value) })), body };
}

export function formatHeaders({ headers, body }: Headers): string {
  const head = headers.map(({ name, value }) => `${name}: ${value}\n`).join("");
  return body === "" ? head : `${head}\n${body}`;
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** All values of a header, in order. */
export function allOf(document: Headers, name: string): string[] {
  return document.headers.filter((header) => same(header.name, name)).map(({ value }) => value);
}

/** The first value of a header, or null. */
export function oneOf(document: Headers, name: string): string | null {
  return allOf(document, name)[0] ?? null;
}

/** The document with all of a header's lines replaced by these, at the place of the first of them. */
export function withHeader(document: Headers, name: string, values: readonly string[]): Headers {
  const first = document.headers.findIndex((header) => same(header.name, name));
  const rest = document.headers.filter((header) => !same(header.name, name));
  const at = first < 0 ? rest.length : first;
  const added = values.map((value) => ({ name, value }));
  return { ...document, headers: [...rest.slice(0, at), ...added, ...rest.slice(at)] };
}

/** The description: the body, or the older Description header with its folding undone (core metadata 1.x). */
export function descriptionOf(document: Headers): string {
  if (document.body.trim() !== "") return document.body;
  return (oneOf(document, "Description") ?? "").replace(/\n( {7}\||\t| {8})/g, "\n");
}
