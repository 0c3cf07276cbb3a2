import type { Log, Stage } from "./log.ts";

/** Something that took time, by the host's monotonic clock, in milliseconds. */
export interface Span {
  name: string;
  kind: "stage" | "program" | "compile step";
  from: number;
  to: number;
}

/** What took how long in one run. */
export interface Trace {
  add(span: Span): void;
  readonly spans: readonly Span[];
}

/** A run has some thousand programs and compile steps; whatever comes after so many is left out. */
const MOST_SPANS = 100_000;

export function createTrace(): Trace {
  const spans: Span[] = [];
  return {
    spans,
    add(span) {
      if (spans.length < MOST_SPANS) spans.push(span);
    },
  };
}

/** A log whose stages are in the trace, also those that failed. @param clock monotonic, milliseconds */
export function tracedLog(log: Log, trace: Trace, clock: () => number): Log {
  return {
    ...log,
    stage(name): Stage {
      const stage = log.stage(name);
      const from = clock();
      const end = (): void => trace.add({ name, kind: "stage", from, to: clock() });
      return {
        progress: (done, total) => stage.progress(done, total),
        done(note) {
          end();
          return stage.done(note);
        },
        failed() {
          end();
          stage.failed();
        },
      };
    },
  };
}

interface ChromeEvent {
  name: string;
  cat: string;
  ph: "X" | "M";
  ts: number;
  dur?: number;
  pid: 1;
  tid: number;
  args?: Record<string, string>;
}

const ORDER: readonly Span["kind"][] = ["stage", "program", "compile step"];
/** Threads of one kind stand together, in the order above. */
const LANES_OF_A_KIND = 1000;

/**
 * The run as Perfetto and chrome://tracing read it: what ran at the same time is in rows of its own.
 * Source: Trace Event Format (Google), "Complete Events", "Metadata Events"; times are microseconds.
 */
export function chromeTrace(spans: readonly Span[]): { traceEvents: ChromeEvent[]; displayTimeUnit: "ms" } {
  const start = spans.reduce((first, { from }) => Math.min(first, from), Number.POSITIVE_INFINITY);
  const events: ChromeEvent[] = [];
  for (const [position, kind] of ORDER.entries()) {
    const free: number[] = [];
    const own = spans.filter((span) => span.kind === kind).toSorted((a, b) => a.from - b.from || b.to - a.to);
    for (const { name, from, to } of own) {
      const found = free.findIndex((until) => until <= from);
      const lane = found < 0 ? free.length : found;
      free[lane] = to;
      const tid = (position + 1) * LANES_OF_A_KIND + lane;
      const [ts, dur] = [(from - start) * 1000, (to - from) * 1000];
      events.push({ name, cat: kind, ph: "X", ts: Math.round(ts), dur: Math.round(dur), pid: 1, tid });
    }
    for (const lane of free.keys()) {
      const args = { name: `${kind}s${free.length > 1 ? ` ${lane + 1}` : ""}` };
      const tid = (position + 1) * LANES_OF_A_KIND + lane;
      events.push({ name: "thread_name", cat: "__metadata", ph: "M", ts: 0, pid: 1, tid, args });
    }
  }
  return { traceEvents: events, displayTimeUnit: "ms" };
}

/** The stages that took the longest, the longest first; seconds. */
export function slowestStages(spans: readonly Span[], count: number): { name: string; seconds: number }[] {
  return spans
    .filter(({ kind }) => kind === "stage")
    .map(({ name, from, to }) => ({ name: name.replace(/\.\.\.$/, ""), seconds: (to - from) / 1000 }))
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, count);
}
