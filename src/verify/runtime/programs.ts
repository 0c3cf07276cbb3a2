import type { Finding } from "../../findings/findings.ts";
import type { ProgramName } from "../../findings/runtime-kinds.ts";
import type { Host } from "../../host/host.ts";
import { availableMemory } from "../../host/memory.ts";
import type { TorchFacts } from "../../torch/gate.ts";
import { VLLM_PACKAGE, type WheelFacts } from "../facts/facts.ts";
import { type Check, type CheckAnswer, leastIsolation, makeCheck, notRun } from "../verdict/check.ts";
import type { CheckId, Level } from "../verdict/verdict.ts";
import type { Crash } from "./crash.ts";
import { type EngineRuns, engineCheck, type TinyModel } from "./engine-check.ts";
import { type ImportFacts, importAnswerSchema, importCheck } from "./import-check.ts";
import { type KernelFacts, kernelsCheck } from "./kernels-check.ts";
import { compareOperators, type Expected, operatorsSchema } from "./operators.ts";
import { type Room, writtenAtHome } from "./room.ts";
import { inMemory, type Task } from "./schedule.ts";
import { type Limits, type Program, type Run, silence, supervise } from "./supervised.ts";
import { onEmulatedCpu } from "./tiles.ts";

/** What was computed before the wheel entered the room. */
export interface Challenge {
  seed: number;
  operators: Expected;
  /** Null below the level of the engine: nothing else asks it, and it takes longer than all the operators. */
  model: TinyModel | null;
  /** Folder of the tiny model. */
  modelFolder: string;
  /** What kept torch from compiling a function here; null where nothing did, or nobody asked. */
  noCompiledMode: string | null;
}

/** What the programs must know of a wheel that is installed. */
export type InstalledWheel = Pick<WheelFacts, "distribution" | "packages" | "kernelChecks">;

export interface Programs {
  room: Room;
  facts: InstalledWheel;
  level: Exclude<Level, "static">;
  before: TorchFacts["torch"];
  flags: ReadonlySet<string>;
  /** Null for a wheel that is not vLLM. */
  challenge: Challenge | null;
  /** Why the engine can't start whatever the wheel is; null for nothing. */
  hindrance: Finding | null;
  /** True where a contract promises that this CPU suffices; a missing feature is then the wheel's fault. */
  promised: boolean;
  /** Features that the wheel must use by its contract; where they are emulated, the kernels must have used them. */
  mustUse: readonly string[];
  /** A free port for the server. */
  port: number;
}

const GIB = 1024 ** 3;
/** Bytes that each program takes at most, by what was measured with vLLM 0.32, and some more. */
const NEED = {
  declared: GIB,
  operators: GIB,
  engine: 2.5 * GIB,
  compiled: 3.5 * GIB,
  server: 3.5 * GIB,
} as const;
/**
 * What the eager engine is held to, as in a small container. vLLM takes most of the memory that it sees for its cache and
 * fills little of it, so where what is asked for is bounded it is told how much to ask for, GiB.
 */
const CONTAINER: Limits = { cpus: 2, memory: 4 * GIB, env: { VLLM_CPU_KVCACHE_SPACE: "1" } };
/** Share of the free memory that is planned with. */
const SHARE = 0.9;
const DEVICE = { VLLM_TARGET_DEVICE: "cpu" } as const;

/** Without a contract nobody said that this CPU suffices: running into what it lacks is no failure then. */
function excused<Id extends CheckId>(
  answer: CheckAnswer<Id>,
  crash: Pick<Crash, "lacks"> | null,
  promised: boolean,
): CheckAnswer<Id> {
  if (answer.result !== "fail" || promised || !crash || crash.lacks.length === 0) return answer;
  const { findings, evidence } = answer;
  const lacks: Finding = { kind: "lacks-features", features: crash.lacks };
  return { result: "not-run", findings: [lacks, ...findings], evidence };
}

/** An answer that says what kept the programs which gave it from the rest of the machine. */
function isolated<Id extends CheckId>(answer: CheckAnswer<Id>, runs: readonly Run[]): CheckAnswer<Id> {
  const isolation = leastIsolation(runs);
  return isolation === undefined ? answer : { ...answer, isolation };
}

async function importOnce(
  host: Host,
  programs: Programs,
  env: Program["env"],
): Promise<Pick<ImportFacts, "run" | "answer">> {
  const { room, facts, flags } = programs;
  const request = { distribution: facts.distribution, packages: facts.packages, kernels: false };
  const program: Program = { probe: "wheel_run.py", request, ...(env ? { env } : {}) };
  const run = await supervise(host, room, program, flags);
  return { run, answer: importAnswerSchema.nullable().catch(null).parse(run.answer) };
}

