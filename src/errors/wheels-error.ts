import { CATALOGUE, type ErrorCode, type ErrorParams } from "./catalogue.ts";
import type { ErrorText, ExitCode } from "./entry.ts";
import { messageOf } from "./thrown.ts";

/** The one error type that use cases throw: a permanent code, what happened, why, and what to type. */
export class WheelsError extends Error {
  override readonly name = "WheelsError";
  readonly code: ErrorCode;
  readonly exit: ExitCode;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
  readonly place: NonNullable<ErrorText["place"]> | null;

  constructor(code: ErrorCode, exit: ExitCode, text: ErrorText, cause?: unknown) {
    super(`${text.what} ${text.why}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.exit = exit;
    this.what = text.what;
    this.why = text.why;
    this.remedy = text.remedy;
    this.place = text.place ?? null;
  }

  /** The form that `--json` prints under `error`. */
  toJSON(): { code: ErrorCode; what: string; why: string; remedy: string } {
    return { code: this.code, what: this.what, why: this.why, remedy: this.remedy };
  }
}

/**
 * Makes the error of a catalogue entry.
 * @param code permanent code
 * @param params what the entry's text needs
 * @param cause the underlying error, if any
 */
export function wheelsError<C extends ErrorCode>(
  code: C,
  params: ErrorParams<C>,
  cause?: unknown,
): WheelsError {
  const entry = CATALOGUE[code];
  const text = (entry.text as (p: ErrorParams<C>) => ErrorText)(params);
  return new WheelsError(code, entry.exit, text, cause);
}

/** True for an error of the catalogue; where codes are named, for one of these. */
export function isWheelsError(thrown: unknown, ...codes: readonly ErrorCode[]): thrown is WheelsError {
  return thrown instanceof WheelsError && (codes.length === 0 || codes.includes(thrown.code));
}

/** Any thrown value as a WheelsError; what is not one becomes E_INTERNAL with the value as its cause. */
export function asWheelsError(thrown: unknown): WheelsError {
  if (thrown instanceof WheelsError) return thrown;
  return wheelsError("E_INTERNAL", { detail: messageOf(thrown) }, thrown);
}

/**
 * What ended a run: after a signal everything that fails, fails because of it.
 * @param during what was going on, for the error
 */
export function asFailure(thrown: unknown, signal: AbortSignal, during: string): WheelsError {
  const error = asWheelsError(thrown);
  return signal.aborted && error.code !== "E_INTERRUPTED"
    ? wheelsError("E_INTERRUPTED", { during }, thrown)
    : error;
}
