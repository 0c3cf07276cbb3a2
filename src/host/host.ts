import type { Log } from "./log.ts";
import type { Scratch } from "./scratch.ts";
import type { Trace } from "./trace.ts";

/** Where programs that are installed once are kept. Faces: a cache folder, or a runner's tool cache. */
export interface ToolStore {
  /** The folder of a tool that is there and works; null otherwise. */
  find(
    tool: { name: string; version: string },
    works: (folder: string) => Promise<boolean>,
  ): Promise<string | null>;
  /**
   * The folder of a tool, filled first where it is not there or does not work.
   * Two runs at once on one machine don't disturb each other.
   * @param works says whether a folder holds the tool, whole
   * @param fill installs into the folder it is given
   * @throws what `fill` throws; E_BUSY, E_OUTPUT_DIR, E_FOREIGN_OWNER
   */
  provide(
    host: Host,
    tool: { name: string; version: string },
    works: (folder: string) => Promise<boolean>,
    fill: (folder: string) => Promise<void>,
  ): Promise<string>;
}

/** A short program: it asks something, ends within seconds, and starts nothing that would have to be stopped with it. */
export interface ShortProgram {
  cwd?: string;
  /** The whole environment of the program. */
  env: Readonly<Record<string, string | undefined>>;
  /** True where its output may hold what nobody should read in a log, such as the password of an index. */
  isSecret?: true;
}

export interface ShortResult {
  /** Exit status. One that a signal ended has none, and is E_TOOL_KILLED. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What a use case may know of the world: handed in, so that nothing below the faces reads globals. */
export interface Host {
  readonly log: Log;
  readonly scratch: Scratch;
  /** What took how long, so far. */
  readonly trace: Trace;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** The environment at start; never changed in passing. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Folder where tools, sources, compiled code and logs are kept from one run to the next. */
  readonly cache: string;
  /** Whether what a broken-off build has left is kept for the next run; a runner's next job can't go on with it. */
  readonly keepsUnfinished: boolean;
  /**
   * Runs a short program with an argument array, never through a shell, to its end. What is long or has children of
   * its own is run by process.ts, which stops all of it.
   * @returns exit status and output; a non-zero status is not an error here: `meaning` of process.ts says what it is
   * @throws E_TOOL_MISSING, E_TOOL_NOT_ALLOWED, E_TOOL_ARCHITECTURE, E_TOOL_BROKEN, E_TOOL_LIMIT, E_FOLDER_UNFIT where it
   *   can't be started, E_TOOL_KILLED where a signal ended it, E_INTERRUPTED on abort
   */
  ask(command: string, args: readonly string[], options: ShortProgram): Promise<ShortResult>;
  /** Where tools are kept: below the cache folder, or at a runner's own place. */
  readonly tools: ToolStore;
  /** Whether texts for people may have colours. */
  readonly colour: boolean;
  /** Processor cores this process may use. */
  readonly cores: number;
  /** Wall clock. */
  now(): Date;
  /** Monotonic clock, milliseconds. */
  monotonic(): number;
}

/**
 * A question whose answer holds for a whole run: it is asked once for each host and key, and an error is an answer too.
 * @param ask what is asked; without a key, of the host alone
 */
export function oncePerHost<T>(
  ask: (host: Host, key: string) => Promise<T>,
): (host: Host, key?: string) => Promise<T> {
  const answers = new WeakMap<Host, Map<string, Promise<T>>>();
  return (host, key = "") => {
    const known = answers.get(host) ?? new Map<string, Promise<T>>();
    answers.set(host, known);
    const answer = known.get(key) ?? ask(host, key);
    known.set(key, answer);
    return answer;
  };
}
