import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { styleText } from "node:util";
import type { Host } from "./host.ts";
import type { Log, Stage } from "./log.ts";
import { cacheDir } from "./paths.ts";
import { createScratch } from "./scratch.ts";
import { folderTools } from "./tools.ts";
import { createTrace, tracedLog } from "./trace.ts";
import { formatSeconds } from "./units.ts";

export { formatBytes } from "./units.ts";

type Style = Parameters<typeof styleText>[0];

/** What of a stream a log needs. */
export interface Sink {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export interface TerminalOptions {
  info: Sink;
  /** Where warnings and errors go. */
  problems: Sink;
  debug: boolean;
  colour: boolean;
}

const BAR_WIDTH = 28;
/** A log file gets a line each time this share of the work is done. */
const SPARSE_SHARE = 0.1;
const TICK_MS = 10_000;

/**
 * Whether colours are wanted on a stream.
 * Source: no-color.org (NO_COLOR, when not empty) and force-color.org (FORCE_COLOR).
 */
export function wantsColour(stream: { isTTY?: boolean }, env: Host["env"]): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"] && env["FORCE_COLOR"] !== "0") return true;
  return stream.isTTY === true && env["TERM"] !== "dumb";
}

/** A log for a person's shell or a plain log file: `[INFO] …` lines, a bar on a terminal, sparse lines elsewhere. */
export function createTerminalLog(options: TerminalOptions): Log {
  const live = options.info.isTTY === true;
  let barShown = false;

  const write = (stream: Sink, label: string, style: Style, message: string): void => {
    clearBar();
    const tag = options.colour ? styleText(style, `[${label}]`, { validateStream: false }) : `[${label}]`;
    stream.write(`${tag} ${message}\n`);
  };
  const clearBar = (): void => {
    if (!barShown) return;
    options.info.write("\r\u001b[K");
    barShown = false;
  };
  const info = (message: string): void => write(options.info, "INFO", "blue", message);

  return {
    info,
    success: (message) => write(options.info, "SUCCESS", "green", message),
    warn: (message) => write(options.problems, "WARNING", "yellow", message),
    error: (message) => write(options.problems, "ERROR", "red", message),
    debug: (message) => {
      if (options.debug) write(options.problems, "DEBUG", "gray", message);
    },
    output(line) {
      clearBar();
      options.info.write(`${line}\n`);
    },
    stage(name): Stage {
      info(name);
      const started = performance.now();
      const elapsed = (): number => (performance.now() - started) / 1000;
      let shown = 0;
      let position = "";
      const draw = (): void => {
        clearBar();
        options.info.write(
          `  ${position} ${formatSeconds(elapsed())}`.slice(0, (options.info.columns ?? 80) - 1),
        );
        barShown = true;
      };
      const ticker = setInterval(
        () => (live ? draw() : info(`  … ${position ? `${position} ` : ""}${formatSeconds(elapsed())}`)),
        live ? 1000 : TICK_MS,
      );
      ticker.unref();
      const end = (): void => {
        clearInterval(ticker);
        clearBar();
      };
      return {
        progress(done, total) {
          const share = total > 0 ? done / total : 0;
          if (live) {
            const filled = Math.round(share * BAR_WIDTH);
            position = `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}] ${done}/${total}`;
            draw();
            return;
          }
          position = `[${done}/${total}]`;
          if (share - shown < SPARSE_SHARE && done < total) return;
          shown = share;
          info(`  ${position} ${formatSeconds(elapsed())}`);
        },
        done(note) {
          end();
          const seconds = elapsed();
          info(`  done in ${formatSeconds(seconds)}${note ? ` · ${note}` : ""}`);
          return seconds;
        },
        failed: end,
      };
    },
  };
}

/**
 * The host of a command-line run; the signal is aborted by the caller's signal handlers.
 * @param cache the cache folder that was asked for; null for the usual one
 */
export function createTerminalHost(
  log: Log,
  signal: AbortSignal,
  options: { colour: boolean; cache: string | null },
): Host {
  const env = { ...process.env };
  const cwd = process.cwd();
  const cache = cacheDir(env, cwd, options.cache);
  const trace = createTrace();
  const host: Host = {
    log: tracedLog(log, trace, () => performance.now()),
    trace,
    colour: options.colour,
    signal,
    scratch: createScratch(tmpdir()),
    env,
    cwd,
    cache,
    keepsUnfinished: true,
    tools: folderTools(join(cache, "tools")),
    cores: availableParallelism(),
    now: () => new Date(),
    monotonic: () => performance.now(),
    // Loaded when a program is run: most commands run none before they print.
    ask: async (command, args, { isSecret: _isSecret, ...options }) =>
      (await import("./process.ts")).run(host, command, args, options),
  };
  return host;
}
