import { randomInt } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import type { Finding } from "../../findings/findings.ts";
import { makeDir, writeFile } from "../../host/files.ts";
import { sha256Of } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { availableMemory } from "../../host/memory.ts";
import { installTorch, makeVenv, type TorchSource } from "../../torch/install.ts";
import { runProbe } from "../../torch/python.ts";
import type { Uv } from "../../torch/uv.ts";
import { wheelFormatError } from "../../wheel/format-error.ts";
import { parseWheelFileName } from "../../wheel/names.ts";
import { readWheelFile } from "../facts/wheel-bytes.ts";
import { type Check, failOn, makeCheck, notRun } from "../verdict/check.ts";
import type { Programs } from "./programs.ts";
import { installUnjudged } from "./resolve.ts";
import { openRoom, type Room } from "./room.ts";
import type { SpeedSettings } from "./settings.ts";
import { type Run, silence, supervise } from "./supervised.ts";

/** Rounds that count, after one that warms up. */
const ROUNDS = 7;
/** Bytes that two engines with the timed model take, by what was measured with vLLM 0.32, and some more. */
const NEED = 2 * 3 * 1024 ** 3;

const rates = z.array(z.number().positive()).length(ROUNDS);
/** Tokens a second of each round (src/probe/speed_run.py). */
const speedSchema = z.object({ error: z.null(), prefill: rates, decode: rates });
const failureSchema = z.object({ error: z.string() });

type Rates = z.infer<typeof speedSchema>;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** The judged wheel's rates beside the reference's; the ratio is the median of those of each round. */
function compared(own: readonly number[], other: readonly number[]) {
  const ratios = own.map((rate, round) => rate / (other[round] ?? rate));
  return {
    found: median(own),
    reference: median(other),
    ratio: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
  };
}

/** One release of an index. Source: dependency specifiers, "Names"; version specifiers, "Version matching". */
const RELEASE = /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?==[\w.+!]+$/;

/** The wheel that another's speed is compared with. */
export interface SpeedReference {
  /** What an installer takes: an absolute path, or NAME==VERSION. */
  requirement: string;
  /** The path's last part, or NAME==VERSION. */
  name: string;
  /** Null for one that an index gives. */
  sha256: string | null;
  /** The least ratio that passes. */
  least: number;
}

/** @throws E_WHEEL_FILE, E_WHEEL_FORMAT where there is no wheel of that name */
export async function readReference(
  host: Host,
  { reference, least }: SpeedSettings,
): Promise<SpeedReference> {
  if (RELEASE.test(reference)) return { requirement: reference, name: reference, sha256: null, least };
  const path = resolve(host.cwd, reference);
  try {
    parseWheelFileName(basename(path));
  } catch (thrown) {
    throw wheelFormatError(reference, thrown);
  }
  const sha256 = sha256Of(await readWheelFile(path, reference));
  return { requirement: path, name: basename(path), sha256, least };
}

/** What the judged wheel and the reference made of their rounds. */
function speedCheck({ name, sha256, least }: SpeedReference, own: Rates, other: Rates): Check {
  const evidence = {
    reference: { name, sha256 },
    rounds: ROUNDS,
    prefill: compared(own.prefill, other.prefill),
    decode: compared(own.decode, other.decode),
  };
  const findings = (["prefill", "decode"] as const).flatMap((phase): Finding[] => {
    const { ratio } = evidence[phase];
    return ratio < least ? [{ kind: "slower", phase, found: ratio, expected: least }] : [];
  });
  return makeCheck("runtime.speed", failOn(findings, evidence));
}

/** Why a program gave no rates. */
function problemOf(run: Run, program: "speed" | "speed-reference", limit: number): Finding {
  const failure = failureSchema.safeParse(run.answer);
  return (
    silence(run, program, limit) ??
    (failure.success
      ? { kind: "program-error", program, message: failure.data.error }
      : { kind: "strange-answer", program })
  );
}

/** The reference in an environment of its own, and the model that both run; a finding where it can't be there. */
async function besideIt(
  host: Host,
  uv: Uv,
  folder: string,
  torch: TorchSource,
  { room: { settings }, interpreter }: SpeedRoom,
  { requirement, name }: SpeedReference,
): Promise<{ room: Room; model: string } | { problem: Finding }> {
  const model = join(folder, "timed");
  await makeDir(model);
  const python = await makeVenv(uv, join(folder, "r"), interpreter);
  await installTorch(host, uv, python, torch);
  await runProbe(host, python, "engine_model.py", [model, String(randomInt(2 ** 31)), "timed"]);
  // Whoever names it trusts it: it is measured, not judged.
  const what = { wheel: requirement, torch, without: settings.without };
  const problem = await installUnjudged(host, uv, python, what);
  if (problem !== null) return { problem: { kind: "reference-refused", wheel: name, problem } };
  return { room: await openRoom(host, python, join(folder, "o"), settings), model };
}

/** Where the judged wheel is, and what it was made with. */
interface SpeedRoom extends Pick<Programs, "room" | "challenge" | "flags"> {
  /** Path or version that the room's environment was made with. */
  interpreter: string;
}

/**
 * The wheel's engine against a reference's, in turn on one machine: what the wheel lost, an allocator or a library of
 * threads, is seen before its users see it. It is no proof: each wheel's own process holds the watch.
 * @param folder a scratch folder
 * @throws as installing torch does
 */
export async function compareSpeed(
  host: Host,
  uv: Uv,
  folder: string,
  torch: TorchSource,
  judged: SpeedRoom,
  reference: SpeedReference,
): Promise<Check> {
  const no = (...why: Finding[]): Check => notRun("runtime.speed", ...why);
  const { room, challenge, flags } = judged;
  if (challenge?.model == null) return no({ kind: "gap", reason: "no-engine-asked" });
  if (room.emulation !== null) return no({ kind: "gap", reason: "emulated-already" });
  const free = await availableMemory();
  if (free < NEED) return no({ kind: "short-of-memory", expected: NEED, found: free });
  host.log.info(`  measuring its speed against ${reference.name}`);
  const made = await besideIt(host, uv, folder, torch, judged, reference);
  if ("problem" in made) return no(made.problem);
  const turns = join(folder, "turns");
  await makeDir(turns);
  await writeFile(join(turns, "turn-0"), "");
  const side = async (where: Room, number: number): Promise<Run> => {
    const request = { model: made.model, turns, side: number, rounds: ROUNDS };
    const env = { VLLM_ENABLE_V1_MULTIPROCESSING: "0" };
    const run = await supervise(host, where, { probe: "speed_run.py", request, env, writes: [turns] }, flags);
    await writeFile(join(turns, "over"), "");
    return run;
  };
  const [own, other] = await Promise.all([side(room, 0), side(made.room, 1)]);
  const [mine, theirs] = [speedSchema.safeParse(own.answer), speedSchema.safeParse(other.answer)];
  if (mine.success && theirs.success) return speedCheck(reference, mine.data, theirs.data);
  const { limit } = room.settings;
  return no(
    ...(mine.success ? [] : [problemOf(own, "speed", limit)]),
    ...(theirs.success ? [] : [problemOf(other, "speed-reference", limit)]),
  );
}
