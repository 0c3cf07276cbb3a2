import { FormatError } from "./format-error.ts";
import { isVersion, satisfies } from "./version.ts";

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

const TOKEN = /\s*(?:(\(|\))|(and|or|not\s+in|in)\b|(===|[<>=!~]=|[<>])|(["'])(.*?)\4|([A-Za-z_][\w.]*))/y;

type Token = { kind: "paren" | "word" | "operator" | "text" | "name"; value: string };

function tokens(marker: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (marker.slice(TOKEN.lastIndex).trim() !== "") {
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

function compare(left: string, operator: string, right: string): boolean {
  if (operator === "in") return right.includes(left);
  if (operator === "not in") return !right.includes(left);
  const release = right.replace(/\.\*$/, "");
  // PEP 508: by version where both are versions, by Python's own string comparison otherwise.
  if (isVersion(left) && isVersion(release)) return satisfies(left, `${operator}${right}`);
  switch (operator) {
    case "==":
    case "===":
      return left === right;
    case "!=":
      return left !== right;
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

/**
 * Asks whether a marker holds. An empty marker does.
 * Source: PEP 508, "Environment Markers".
 * @throws FormatError
 */
export function markerHolds(marker: string, environment: MarkerEnvironment): boolean {
  const queue = tokens(marker);
  const isNext = (kind: Token["kind"], value: string): boolean =>
    queue[0]?.kind === kind && queue[0].value === value;
  const operand = (): string => {
    const token = queue.shift();
    if (token?.kind === "text") return token.value;
    if (token?.kind === "name" && Object.hasOwn(environment, token.value))
      return environment[token.value as keyof MarkerEnvironment];
    throw new FormatError("marker", `${token?.value ?? "its end"} where a variable or a text belongs`);
  };
  const comparison = (): boolean => {
    if (isNext("paren", "(")) {
      queue.shift();
      const inside = either();
      if (!isNext("paren", ")")) throw new FormatError("marker", "a parenthesis is not closed");
      queue.shift();
      return inside;
    }
    const left = operand();
    const operator = queue.shift();
    if (operator?.kind !== "operator" && operator?.value !== "in" && operator?.value !== "not in")
      throw new FormatError("marker", `${operator?.value ?? "its end"} where an operator belongs`);
    return compare(left, operator.value, operand());
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
