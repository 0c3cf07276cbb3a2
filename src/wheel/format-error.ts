import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";

/** Bytes or text that break their format; made into a failed check or a WheelsError by whoever reads a user's file. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  /** The file, entry or header at fault. */
  readonly where: string;
  readonly problem: string;

  constructor(where: string, problem: string) {
    super(`${where}: ${problem}`);
    this.where = where;
    this.problem = problem;
  }
}

/** What work gives; null where it meets what breaks its format. Anything else that is thrown goes on. */
export function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return null;
  }
}

/** What is said of a file of a user's that broke its format: E_WHEEL_FORMAT. Anything else that was thrown goes on. */
export function wheelFormatError(wheel: string, thrown: unknown): WheelsError {
  if (!(thrown instanceof FormatError)) throw thrown;
  return wheelsError("E_WHEEL_FORMAT", { wheel, detail: thrown.message }, thrown);
}
