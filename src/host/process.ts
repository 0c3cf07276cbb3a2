import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../errors/thrown.ts";
import { WheelsError, wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "./host.ts";
import { oomKills } from "./memory.ts";
import { folderError, isUnusable, locateProgram, startError } from "./programs.ts";

export interface RunOptions {
  cwd?: string;
  /** The whole environment of the child. */
  env: Readonly<Record<string, string | undefined>>;
  /** Called for each line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
  /** Extra pipe the child may write to as file descriptor 3; what it wrote comes back as `fd3`. */
  wantsFd3?: boolean;
  /** Milliseconds after which the child and its children are stopped. */
  timeout?: number;
  /**
   * A signal that ends the child is the caller's to judge, because it may be the answer (code that is tried out).
   * SIGKILL is not among them: the kernel sends it for want of memory, which is the machine's fault whatever runs.
   */
  judgesSignals?: boolean;
  /** Kept characters of stdout and of stderr each; the beginning is dropped. Default 4 Mi. */
  keep?: number;
}

export interface RunResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  fd3: string;
  timedOut: boolean;
  /** Seconds. */
  seconds: number;
}

const GRACE_MS = 5000;

/** What a shell, uv or ninja ends with when what it started was killed. Source: POSIX sh, "Exit Status". */
const KILLED_BELOW = 128 + 9;

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    // Negative: the whole group, or ninja dies and its compilers go on.
    process.kill(-pid, signal);
  } catch (thrown) {
    if (codeOf(thrown) !== "ESRCH") throw thrown;
  }
}

function collect(stream: Readable, keep: number, onLine?: (line: string) => void): () => string {
  let text = "";
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on("line", (line) => {
    text += `${line}\n`;
    if (text.length > 2 * keep) text = text.slice(-keep);
    onLine?.(line);
  });
  return () => text.slice(-keep);
}

/** What of an ended program is judged; `signal` is the name of what ended it, null where it ended by itself. */
type Ended = Pick<RunResult, "code" | "stdout" | "stderr"> & { signal?: string | null; timedOut?: boolean };

/** A program that was killed has answered nothing. @throws E_TOOL_KILLED */
async function demandAlive(
  command: string,
  result: Ended,
  killsBefore: number,
  judgesSignals: boolean,
): Promise<void> {
  if (result.timedOut) return;
  const below = result.code === KILLED_BELOW && !judgesSignals;
  const signal = result.signal ?? (below ? "SIGKILL" : null);
  if (signal === null || (judgesSignals && signal !== "SIGKILL")) return;
  const memory = signal === "SIGKILL" && (await oomKills()) > killsBefore;
  const who = below ? `What ${command} started` : command;
  throw wheelsError("E_TOOL_KILLED", { command: who, signal, memory, detail: tail(result) });
}

/** Where a program is looked for and started, and who judges a signal that ends it; see {@link RunOptions}. */
interface Circumstances {
  /** PATH of the program's environment. */
  path: string | undefined;
  cwd: string;
  judgesSignals?: boolean | undefined;
}

/**
 * What is the same however a program is started: finding it, telling why it can't be started, and judging its end.
 * @param start runs the file that was found; what it throws has the code of the system
 * @throws E_TOOL_MISSING, E_TOOL_NOT_ALLOWED, E_TOOL_ARCHITECTURE, E_TOOL_BROKEN, E_TOOL_LIMIT, E_FOLDER_UNFIT where it
 *   can't be started, E_TOOL_KILLED where a signal ended it
 */
export async function judged<Result extends Ended>(
  command: string,
  { path, cwd, judgesSignals = false }: Circumstances,
  start: (program: string) => Promise<Result>,
): Promise<Result> {
  const program = await locateProgram(command, path, cwd);
  const gone = await folderError(cwd);
  if (gone !== null) throw gone;
  const killsBefore = await oomKills();
  let result: Result;
  try {
    result = await start(program);
  } catch (thrown) {
    throw thrown instanceof WheelsError ? thrown : ((await startError(program, cwd, thrown)) ?? thrown);
  }
  await demandAlive(command, result, killsBefore, judgesSignals);
  return result;
}

/**
 * Runs a program with an argument array, never through a shell.
 * On abort the child's whole process group gets SIGTERM, then SIGKILL after 5 s; none is left behind.
 * @returns exit status and output; a non-zero status is not an error here: see {@link meaning}
 * @throws what {@link judged} throws, E_INTERRUPTED on abort
 */
