import { z } from "zod";
import { formatBytes } from "../../host/terminal.ts";
import type { Check } from "../verdict/verdict.ts";
import { crashText } from "./crash.ts";
import { STRANGE } from "./import-check.ts";
import { type Run, silence } from "./supervised.ts";

/** The tiny model's answers (src/probe/engine_model.py). */
export const modelSchema = z.object({
  seed: z.number(),
  cases: z
    .array(z.object({ prompt: z.array(z.number()), tokens: z.array(z.number()), margin: z.number() }))
    .min(1),
});

export type TinyModel = z.infer<typeof modelSchema>;

/** What the engine says of itself (src/probe/engine_run.py). */
const engineSchema = z.object({
  error: z.string().nullable(),
  importSeconds: z.number().optional(),
  startSeconds: z.number().optional(),
  firstTokenSeconds: z.number().optional(),
  peakBytes: z.number().optional(),
  runs: z.array(z.array(z.array(z.number()))).optional(),
});

const completionSchema = z.object({ choices: z.array(z.object({ text: z.string() })).length(1) });

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What was wrong with the engine in a program; null for nothing. */
export function engineProblem(model: TinyModel, run: Run, limit: number): string | null {
  if (run.crash) return crashText(run.crash);
  const silent = silence(run, limit);
  if (silent !== null) return silent;
  const parsed = engineSchema.safeParse(run.answer);
  if (!parsed.success) return STRANGE;
  const { error, runs } = parsed.data;
  if (error !== null) return error;
  const [first, second] = runs ?? [];
  if (!same(first, second)) return `greedy tokens differ from one time to the next: ${JSON.stringify(runs)}`;
  const right = model.cases.map(({ tokens }) => tokens);
  if (!same(first, right))
    return `its tokens are ${JSON.stringify(first)}; plain torch computes ${JSON.stringify(right)}`;
  if (run.left.length > 0) return `it left ${run.left.length} processes behind: ${run.left.join("; ")}`;
  return null;
}

/** What was wrong with the server; null for nothing. */
export function serverProblem(model: TinyModel, run: Run, limit: number): string | null {
  const { http } = run;
  if (run.crash) return crashText(run.crash);
  const tail = run.stderr.tail.trim().split("\n").slice(-3).join(" / ");
  if (run.timedOut) return silence(run, limit);
  if (http === null) return "nobody spoke with it";
  if (http.error !== null) return `${http.error}: ${tail}`;
  if (http.status !== 200) return `it answered ${http.status}: ${http.body?.slice(0, 300)}`;
  const parsed = completionSchema.safeParse(jsonOf(http.body ?? ""));
  if (!parsed.success) return `its answer is no completion: ${http.body?.slice(0, 300)}`;
  const text = parsed.data.choices[0]?.text ?? "";
  // The model's word for token 17 is w17.
  const right = model.cases[0]?.tokens.map((token) => `w${token}`).join(" ") ?? "";
  if (text.trim() !== right) return `it completes with ${text.trim()}; plain torch computes ${right}`;
  if (run.exit !== 0) return `it did not stop cleanly: status ${run.exit ?? run.signal}`;
  if (run.left.length > 0) return `it left ${run.left.length} processes behind: ${run.left.join("; ")}`;
  if (!http.portFree) return "its port is still taken after it stopped";
  return null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** runtime.engine: the tokens of both ways in, against those computed before the wheel was there. */
export function engineCheck(
  model: TinyModel,
  engine: Run,
  server: Run,
  settings: { limit: number; emulator: readonly string[] },
): Check {
  const { limit, emulator } = settings;
  const own = engineSchema.safeParse(engine.answer);
  const told = own.success ? own.data : null;
  const problems = [
    { who: "the engine", problem: engineProblem(model, engine, limit) },
    { who: "the server", problem: serverProblem(model, server, limit) },
  ].filter(({ problem }) => problem !== null);
  const evidence = {
    seed: model.seed,
    tokens: model.cases.map(({ tokens }) => tokens),
    margins: model.cases.map(({ margin }) => margin),
    engine: {
      seconds: engine.seconds,
      importSeconds: told?.importSeconds ?? null,
      startSeconds: told?.startSeconds ?? null,
      firstTokenSeconds: told?.firstTokenSeconds ?? null,
      peakBytes: Math.max(engine.peakBytes, told?.peakBytes ?? 0),
    },
    server: {
      seconds: server.seconds,
      readySeconds: server.http?.readySeconds ?? null,
      requestSeconds: server.http?.requestSeconds ?? null,
      stopSeconds: server.http?.stopSeconds ?? null,
      peakBytes: server.peakBytes,
      processes: server.seen?.children ?? [],
    },
    ...(problems.length > 0
      ? {
          stderr: [engine.stderr.tail.slice(-3000), server.stderr.tail.slice(-3000)],
          stacks: [engine.stacks.slice(0, 4000), server.stacks.slice(0, 4000)],
        }
      : {}),
    ...(emulator.length > 0 ? { emulator: emulator.join(" ") } : {}),
  };
  if (problems.length > 0) {
    return {
      id: "runtime.engine",
      result: "fail",
      detail: problems.map(({ who, problem }) => `${who}: ${problem}`).join("; "),
      evidence,
      remedy: "Start the engine by hand with a small model; the evidence has the end of its messages.",
    };
  }
  const { peakBytes } = evidence.engine;
  return {
    id: "runtime.engine",
    result: "pass",
    detail: `${model.cases.length} greedy continuations are plain torch's, twice and over HTTP; imported in ${told?.importSeconds?.toFixed(1)} s, first token ${told?.firstTokenSeconds?.toFixed(3)} s after a start of ${told?.startSeconds?.toFixed(1)} s, ${formatBytes(peakBytes)} at most; the server was ready after ${server.http?.readySeconds?.toFixed(1)} s and stopped in ${server.http?.stopSeconds?.toFixed(1)} s`,
    evidence,
  };
}
