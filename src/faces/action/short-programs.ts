import { Writable } from "node:stream";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { ShortProgram, ShortResult } from "../../host/host.ts";
import { judged } from "../../host/process.ts";
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

/** By an ACL or a further group a file may be executable that @actions/io, which looks at the mode alone, does not take. */
const NOT_TAKEN = /^Unable to locate executable file/;
/** @actions/exec makes a text of what spawn answered: the code is its last word. */
const CODE = /\b(E[A-Z0-9]+)$/;

/** The same error with the code of the system, where that package's text tells it. */
function withCode(thrown: unknown): unknown {
  const message = messageOf(thrown);
  const code = NOT_TAKEN.test(message) ? "EACCES" : CODE.exec(message)?.[1];
  return code === undefined ? thrown : Object.assign(new Error(message, { cause: thrown }), { code });
}

/**
 * Runs a short program by @actions/exec, as other actions do: the log has its `[command]` line and its output.
 * That package has no way to stop a program: on abort nothing waits for it any more, and the runner ends what is left
 * of a job's programs. Nor can it close a program's standard input without a crash where the program ends first
 * (EPIPE, which it does not handle): none of ours reads it.
 * What can't be started is found out before, because of that package's answer a text is left, or none: where spawn throws
 * at once (E2BIG, ENOMEM) its promise is never settled, and Node.js ends the step with that error. Nor does it tell which
 * signal ended a program.
 * @param signal aborted where the step is cancelled
 * @param write puts a line into the step's log
 * @throws what `Host.ask` says
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
  const env = Object.entries(options.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const said = new Said(write, options.isSecret === true);
  const ended = new AbortController();
  const interruption = new Promise<never>((_resolve, reject) => {
    const refuse = (): void => reject(wheelsError("E_INTERRUPTED", { during }));
    signal.addEventListener("abort", refuse, { once: true, signal: ended.signal });
  });
  const at = { path: options.env["PATH"], cwd: options.cwd ?? process.cwd() };
  try {
    return await judged(command, at, async (program) => {
      const running = getExecOutput(quoted(program), [...args], {
        env: Object.fromEntries(env),
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ignoreReturnCode: true,
        outStream: said,
      }).catch((thrown: unknown) => Promise.reject(withCode(thrown)));
      const { exitCode, stdout, stderr } = await Promise.race([running, interruption]);
      said.flush();
      // Null where a signal ended it, whatever the type says.
      const code: number | null = exitCode;
      return { code, signal: code === null ? "a signal" : null, stdout, stderr };
    });
  } finally {
    ended.abort();
  }
}