/** Imports the wheel as a user would; vLLM a second time with its variable, if it does not find the CPU without. */
async function importWheel(
  host: Host,
  programs: Programs,
): Promise<{ check: Check; crash: Crash | null; env: Program["env"] }> {
  const { room, facts, before, promised } = programs;
  const escaped = (facts.distribution ?? "").replaceAll("-", "_");
  const base = {
    before,
    roots: [...facts.packages, `${escaped}.libs`],
    limit: room.settings.limit,
    emulator: room.settings.emulator,
  };
  let seen = await importOnce(host, programs, undefined);
  let env: Program["env"];
  const isVllm = facts.packages.includes(VLLM_PACKAGE);
  if (isVllm && seen.answer && seen.answer.platform !== "cpu" && seen.run.exit === 0) {
    const again = await importOnce(host, programs, DEVICE);
    if (again.answer?.platform === "cpu") {
      seen = again;
      env = DEVICE;
    }
  }
  const variable = env ? "VLLM_TARGET_DEVICE=cpu" : null;
  const own = importCheck({ ...base, ...seen, home: await writtenAtHome(room), variable });
  const { crash, tiles, isolation, noNamespaces } = seen.run;
  if (isolation !== "namespaces" && noNamespaces !== null)
    host.log.info(
      `  this machine does not let it run in namespaces of its own (${noNamespaces}): isolation is ${isolation}`,
    );
  const answer = isolated(onEmulatedCpu(own, room.emulation, [tiles], null), [seen.run]);
  return { check: makeCheck("runtime.import", excused(answer, crash, promised)), crash, env };
}

type Running = Task<void>;

/** The programs of runtime.kernels, and how they become its answer. */
function kernelTasks(
  host: Host,
  programs: Programs,
  env: Program["env"],
): { tasks: Running[]; check: () => Check } {
  const { room, facts, flags, challenge, promised, mustUse } = programs;
  const runs: Run[] = [];
  const found: KernelFacts = { declared: [], operators: null, broken: [] };
  const more = env ? { env } : {};
  const broke = (program: ProgramName, run: Run, understood: boolean): void => {
    runs.push(run);
    const silent = silence(run, program, room.settings.limit);
    const finding = silent ?? (understood ? null : { kind: "strange-answer" as const, program });
    if (finding) found.broken.push({ finding, stacks: run.stacks.slice(0, 4000) });
  };
  const tasks: Running[] = [];
  if (facts.kernelChecks.length > 0) {
    tasks.push({
      need: NEED.declared,
      work: async () => {
        const request = { distribution: facts.distribution, packages: facts.packages, kernels: true };
        const run = await supervise(host, room, { probe: "wheel_run.py", request, ...more }, flags);
        const parsed = importAnswerSchema.safeParse(run.answer);
        broke("kernel-checks", run, parsed.success);
        found.declared = parsed.data?.kernels ?? [];
      },
    });
  }
  if (challenge) {
    tasks.push({
      need: NEED.operators,
      work: async () => {
        const { seed } = challenge;
        const request = { packages: facts.packages, seed };
        const run = await supervise(host, room, { probe: "kernel_run.py", request, ...more }, flags);
        const parsed = operatorsSchema.safeParse(run.answer);
        broke("operators", run, parsed.success);
        if (!parsed.success) return;
        const { error } = parsed.data;
        if (error !== null)
          found.broken.push({
            finding: { kind: "program-error", program: "operators", message: error },
            stacks: "",
          });
        else found.operators = { seed, cases: compareOperators(challenge.operators, parsed.data) };
      },
    });
  }
  const check = (): Check => {
    const crash = found.broken.map(({ finding }) => finding).find((one) => one.kind === "crash") ?? null;
    const tiles = runs.map((run) => run.tiles);
    const answer = onEmulatedCpu(kernelsCheck(found), room.emulation, tiles, mustUse);
    return makeCheck("runtime.kernels", excused(isolated(answer, runs), crash, promised));
  };
  return { tasks, check };
}

