import type { Scratch } from "./scratch.ts";

/** Conventional status of a process that Ctrl-C ended. */
const FORCED_EXIT = 130;

/**
 * Turns the first SIGINT or SIGTERM into an abort, so that work can end in order; a second one ends at once, after
 * removing scratch folders.
 */
export function abortOnSignals(
  scratch: () => Scratch | null,
  onFirst: (signal: NodeJS.Signals) => void,
): AbortController {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) {
        scratch()?.removeAllNow();
        process.exit(FORCED_EXIT);
      }
      controller.abort();
      onFirst(signal);
    });
  }
  return controller;
}
