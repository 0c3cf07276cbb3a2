import { FormatError } from "./format-error.ts";
import { normalizeName } from "./names.ts";
import { isSpecifier, satisfies } from "./specifier.ts";
import { isVersion } from "./version.ts";

/** The environment that a marker is asked against, by the names of PEP 508. */
export interface MarkerEnvironment {
  python_version: string;
  python_full_version: string;
  sys_platform: string;
  platform_system: string;
  platform_machine: string;
  os_name: string;
  implementation_name: string;
  platform_python_implementation: string;
  platform_release: string;
  platform_version: string;
  implementation_version: string;
  extra: string;
}

/** The environment of CPython on Linux. @param python version with or without its third part */
export function linuxEnvironment(architecture: string, python: string): MarkerEnvironment {
  const full = python.split(".").length > 2 ? python : `${python}.0`;
  return {
    python_version: python.split(".").slice(0, 2).join("."),
    python_full_version: full,
    sys_platform: "linux",
    platform_system: "Linux",
    platform_machine: architecture,
    os_name: "posix",
    implementation_name: "cpython",
    platform_python_implementation: "CPython",
    // Of the machine that it is installed on, which nobody knows.
    platform_release: "",
    platform_version: "",
    implementation_version: full,
    extra: "",
  };
}

/** Nested deeper than this is nobody's marker, but an attack on the stack. */
const DEEPEST = 64;

/** Words of a marker; real ones have some dozens. */
const MOST_TOKENS = 2048;

const TOKEN = /\s*(?:(\(|\))|(and|or|not\s+in|in)\b|(===|[<>=!~]=|[<>])|(["'])(.*?)\4|([A-Za-z_][\w.]*))/y;

type Token = { kind: "paren" | "word" | "operator" | "text" | "name"; value: string };

function tokens(marker: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = marker.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    if (found.length === MOST_TOKENS)
      throw new FormatError("marker", `it has more than ${MOST_TOKENS} words`);
    const match = TOKEN.exec(marker);
    if (!match) throw new FormatError("marker", `${marker.slice(at, at + 40)} is no part of a marker`);
    const [, paren, word, operator, quote, text, name] = match;
    if (paren) found.push({ kind: "paren", value: paren });
    else if (word) found.push({ kind: "word", value: word.replace(/\s+/, " ") });
    else if (operator) found.push({ kind: "operator", value: operator });
    else if (quote) found.push({ kind: "text", value: text ?? "" });
    else found.push({ kind: "name", value: name ?? "" });
  }
  return found;
}

/** Variables that are versions; all others are compared as text. */
const VERSIONS = new Set(["python_version", "python_full_version", "implementation_version"]);

/** Older spellings of names that tools still take. Source: PEP 345; packaging, `process_env_var`. */
const OLDER: Readonly<Record<string, string>> = {
  "os.name": "os_name",
  "sys.platform": "sys_platform",
  "platform.machine": "platform_machine",
  "platform.version": "platform_version",
  "platform.python_implementation": "platform_python_implementation",
  python_implementation: "platform_python_implementation",
};

function compareText(left: string, operator: string, right: string): boolean {
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    // PEP 508 leaves order to Python's strings, newer tools know none: what either takes for true may hold.
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    default:
      throw new FormatError("marker", `${operator} compares versions, and ${left} is none`);
  }
}

/** @param variable the name that one of the sides stands for */
function compare(left: string, operator: string, right: string, variable: string): boolean {
  if (operator === "in") return right.includes(left);
  if (operator === "not in") return !right.includes(left);
  if (variable === "extra") return compareText(normalizeName(left), operator, normalizeName(right));
  const specifier = `${operator}${right}`;
  if (VERSIONS.has(variable) && isSpecifier(specifier)) return isVersion(left) && satisfies(left, specifier);
  return compareText(left, operator, right);
}

/** A marker that has been read: asks whether it holds. */
export type Marker = (environment: MarkerEnvironment) => boolean;

/** The two sides of a comparison, of which one at least is a variable. */
interface Operand {
  value: string;
  variable: keyof MarkerEnvironment | null;
}

const VARIABLES: ReadonlySet<string> = new Set(Object.keys(linuxEnvironment("", "3.0")));

/** Reads the words of a marker in order. Source: PEP 508, "Environment Markers". */
class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(read: readonly Token[]) {
    this.#tokens = read;
  }
  #next(): Token | undefined {
    return this.#tokens[this.#at++];
  }
  #takes(kind: Token["kind"], value: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== kind || token.value !== value) return false;
    this.#at++;
    return true;
  }
  #operand(): Operand {
    const token = this.#next();
    if (token?.kind === "text") return { value: token.value, variable: null };
    const variable = OLDER[token?.value ?? ""] ?? token?.value ?? "";
    if (token?.kind === "name" && VARIABLES.has(variable))
      return { value: "", variable: variable as keyof MarkerEnvironment };
    throw new FormatError("marker", `${token?.value ?? "its end"} where a variable or a text belongs`);
  }
  #comparison(): Marker {
    if (this.#takes("paren", "(")) {
      if (++this.#depth > DEEPEST) throw new FormatError("marker", "it is nested too deeply");
      const inside = this.either();
      this.#depth--;
      if (!this.#takes("paren", ")")) throw new FormatError("marker", "a parenthesis is not closed");
      return inside;
    }
    const left = this.#operand();
    const operator = this.#next();
    if (operator?.kind !== "operator" && operator?.value !== "in" && operator?.value !== "not in")
      throw new FormatError("marker", `${operator?.value ?? "its end"} where an operator belongs`);
    const right = this.#operand();
    const variable = left.variable ?? right.variable;
    if (variable === null) throw new FormatError("marker", `${left.value} is compared with no variable`);
    const valueIn = (side: Operand, environment: MarkerEnvironment): string =>
      side.variable === null ? side.value : environment[side.variable];
    return (environment) =>
      compare(valueIn(left, environment), operator.value, valueIn(right, environment), variable);
  }
  /** Every part is asked, since one that can't be compared is an error wherever it stands. */
  #joined(word: "and" | "or", part: () => Marker): Marker {
    const parts = [part()];
    while (this.#takes("word", word)) parts.push(part());
    const [only] = parts;
    if (parts.length === 1 && only) return only;
    return (environment) => {
      const answers = parts.map((one) => one(environment));
      return word === "and" ? answers.every(Boolean) : answers.some(Boolean);
    };
  }
  either(): Marker {
    return this.#joined("or", () => this.#joined("and", () => this.#comparison()));
  }
  end(): void {
    const left = this.#tokens[this.#at];
    if (left) throw new FormatError("marker", `${left.value} is left over`);
  }
}

/**
 * Reads a marker, to be asked against several environments. An empty one always holds.
 * Source: PEP 508, "Environment Markers".
 * @throws FormatError, as what it returns does where a comparison makes no sense
 */
export function parseMarker(marker: string): Marker {
  const read = tokens(marker);
  if (read.length === 0) return () => true;
  const parser = new Parser(read);
  const asked = parser.either();
  parser.end();
  return asked;
}

/** Asks whether a marker holds. @throws FormatError */
export function markerHolds(marker: string, environment: MarkerEnvironment): boolean {
  return parseMarker(marker)(environment);
}
