import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import { type RunResult, tail } from "../host/process.ts";

/**
 * What uv or pip ended with: `no` is an answer (the index has no such thing), `unreachable` and `error` are none.
 * A machine's fault is an error of its own already.
 */
export type Trouble =
  | { kind: "no" | "unreachable" | "error"; words: string }
  | { kind: "machine"; words: string; error: WheelsError };

const UNREACHABLE =
  /error sending request|Failed to fetch|dns error|Connection (refused|reset)|timed? ?out|Request failed|status code [45]\d\d|HTTP status|Received some unexpected HTML|Unsupported `?Content-Type|Max retries exceeded|Could not fetch URL/i;

const NO =
  /No solution found|not found in the (package registry|provided package locations)|there (is|are) no versions? of|No matching distribution|Could not find a version|have no usable wheels|unsatisfiable|ResolutionImpossible/i;

const FULL =
  /No space left on device|os error 28\b|Errno 28\b|Disk quota exceeded|os error 122\b|Errno 122\b/i;
const FORBIDDEN =
  /Permission denied|os error 13\b|Errno 13\b|Read-only file system|os error 30\b|Errno 30\b|Operation not permitted|os error 1\b|failed to map segment/i;
const LIMIT =
  /os error (11|12|24)\b|Errno (11|12|24)\b|Too many open files|Cannot allocate memory|Resource temporarily unavailable/i;
const FOREIGN = /Exec format error|os error 8\b|Errno 8\b/i;

/** The path that a line of complaint names, in the ways of uv (backticks) and Python (quotes). */
const pathIn = (words: string): string =>
  /[`'"](\/[^`'"]+)[`'"]/.exec(words)?.[1] ?? /(\/[\w./+-]+)/.exec(words)?.[1] ?? "a folder";

function machineFault(words: string): WheelsError | null {
  const lineOf = (pattern: RegExp): string | null =>
    pattern.test(words) ? (words.split("\n").find((line) => pattern.test(line)) ?? words).trim() : null;
  if (FULL.test(words)) return wheelsError("E_DISK_FULL", { where: pathIn(words) });
  const forbidden = lineOf(FORBIDDEN);
  if (forbidden !== null)
    return wheelsError("E_FOLDER_UNFIT", {
      use: "what is installed",
      folder: pathIn(words),
      problem: forbidden.replace(/\.$/, ""),
      remedy:
        "Make it writable and executable for this user, or name other folders with --cache-dir, UV_CACHE_DIR and TMPDIR.",
    });
  const limit = lineOf(LIMIT);
  if (limit !== null) return wheelsError("E_TOOL_LIMIT", { command: "A program", detail: limit });
  const foreign = lineOf(FOREIGN);
  return foreign === null ? null : wheelsError("E_TOOL_BROKEN", { path: pathIn(words), detail: foreign });
}

/** Sorts what uv or pip said at an end that is no success. @param lines how many of its last lines are kept */
export function troubleOf(result: RunResult, lines = 12): Trouble {
  const whole = `${result.stderr}\n${result.stdout}`;
  const words = tail(result, lines);
  const error = machineFault(words);
  if (error !== null) return { kind: "machine", words, error };
  if (UNREACHABLE.test(whole)) return { kind: "unreachable", words };
  return { kind: NO.test(whole) ? "no" : "error", words };
}

/** A program's words, and which of the user's settings may have led to them. */
export function withSettings(words: string, counted: readonly string[]): string {
  return counted.length === 0 ? words : `${words}\nSettings of yours that counted: ${counted.join(", ")}.`;
}

/**
 * The error of a uv or pip that failed at something that nobody has asked a question with.
 * @param doing such as "making an environment"
 * @returns the machine's own error, or E_TOOL_FAILED
 */
export function failureOf(
  result: RunResult,
  tool: string,
  doing: string,
  counted: readonly string[],
): WheelsError {
  const trouble = troubleOf(result);
  if (trouble.kind === "machine") return trouble.error;
  const remedies = {
    no: "Name another version, or another index (docs/settings.md lists the settings that count).",
    unreachable:
      "Check the network, the proxy and the index settings that count (docs/settings.md), then run again.",
    error: `Mend what ${tool} complains of; which of your settings count for it is in docs/settings.md.`,
  };
  return wheelsError("E_TOOL_FAILED", {
    tool,
    doing,
    detail: withSettings(trouble.words, counted),
    remedy: remedies[trouble.kind],
  });
}
