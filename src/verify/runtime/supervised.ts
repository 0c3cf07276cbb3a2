import { join } from "node:path";
import { z } from "zod";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Finding } from "../../findings/findings.ts";
import type { ProgramName } from "../../findings/runtime-kinds.ts";
import { makeDir, readTextIfAny, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { layProbes } from "../../host/probes.ts";
import { run, tail } from "../../host/process.ts";
import { limitsSchema, type TileCounts } from "../checks/catalogue/run.ts";
import { ISOLATIONS } from "../verdict/check.ts";
import { type Crash, explain, faultSchema } from "./crash.ts";
import type { Room } from "./room.ts";
import { emulationEnv, readTileCounts } from "./tiles.ts";

const outputSchema = z.object({ bytes: z.number(), head: z.string(), tail: z.string() });

const runSchema = z.object({
  exit: z.number().nullable(),
  signal: z.string().nullable(),
  timedOut: z.boolean(),
  seconds: z.number(),
  /** Most that the program and its children held at a time. */
  peakBytes: z.number(),
  /** Processes that outlived the program; they were ended. */
  left: z.array(z.string()),
  /** Messages over the program's line that were not the harness's. */
  foreign: z.number(),
  /** What the supervisor saw from outside while the program still ran; null where it ended before. */
  seen: z
    .object({
      mapped: z.array(z.string()),
      gpu: z.array(z.string()),
      openmp: z.array(z.string()),
      allocators: z.array(z.string()),
      /** That it may run on; null where it was gone. */
      cpus: z.number().nullable(),
      /** Of the machine; null where it does not tell. */
      numaNodes: z.number().nullable(),
      children: z.array(z.string()),
    })
    .nullable(),
  answer: z.unknown(),
  limits: limitsSchema.nullable(),
  isolation: z.enum(ISOLATIONS),
  /** Why there are no namespaces; null where there are, or where none were wanted. */
  noNamespaces: z.string().nullable(),
  http: z
    .object({
      readySeconds: z.number().nullable(),
      requestSeconds: z.number().optional(),
      stopSeconds: z.number().optional(),
      status: z.number().nullable(),
      body: z.string().nullable(),
      error: z.string().nullable(),
      portFree: z.boolean().optional(),
    })
    .nullable(),
  stdout: outputSchema,
  stderr: outputSchema,
});

const traceSchema = z.object({ crash: faultSchema.nullable() });

/** What became of a program in the room. */
export interface Run extends z.infer<typeof runSchema> {
  /** Python's stacks where it hung or crashed; empty otherwise. */
  stacks: string;
  crash: Crash | null;
  /** Tile instructions that were emulated, in it and in its children. */
  tiles: TileCounts;
}

/** A server's side show: asked until it is ready, then once in earnest, then told to stop. */
export interface Conversation {
  port: number;
  ready: string;
  path: string;
  body: unknown;
}

export interface Program {
  /** File among the probes. */
  probe: string;
  /** What it is asked, as a JSON file; or its arguments. */
  request: unknown;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** More folders that it may write to. */
  writes?: readonly string[];
  http?: Conversation;
  limits?: Limits;
}

/** What a program is held to. */
export interface Limits {
  /** That it may run on, at most. */
  cpus: number;
  /** Bytes. */
  memory: number;
  /** Variables for where only what is asked for can be bounded, and not what is used. */
  env: Readonly<Record<string, string>>;
}

/** Seconds beyond the limit in which the supervisor ends and reaps everything. */
const SUPERVISORS_OWN = 60;
const FAULTS: ReadonlySet<string> = new Set(["SIGILL", "SIGSEGV", "SIGBUS", "SIGFPE"]);

/** QEMU for one program tells its signals in a log, with the place of a fault; of other emulators we know no such thing. */
const isTraceable = ([emulator]: readonly string[]): boolean =>
  emulator === undefined || /(^|\/)qemu-\w+$/.test(emulator);

/** An emulator that logs; nothing where there is none. */
const traced = ([program, ...words]: readonly string[], log: string): string[] =>
  program === undefined ? [] : [program, "-strace", "-D", log, ...words];

/**
 * Runs a program that loads the wheel, in the room, under the supervisor; where a fault ends it, runs it once more
 * under a tracer that says where. What the supervisor saw and what the program says of itself stay apart.
 * @param flags CPU flags of this machine, to explain a fault
 * @throws E_PYTHON_PROBE where the supervisor itself gives no answer; E_INTERRUPTED
 */
export async function supervise(
  host: Host,
  room: Room,
  program: Program,
  flags: ReadonlySet<string>,
): Promise<Run> {
  return host.scratch.withFolder("vcw-run", async (folder) => {
    // The program may write here, and not to what tells it what to do.
    const work = join(folder, "work");
    await makeDir(work);
    const request = join(folder, "request.json");
    const stacks = join(work, "stacks.txt");
    const log = join(work, "emulator.log");
    const counters = join(work, "amx.counts");
    const probes = await layProbes(host, folder);
    await writeFile(request, JSON.stringify(program.request));
    const watch = async (trace: boolean): Promise<unknown> => {
      const spec = join(folder, "spec.json");
      const python = [room.python, "-I", "-X", `pycache_prefix=${room.bytecode}`];
      const words = [...python, join(probes, program.probe), ...(program.args ?? [request])];
      await writeFile(
        spec,
        JSON.stringify({
          argv: [...(trace ? traced(room.settings.emulator, log) : room.settings.emulator), ...words],
          log,
          cwd: work,
          isolates: room.settings.isolates,
          writable: [...room.writable, ...(program.writes ?? []), work],
          limit: room.settings.limit,
          stacks,
          trace,
          // Of the program alone: its supervisor must see this machine as it is.
          env: emulationEnv(room.emulation, trace ? `${counters}.traced` : counters),
          folder: room.site,
          limits: program.limits ?? null,
          http: trace ? null : (program.http ?? null),
        }),
      );
      const result = await run(host, room.python, ["-I", "-S", "-B", join(probes, "supervise.py"), spec], {
        cwd: folder,
        env: { ...room.env, ...program.env },
        wantsFd3: true,
        timeout: (room.settings.limit + SUPERVISORS_OWN) * 1000,
        keep: 64 * 1024 * 1024,
      });
      try {
        return JSON.parse(result.fd3);
      } catch (thrown) {
        throw wheelsError("E_PYTHON_PROBE", { probe: "supervise.py", detail: tail(result) }, thrown);
      }
    };
    const facts = runSchema.parse(await watch(false));
    const faulted = facts.signal !== null && FAULTS.has(facts.signal);
    const fault = faulted && isTraceable(room.settings.emulator) ? await watch(true) : null;
    const { crash } = fault === null ? { crash: null } : traceSchema.parse(fault);
    return {
      ...facts,
      stacks: ((await readTextIfAny(stacks)) ?? "").slice(0, 20_000),
      crash: crash && (await explain(crash, room.site, flags)),
      tiles: await readTileCounts(counters),
    };
  });
}

const LAST_LINES = 5;

/** Why a program gave no answer; null where it gave one. What it was doing is in its stacks. */
export function silence(run: Run, program: ProgramName, limit: number): Finding | null {
  if (run.crash) return { kind: "crash", program, ...run.crash };
  if (run.timedOut)
    return { kind: "stopped-program", program, seconds: limit, frames: innermost(run.stacks) };
  if (run.limits?.killed) return { kind: "over-memory", program, limit: run.limits.memoryBytes };
  if (run.answer !== null) return null;
  const output = (run.stderr.tail.trim() || run.stdout.tail.trim())
    .split("\n")
    .slice(-LAST_LINES)
    .join(" / ");
  return { kind: "silent-program", program, signal: run.signal, status: run.exit, output };
}

/** The innermost frame of each thread, as faulthandler prints stacks. */
function innermost(stacks: string): string[] {
  const frames = /most recent call first\):\n {2}(.*)/g;
  return [...stacks.matchAll(frames)].map((match) => match[1] ?? "");
}
