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
  extra: string;
}

/** The environment of CPython on Linux. @param python version with or without its third part */
export function linuxEnvironment(architecture: string, python: string): MarkerEnvironment {
  return {
    python_version: python.split(".").slice(0, 2).join("."),
    python_full_version: python.split(".").length > 2 ? python : `${python}.0`,
    sys_platform: "linux",
    platform_system: "Linux",
    platform_machine: architecture,
    os_name: "posix",
    implementation_name: "cpython",
    platform_python_implementation: "CPython",
    extra: "",
  };
}

/** Nested deeper than this is nobody's marker, but an attack on the stack. */
const DEEPEST = 64;

const TOKEN = /\s*(?:(\(|\))|(and|or|not\s+in|in)\b|(===|[<>=!~]=|[<>])|(["'])(.*?)\4|([A-Za-z_][\w.]*))/y;

type Token = { kind: "paren" | "word" | "operator" | "text" | "name"; value: string };

function tokens(marker: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = marker.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
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
const VERSIONS = new Set(["python_version", "python_full_version"]);

/** Older spellings of names that tools still take. Source: PEP 345; packaging, `process_env_var`. */
const OLDER: Readonly<Record<string, string>> = {
  "os.name": "os_name",
  "sys.platform": "sys_platform",
  "platform.machine": "platform_machine",
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

/**
 * Asks whether a marker holds. An empty marker does.
 * Source: PEP 508, "Environment Markers".
 * @throws FormatError
 */
export function markerHolds(marker: string, environment: MarkerEnvironment): boolean {
  const queue = tokens(marker);
  const isNext = (kind: Token["kind"], value: string): boolean =>
    queue[0]?.kind === kind && queue[0].value === value;
  const operand = (): { value: string; variable: string | null } => {
    const token = queue.shift();
    if (token?.kind === "text") return { value: token.value, variable: null };
    const variable = OLDER[token?.value ?? ""] ?? token?.value ?? "";
    if (token?.kind === "name" && Object.hasOwn(environment, variable))
      return { value: environment[variable as keyof MarkerEnvironment], variable };
    throw new FormatError("marker", `${token?.value ?? "its end"} where a variable or a text belongs`);
  };
  let depth = 0;
  const comparison = (): boolean => {
    if (isNext("paren", "(")) {
      queue.shift();
      if (++depth > DEEPEST) throw new FormatError("marker", "it is nested too deeply");
      const inside = either();
      depth--;
      if (!isNext("paren", ")")) throw new FormatError("marker", "a parenthesis is not closed");
      queue.shift();
      return inside;
    }
    const left = operand();
    const operator = queue.shift();
    if (operator?.kind !== "operator" && operator?.value !== "in" && operator?.value !== "not in")
      throw new FormatError("marker", `${operator?.value ?? "its end"} where an operator belongs`);
    const right = operand();
    const variable = left.variable ?? right.variable;
    if (variable === null) throw new FormatError("marker", `${left.value} is compared with no variable`);
    return compare(left.value, operator.value, right.value, variable);
  };
  const both = (): boolean => {
    let holds = comparison();
    while (isNext("word", "and")) {
      queue.shift();
      holds = comparison() && holds;
    }
    return holds;
  };
  const either = (): boolean => {
    let holds = both();
    while (isNext("word", "or")) {
      queue.shift();
      holds = both() || holds;
    }
    return holds;
  };
  if (queue.length === 0) return true;
  const holds = either();
  if (queue.length > 0) throw new FormatError("marker", `${queue[0]?.value} is left over`);
  return holds;
}
