import { FormatError } from "./format-error.ts";
import { normalizeName } from "./names.ts";
import { isSpecifier } from "./specifier.ts";

/** A dependency. Source: PEP 508. */
export interface Requirement {
  name: string;
  extras: string[];
  /** Version specifiers such as `>=2,<3`, without blanks; empty for none. */
  specifier: string;
  url: string | null;
  /** The marker's text; empty for none. */
  marker: string;
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?![A-Za-z0-9._-])/;

/** The text before the first of a mark, and the text behind it (null without one). */
function cut(text: string, mark: string): [string, string | null] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + mark.length)];
}

/** Characters; the longest of real wheels have some hundreds. */
const LONGEST = 8192;

/**
 * True where something else than a comma follows the version of `===`: PEP 508's grammar takes everything up to the next
 * blank for that version, commas too.
 */
function goesOnBehindArbitrary(specifier: string): boolean {
  const words = specifier.trim().split(/\s+/);
  const isFollowed = (version: string | undefined, next: string | undefined): boolean =>
    version !== undefined && !version.includes(")") && next !== undefined && !next.startsWith(",");
  return words.some((word, index) => {
    const [next, second] = [words[index + 1], words[index + 2]];
    if (word.endsWith("===") && isFollowed(next, second)) return true;
    // The last one that something follows in its own word: what follows the others holds that.
    const at = word.length < 4 ? -1 : word.lastIndexOf("===", word.length - 4);
    return at >= 0 && isFollowed(word.slice(at + 3), next);
  });
}

/**
 * Reads a requirement. Its marker is kept as text; `markerHolds` reads it.
 * @throws FormatError
 */
export function parseRequirement(line: string): Requirement {
  const fail = (problem: string): never => {
    throw new FormatError("requirement", `${line.slice(0, 200)}: ${problem}`);
  };
  if (line.length > LONGEST) fail(`${line.length} characters are more than a requirement has`);
  const trimmed = line.trim();
  const name = NAME.exec(trimmed)?.[0] ?? fail("it does not begin with a name");
  let rest = trimmed.slice(name.length).trimStart();
  let extras: string[] = [];
  if (rest.startsWith("[")) {
    const [inside, behind] = cut(rest.slice(1), "]");
    rest = behind?.trimStart() ?? fail("its extras do not end");
    extras = inside.trim() === "" ? [] : inside.split(",").map((extra) => extra.trim());
    if (extras.some((extra) => NAME.exec(extra)?.[0] !== extra)) fail("an extra is no name");
  }
  if (rest.startsWith("@")) {
    const [, url = "", behind = ""] = /^@\s*(\S*)\s*(.*)$/s.exec(rest) ?? [];
    if (url === "") fail("there is no URL behind @");
    if (behind !== "" && !behind.startsWith(";")) fail("its URL is followed by something else than a marker");
    return { name, extras, specifier: "", url, marker: behind.slice(1).trim() };
  }
  const [versions, marker] = cut(rest, ";");
  const asked = versions.trim();
  const bare = asked.startsWith("(") && asked.endsWith(")") ? asked.slice(1, -1) : asked;
  if (goesOnBehindArbitrary(bare)) fail("a comma behind === is taken for part of its version");
  if (!isSpecifier(bare)) fail(`${bare} is no version specifier`);
  return { name, extras, specifier: bare.replace(/\s+/g, ""), url: null, marker: marker?.trim() ?? "" };
}

export function formatRequirement({ name, extras, specifier, url, marker }: Requirement): string {
  const base = `${name}${extras.length > 0 ? `[${extras.join(",")}]` : ""}${url ? ` @ ${url}` : specifier}`;
  return marker ? `${base}${url ? " " : ""}; ${marker}` : base;
}

/** True where the requirement is on this distribution, in any spelling. */
export function isFor(requirement: Requirement, name: string): boolean {
  return normalizeName(requirement.name) === normalizeName(name);
}

/** The version of a sole `==` specifier without wild card, or null. */
export function pinnedVersion({ specifier }: Requirement): string | null {
  return /^===?([^,*]+)$/.exec(specifier)?.[1] ?? null;
}
