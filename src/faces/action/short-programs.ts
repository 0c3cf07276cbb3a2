import { Writable } from "node:stream";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { ShortProgram, ShortResult } from "../../host/host.ts";
import { harmless } from "./harmless.ts";

/** The name of a program for @actions/exec, which takes it out of a command line. Source: its argStringToArray. */
const quoted = (command: string): string => `"${command.replaceAll('"', '\\"')}"`;

/**
 * Where @actions/exec writes its `[command]` line first, in one piece, and then what the program says. Whole lines go
 * on, so that no command of the runner's comes together of two pieces.
 */
class Said extends Writable {
  #rest = "";
  #pieces = 0;
  readonly #write: (line: string) => void;
  readonly #isSecret: boolean;

  constructor(write: (line: string) => void, isSecret: boolean) {
    super({ decodeStrings: false });
    this.#write = write;
    this.#isSecret = isSecret;
  }

  override _write(piece: string | Buffer, _encoding: string, done: () => void): void {
    if (this.#pieces++ === 0 || !this.#isSecret) {
      const lines = (this.#rest + piece.toString()).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#write(harmless(line));
    }
    done();
  }

  /** Writes what is left without an end of line. */
  flush(): void {
    if (this.#rest !== "") this.#write(harmless(this.#rest));
    this.#rest = "";
  }
}

/** What @actions/exec says of a program that is not there, or that can't be started. Source: @actions/io, which. */
const MISSING = /^Unable to locate executable file|ENOENT/;

/**
 * Runs a short program by @actions/exec, as other actions do: the log has its `[command]` line and its output.
 * That package has no way to stop a program: on abort nothing waits for it any more, and the runner ends what is left
 * of a job's programs. Nor can it close a program's standard input without a crash where the program ends first
 * (EPIPE, which it does not handle): none of ours reads it.
 * @param signal aborted where the step is cancelled
 * @param write puts a line into the step's log
 * @throws E_TOOL_MISSING, E_INTERRUPTED
 */
export async function askByActions(
  signal: AbortSignal,
  write: (line: string) => void,
  command: string,
  args: readonly string[],
  options: ShortProgram,
): Promise<ShortResult> {
  const during = `${command.split("/").at(-1)} ${args[0] ?? ""}`.trim();
  if (signal.aborted) throw wheelsError("E_INTERRUPTED", { during });
  const { getExecOutput } = await import("@actions/exec");
  const said = new Said(write, options.isSecret === true);
  const env = Object.entries(options.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  const ended = new AbortController();
  const interruption = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(wheelsError("E_INTERRUPTED", { during })), {
      once: true,
      signal: ended.signal,
    });
  });
  try {
    const { exitCode, stdout, stderr } = await Promise.race([
      getExecOutput(quoted(command), [...args], {
        env: Object.fromEntries(env),
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ignoreReturnCode: true,
        outStream: said,
      }),
      interruption,
    ]);
    said.flush();
    return { code: exitCode, stdout, stderr };
  } catch (thrown) {
    if (thrown instanceof Error && MISSING.test(thrown.message))
      throw wheelsError("E_TOOL_MISSING", { command }, thrown);
    throw thrown;
  } finally {
    ended.abort();
  }
}
