import type { EngineMode } from "../verdict/verdict.ts";

/** What a user says of runtime.speed. */
export interface SpeedSettings {
  /** Path of the wheel to compare with, relative to the working folder; or NAME==VERSION, taken from the index. */
  reference: string;
  /** The least ratio of tokens a second that passes. */
  least: number;
}

/** How a wheel is run; what a user may set. */
export interface RunSettings {
  /** Seconds that each program of the clean room may take. */
  limit: number;
  /** Required packages that the clean room is made without; never more than a warning in the verdict. */
  without: readonly string[];
  /** A program, with its arguments, that runs another one on a CPU that this machine has not; empty for none. */
  emulator: readonly string[];
  /** True to run import and kernels once more on the least CPU of a contract that promises AVX2 and no more. */
  leastCpu: boolean;
  /** True to keep the wheel from the rest of the machine by what this machine has for that. */
  isolates: boolean;
  /** The modes that the engine is asked in; one at least. */
  modes: readonly EngineMode[];
  /** What its speed is compared with; null for nothing. */
  speed: SpeedSettings | null;
}
