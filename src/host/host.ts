import type { Log } from "./log.ts";
import type { Scratch } from "./scratch.ts";

/** What a use case may know of the world: handed in, so that nothing below `main/` reads globals. */
export interface Host {
  readonly log: Log;
  readonly scratch: Scratch;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** The environment at start; never changed in passing. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Processor cores this process may use. */
  readonly cores: number;
  /** Wall clock. */
  now(): Date;
  /** Monotonic clock, milliseconds. */
  monotonic(): number;
}
