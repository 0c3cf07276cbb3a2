import type { Log } from "./log.ts";
import type { Scratch } from "./scratch.ts";
import type { ToolStore } from "./tools.ts";

/** What a use case may know of the world: handed in, so that nothing below `main/` reads globals. */
export interface Host {
  readonly log: Log;
  readonly scratch: Scratch;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** The environment at start; never changed in passing. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Where tools are kept. @param cache the cache folder that was asked for; a runner has its own place */
  tools(cache: string): ToolStore;
  /** Processor cores this process may use. */
  readonly cores: number;
  /** Wall clock. */
  now(): Date;
  /** Monotonic clock, milliseconds. */
  monotonic(): number;
}