export async function run(
  host: Host,
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const during = `${command.split("/").at(-1)} ${args[0] ?? ""}`.trim();
  const demandWanted = (): void => {
    if (host.signal.aborted) throw wheelsError("E_INTERRUPTED", { during });
  };
  demandWanted();
  host.log.debug(`run: ${[command, ...args].join(" ")}`);
  const started = host.monotonic();
  const { env, cwd = process.cwd(), judgesSignals } = options;
  const at = { path: env["PATH"], cwd, judgesSignals };
  return judged(command, at, async (program) => {
    demandWanted();
    const ended = await runGroup(host, program, [command, ...args], options);
    host.trace.add({ name: during, kind: "program", from: started, to: host.monotonic() });
    demandWanted();
    return { ...ended, seconds: (host.monotonic() - started) / 1000 };
  });
}

/** Runs a program in a process group of its own. @param words its argv, its own name first */
async function runGroup(
  host: Host,
  program: string,
  [argv0 = "", ...args]: readonly string[],
  options: RunOptions,
): Promise<Omit<RunResult, "seconds">> {
  const keep = options.keep ?? 4 * 1024 * 1024;
  const child = spawn(program, args, {
    argv0,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe", options.wantsFd3 ? "pipe" : "ignore"],
    detached: true,
  });
  const out = collect(child.stdout as Readable, keep, options.onLine);
  const err = collect(child.stderr as Readable, keep, options.onLine);
  const fd3 = options.wantsFd3 ? collect(child.stdio[3] as Readable, keep) : () => "";
  let timedOut = false;
  const closing = new AbortController();
  const stop = async (): Promise<void> => {
    if (child.pid === undefined) return;
    killGroup(child.pid, "SIGTERM");
    await sleep(GRACE_MS, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
    killGroup(child.pid, "SIGKILL");
  };
  const onAbort = (): void => void stop();
  host.signal.addEventListener("abort", onAbort, { once: true });
  const timer =
    options.timeout === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          void stop();
        }, options.timeout);
  try {
    const { code, signal } = await new Promise<Pick<RunResult, "code" | "signal">>((resolve, reject) => {
      child.once("error", reject);
      // What the child left running in its group would hold our pipes open, and outlive us.
      child.once("exit", () => child.pid !== undefined && killGroup(child.pid, "SIGKILL"));
      child.once("close", (exitCode, exitSignal) => resolve({ code: exitCode, signal: exitSignal }));
    });
    return { code, signal, stdout: out(), stderr: err(), fd3: fd3(), timedOut };
  } finally {
    clearTimeout(timer);
    host.signal.removeEventListener("abort", onAbort);
    closing.abort();
  }
}

/**
 * What a program answers to `--version`; null where it is not there, or is there and does not work, which is said.
 * @param env the whole environment of the program
 * @param isOwn whether such an answer is this program's
 */
export async function versionAnswer(
  host: Host,
  path: string,
  env: RunOptions["env"],
  isOwn: (answer: string) => boolean = () => true,
): Promise<string | null> {
  let why: string;
  try {
    const result = await host.ask(path, ["--version"], { env });
    if (result.code === 0 && isOwn(result.stdout)) return result.stdout;
    why = `it ended with status ${result.code}: ${tail(result, 2)}`;
  } catch (thrown) {
    if (!(thrown instanceof WheelsError) || !isUnusable(thrown)) throw thrown;
    if (thrown.code === "E_TOOL_MISSING") return null;
    why = `${thrown.what} ${thrown.why}`;
  }
  host.log.warn(`${path} is not used: ${why}`);
  return null;
}

/** The last lines of a program's output, for an error's text. */
export function tail(result: Pick<RunResult, "stdout" | "stderr">, lines = 8): string {
  const text = result.stderr.trim() || result.stdout.trim();
  return text.split("\n").slice(-lines).join("\n");
}

/**
 * What a program's exit status means. A status that is not listed is the program's own error, never an answer.
 * @param meanings by status
 * @param otherwise the error to throw, made of the program's last words
 */
export function meaning<T>(
  result: Ended,
  meanings: Readonly<Record<number, T>>,
  otherwise: (words: string) => Error,
): T {
  if (result.code !== null && Object.hasOwn(meanings, result.code) && !result.timedOut)
    return meanings[result.code] as T;
  throw otherwise(result.timedOut ? `It was stopped at its time limit. ${tail(result)}` : tail(result));
}