/** The programs of runtime.engine. */
function engineTasks(
  host: Host,
  programs: Programs & { challenge: Challenge & { model: TinyModel } },
  env: Program["env"],
): { tasks: Running[]; check: () => Check } {
  const { room, flags, port, promised, mustUse } = programs;
  const { model, modelFolder, noCompiledMode } = programs.challenge;
  const { modes } = room.settings;
  const can = modes.filter((mode) => mode === "eager" || noCompiledMode === null);
  const prompts = model.cases.map(({ prompt }) => prompt);
  const tokens = model.cases[0]?.tokens.length ?? 0;
  const runs: EngineRuns = { engines: new Map(), server: null };
  const engines = can.map(
    (mode): Running => ({
      need: mode === "compiled" ? NEED.compiled : NEED.engine,
      work: async () => {
        const program: Program = {
          probe: "engine_run.py",
          request: { model: modelFolder, prompts, tokens, mode },
          // In one process here, so that a crash is seen; the server runs it as users do, in several.
          env: { ...env, VLLM_ENABLE_V1_MULTIPROCESSING: "0" },
          ...(mode === "eager" ? { limits: CONTAINER } : {}),
        };
        runs.engines.set(mode, await supervise(host, room, program, flags));
      },
    }),
  );
  const serve = async (): Promise<void> => {
    const body = {
      model: "tiny",
      prompt: prompts[0],
      max_tokens: tokens,
      temperature: 0,
      ignore_eos: true,
      skip_special_tokens: false,
    };
    const words = "--served-model-name tiny --dtype bfloat16 --max-model-len 256 --max-num-seqs 4".split(" ");
    const mode = can.at(-1) ?? "eager";
    if (mode === "eager") words.push("--enforce-eager");
    const program: Program = {
      probe: "engine_server.py",
      request: null,
      args: ["--model", modelFolder, "--host", "127.0.0.1", "--port", String(port), ...words],
      http: { port, ready: "/health", path: "/v1/completions", body },
      ...(env ? { env } : {}),
    };
    runs.server = { mode, run: await supervise(host, room, program, flags) };
  };
  const tasks: Running[] = can.length === 0 ? [] : [...engines, { need: NEED.server, work: serve }];
  const check = (): Check => {
    const gap: Finding | null =
      can.length < modes.length ? { kind: "no-compiled-mode", problem: noCompiledMode ?? "" } : null;
    if (!runs.server) return notRun("runtime.engine", gap ?? { kind: "gap", reason: "never-started" });
    const all = [...runs.engines.values(), runs.server.run];
    const seen = engineCheck(model, { ...runs, server: runs.server }, gap, room.settings);
    const answer = onEmulatedCpu(
      seen,
      room.emulation,
      all.map(({ tiles }) => tiles),
      mustUse,
    );
    const crash = all.map((run) => run.crash).find((one) => one !== null) ?? null;
    return makeCheck("runtime.engine", excused(isolated(answer, all), crash, promised));
  };
  return { tasks, check };
}

/** Runs the wheel in the room, up to a level; the programs that don't need one another side by side. */
export async function runPrograms(host: Host, programs: Programs): Promise<Check[]> {
  const { level, challenge, hindrance } = programs;
  host.log.info("  importing it");
  const imported = await importWheel(host, programs);
  if (level === "import") return [imported.check];
  const stopped = imported.check.result === "fail" || imported.check.result === "not-run";
  const wantsEngine = level === "engine";
  if (stopped && !imported.crash && !hindrance) {
    const why: Finding = { kind: "gap", reason: "not-importable" };
    return [
      imported.check,
      notRun("runtime.kernels", why),
      ...(wantsEngine ? [notRun("runtime.engine", why)] : []),
    ];
  }
  if (stopped && imported.crash) {
    const { lacks } = imported.check;
    const why: Finding = lacks
      ? { kind: "lacks-features", features: lacks }
      : { kind: "gap", reason: "import-crashes" };
    return [
      imported.check,
      notRun("runtime.kernels", why),
      ...(wantsEngine ? [notRun("runtime.engine", why)] : []),
    ];
  }
  const free = await availableMemory();
  const kernels = kernelTasks(host, programs, imported.env);
  const engine = wantsEngine ? engineOf(host, programs, imported.env, free, hindrance) : null;
  host.log.info(`  running its kernels${wantsEngine && challenge ? " and its engine" : ""}`);
  await inMemory([...kernels.tasks, ...(engine?.tasks ?? [])], free * SHARE, host.cores);
  return [imported.check, kernels.check(), ...(engine ? [engine.check()] : [])];
}

function engineOf(
  host: Host,
  programs: Programs,
  env: Program["env"],
  free: number,
  hindrance: Finding | null,
): { tasks: Running[]; check: () => Check } {
  const { challenge } = programs;
  const no = (why: Finding): { tasks: Running[]; check: () => Check } => ({
    tasks: [],
    check: () => notRun("runtime.engine", why),
  });
  const model = challenge?.model ?? null;
  if (!challenge || !model) return no({ kind: "gap", reason: "no-engine" });
  if (hindrance !== null) return no(hindrance);
  if (free < NEED.server) return no({ kind: "short-of-memory", expected: NEED.server, found: free });
  return engineTasks(host, { ...programs, challenge: { ...challenge, model } }, env);
}
