import { z } from "zod";
import type { Finding } from "../../findings/findings.ts";
import type { ProgramName } from "../../findings/runtime-kinds.ts";
import type { EvidenceOf } from "../checks/catalogue.ts";
import type { CheckAnswer } from "../verdict/check.ts";
import type { EngineMode } from "../verdict/verdict.ts";
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
  compiled: z.object({ graphs: z.number(), seconds: z.number().nullable() }).optional(),
  modelRunner: z.string().nullable().optional(),
  runs: z.array(z.array(z.array(z.number()))).optional(),
});

const completionSchema = z.object({ choices: z.array(z.object({ text: z.string() })).length(1) });

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What ran of an engine. */
export interface EngineRuns {
  engines: Map<EngineMode, Run>;
  server: { mode: EngineMode; run: Run } | null;
}

type EngineEvidence = NonNullable<EvidenceOf<"runtime.engine">["engine"]>;

const PROGRAM: Readonly<Record<EngineMode, ProgramName>> = { eager: "engine", compiled: "compiled" };

/** What was wrong with the engine in a program; null for nothing. */
export function engineProblem(
  model: TinyModel,
  run: Run,
  limit: number,
  program: ProgramName = "engine",
): Finding | null {
  const silent = silence(run, program, limit);
  if (silent !== null) return silent;
  const parsed = engineSchema.safeParse(run.answer);
  if (!parsed.success) return { kind: "strange-answer", program };
  const { error, runs = [] } = parsed.data;
  if (error !== null) return { kind: "program-error", program, message: error };
  const [first = [], second = []] = runs;
  if (!same(first, second)) return { kind: "unsteady-tokens", program, found: runs };
  const expected = model.cases.map(({ tokens }) => tokens);
  if (!same(first, expected)) return { kind: "other-tokens", program, expected, found: first };
  if (run.exit !== 0) return { kind: "unclean-stop", program, status: run.exit, signal: run.signal };
  return run.left.length > 0 ? { kind: "processes-left", program, processes: run.left } : null;
}

/** Characters of a server's answer that a finding keeps. */
const MOST_BODY = 300;

/** What was wrong with the server; null for nothing. */
export function serverProblem(model: TinyModel, run: Run, limit: number): Finding | null {
  const program = "server";
  const { http, crash } = run;
  if (crash || run.timedOut) return silence(run, program, limit);
  if (http === null) return { kind: "never-asked", program };
  const { error, status } = http;
  const last = run.stderr.tail.trim().split("\n").slice(-3).join(" / ");
  if (error !== null) return { kind: "program-error", program, message: `${error}: ${last}` };
  const body = (http.body ?? "").slice(0, MOST_BODY);
  const parsed = completionSchema.safeParse(jsonOf(http.body ?? ""));
  if (status !== 200 || !parsed.success) return { kind: "bad-reply", program, status, body };
  const found = (parsed.data.choices[0]?.text ?? "").trim();
  // The model's word for token 17 is w17.
  const expected = model.cases[0]?.tokens.map((token) => `w${token}`).join(" ") ?? "";
  if (found !== expected) return { kind: "other-completion", program, expected, found };
  if (run.exit !== 0) return { kind: "unclean-stop", program, status: run.exit, signal: run.signal };
  if (run.left.length > 0) return { kind: "processes-left", program, processes: run.left };
  return http.portFree ? null : { kind: "port-taken", program };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Libraries that a program and its children had really loaded, and what they had of the machine. */
const loadedBy = ({ seen }: Run): Pick<EngineEvidence, "loaded"> =>
  seen === null
    ? {}
    : {
        loaded: {
          openmp: seen.openmp,
          allocators: seen.allocators,
          cpus: seen.cpus,
          numaNodes: seen.numaNodes,
        },
      };

/** What an engine in a program says of itself, and what was seen of it. */
function engineEvidence(run: Run): EngineEvidence {
  const parsed = engineSchema.safeParse(run.answer);
  const told = parsed.success ? parsed.data : null;
  return {
    seconds: run.seconds,
    importSeconds: told?.importSeconds ?? null,
    startSeconds: told?.startSeconds ?? null,
    firstTokenSeconds: told?.firstTokenSeconds ?? null,
    peakBytes: Math.max(run.peakBytes, told?.peakBytes ?? 0),
    ...loadedBy(run),
    ...(run.limits ? { limits: run.limits } : {}),
    ...(told?.modelRunner ? { modelRunner: told.modelRunner } : {}),
    ...(told?.compiled ? { compiled: told.compiled } : {}),
  };
}

/**
 * runtime.engine: the tokens of each mode and of the server, against those computed before the wheel was there.
 * @param gap why a mode was not asked; null where all were
 */
export function engineCheck(
  model: TinyModel,
  { engines, server }: { engines: EngineRuns["engines"]; server: NonNullable<EngineRuns["server"]> },
  gap: Finding | null,
  { limit, emulator }: { limit: number; emulator: readonly string[] },
): CheckAnswer<"runtime.engine"> {
  const [eager, compiled] = [engines.get("eager"), engines.get("compiled")];
  const findings = [
    ...[...engines].map(([mode, run]) => engineProblem(model, run, limit, PROGRAM[mode])),
    serverProblem(model, server.run, limit),
  ].filter((one) => one !== null);
  const { http, seconds, peakBytes, seen } = server.run;
  const evidence = {
    seed: model.seed,
    tokens: model.cases.map(({ tokens }) => tokens),
    margins: model.cases.map(({ margin }) => margin),
    ...(eager ? { engine: engineEvidence(eager) } : {}),
    ...(compiled ? { compiled: engineEvidence(compiled) } : {}),
    server: {
      mode: server.mode,
      seconds,
      readySeconds: http?.readySeconds ?? null,
      requestSeconds: http?.requestSeconds ?? null,
      stopSeconds: http?.stopSeconds ?? null,
      peakBytes,
      ...loadedBy(server.run),
      processes: seen?.children ?? [],
    },
    ...(findings.length > 0
      ? {
          output: [...engines.values(), server.run].map(({ stderr, stacks }) => ({
            stderr: stderr.tail.slice(-3000),
            stacks: stacks.slice(0, 4000),
          })),
        }
      : {}),
    ...(emulator.length > 0 ? { emulator: emulator.join(" ") } : {}),
  };
  if (findings.length > 0) return { result: "fail", findings, evidence };
  return gap === null
    ? { result: "pass", findings, evidence }
    : { result: "not-run", findings: [gap], evidence };
}
