import { randomInt } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import { WheelsError } from "../../errors/wheels-error.ts";
import type { Finding } from "../../findings/findings.ts";
import { makeDir, readBytes, writeFile } from "../../host/files.ts";
import { sha256Of } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { freePort } from "../../host/network/ports.ts";
import { run } from "../../host/process.ts";
import { copyTree } from "../../host/trees.ts";
import { type GateId, gate, type TorchFacts } from "../../torch/gate.ts";
import {
  installTorch,
  makeVenv,
  resolveTorch,
  type TorchRequest,
  type TorchSource,
  torchFacts,
} from "../../torch/install.ts";
import { findPython, runProbe } from "../../torch/python.ts";
import type { Uv } from "../../torch/uv.ts";
import { isCompanion } from "../../wheel/companions.ts";
import { type ClaimedVariant, VLLM_PACKAGE, type WheelFacts } from "../facts/facts.ts";
import { type Check, type CheckAnswer, makeCheck, notRun } from "../verdict/check.ts";
import type { CheckId, Level } from "../verdict/verdict.ts";
import { readContents } from "./contents.ts";
import { modelSchema } from "./engine-check.ts";
import { onLeastCpu } from "./least-cpu.ts";
import { lackedBy, usableFlags } from "./machine.ts";
import { expectedSchema } from "./operators.ts";
import { type Challenge, type Programs, runPrograms } from "./programs.ts";
import { environmentAt, installWheel } from "./resolve.ts";
import { openRoom, type Room } from "./room.ts";
import type { RunSettings } from "./settings.ts";
import { compareSpeed, readReference, type SpeedReference } from "./speed.ts";
import { emulateTiles } from "./tiles.ts";

export interface RuntimeRequest {
  /** Of the wheel, as the static checks have seen them. */
  bytes: Uint8Array;
  facts: WheelFacts;
  variant: ClaimedVariant;
  level: Exclude<Level, "static">;
  torch: TorchRequest;
  /** What was resolved for the build, if this run built it; used where it is the torch that the wheel wants. */
  known: TorchSource | null;
  /** Python version such as 3.11; null to follow the wheel's tag, else the Python on PATH. */
  python: string | null;
  settings: RunSettings;
}

export interface RuntimeAnswer {
  checks: Check[];
  torch: { version: string; cudaAvailable: boolean } | null;
}

/** The questions about torch, in their order. */
export const GATE_IDS = [
  "runtime.torch-cpu",
  "runtime.cuda-unavailable",
  "runtime.no-cuda-packages",
  "runtime.torchvision",
] as const satisfies readonly GateId[];
/** The questions that running a wheel answers, by level. */
export const RUN_IDS: Record<RuntimeRequest["level"], readonly CheckId[]> = {
  import: ["runtime.import"],
  kernels: ["runtime.import", "runtime.kernels"],
  engine: ["runtime.import", "runtime.kernels", "runtime.engine"],
};

/** The same with what is asked on request. */
const idsOf = ({ level, settings }: Pick<RuntimeRequest, "level" | "settings">): readonly CheckId[] => [
  ...RUN_IDS[level],
  ...(settings.speed === null ? [] : ["runtime.speed" as const]),
];

/** The one CPython that a wheel's tag ties it to, such as 3.11; null where it is tied to none. */
function pythonOf({ tags }: WheelFacts): string | null {
  const [, major, minor] = /^cp(\d)(\d+)-cp\d+-/.exec(tags[0] ?? "") ?? [];
  return major && minor ? `${major}.${minor}` : null;
}

/** The gate over an environment as checks. */
export function gateChecks(facts: TorchFacts): Check[] {
  return gate(facts).map((answer) => makeCheck(answer.id, answer));
}

/** The torch of an environment, as results name it. */
export const seenTorch = ({ torch }: TorchFacts): RuntimeAnswer["torch"] =>
  torch && { version: torch.version, cudaAvailable: torch.cudaAvailable };

/** The torch for this wheel: what the build had, if it fits; else what the place has of what the wheel pins. */
async function torchFor(
  host: Host,
  uv: Uv,
  python: string,
  request: RuntimeRequest,
  requires: readonly string[],
): Promise<TorchSource> {
  const pinned = request.facts.torch?.pinned?.split("+")[0] ?? null;
  const { known } = request;
  const wanted = ["torchvision", ...requires.filter(isCompanion)];
  const companions = [...new Set(wanted)].filter((name) => !request.settings.without.includes(name));
  if (known && (pinned === null || known.torchVersion.split("+")[0] === pinned)) return known;
  return resolveTorch(host, uv, python, {
    ...request.torch,
    version: request.torch.version ?? pinned,
    companions,
  });
}

const compiledModeSchema = z.object({ problem: z.string().nullable() });

/**
 * Computes the right answers with the torch of an environment, from a seed that nobody knew before. In a clean room
 * this comes before the wheel does.
 * @param level the model is made for an engine alone
 * @throws E_PYTHON_PROBE where that torch computes nothing
 */
export async function makeChallenge(
  host: Host,
  python: string,
  folder: string,
  level: RuntimeRequest["level"],
  modes: RunSettings["modes"],
  bytecode: string | null = null,
): Promise<Challenge> {
  const seed = randomInt(2 ** 31);
  const modelFolder = join(folder, "model");
  const operators = expectedSchema.parse(
    await runProbe(host, python, "kernel_expected.py", [String(seed)], { bytecode }),
  );
  if (level !== "engine") return { seed, operators, model: null, modelFolder, noCompiledMode: null };
  await makeDir(modelFolder);
  const model = modelSchema.parse(
    await runProbe(host, python, "engine_model.py", [modelFolder, String(seed), "tiny"], { bytecode }),
  );
  const { problem } = modes.includes("compiled")
    ? compiledModeSchema.parse(
        await runProbe(host, python, "compiled_mode.py", [], {
          bytecode,
          // In this process alone, and kept nowhere else.
          env: { TORCHINDUCTOR_CACHE_DIR: join(folder, "inductor"), TORCHINDUCTOR_COMPILE_THREADS: "1" },
        }),
      )
    : { problem: null };
  return { seed, operators, model, modelFolder, noCompiledMode: problem };
}

/** What runs the wheel where this CPU lacks something: the user's emulator, or ours for tiles; else why nothing does. */
async function standIn(host: Host, room: Room, lacks: readonly string[]): ReturnType<typeof emulateTiles> {
  const { emulator } = room.settings;
  if (emulator.length > 0) return { emulation: { features: lacks, library: null } };
  const made = await emulateTiles(host, room, lacks);
  if ("emulation" in made) host.log.info(`  this CPU lacks ${lacks.join(", ")}: emulating that`);
  return made;
}

async function inRoom(
  host: Host,
  uv: Uv,
  folder: string,
  request: RuntimeRequest,
  reference: SpeedReference | null,
): Promise<RuntimeAnswer> {
  const { bytes, facts, level, settings, variant } = request;
  // What is installed is a copy of what was judged, whatever becomes of the file.
  const wheel = join(folder, "w", facts.fileName);
  await makeDir(dirname(wheel), 0o700);
  await writeFile(wheel, bytes, 0o400);
  const wanted = request.python ?? pythonOf(facts) ?? (await findPython(host));
  const venv = join(folder, "v");
  const python = await makeVenv(uv, venv, wanted);
  const contents = readContents(facts.fileName, bytes, facts.programs);
  const torch = await torchFor(host, uv, python, request, contents.requires);
  // Of the judge's own programs; the wheel's start from a copy.
  const bytecode = join(folder, "b");
  await installTorch(host, uv, python, torch);
  const isVllm = facts.packages.includes(VLLM_PACKAGE);
  const challenge =
    isVllm && level !== "import"
      ? await makeChallenge(host, python, folder, level, settings.modes, bytecode)
      : null;
  const flags = await usableFlags(host, python);
  const lacks = lackedBy(facts, variant, flags);
  // All that asks the environment's interpreter comes before the wheel and what it requires do: at its start it runs
  // files of whoever is installed.
  const room = await openRoom(host, python, folder, settings);
  const instead = lacks.length === 0 ? null : await standIn(host, room, lacks);
  const held = await environmentAt(venv, room.site);
  host.log.info(`  installing it beside torch ${torch.torchVersion}`);
  const distribution = facts.distribution ?? facts.fileName;
  const { strays, startup, installs, reads } = contents;
  const { without } = settings;
  const { answer: installed, kept } = await installWheel(host, uv, python, {
    wheel,
    distribution,
    isVariant: variant !== null,
    torch,
    without,
    strays,
    startup: variant === null ? [] : startup,
    installs,
    reads,
    before: held,
  });
  const resolve = makeCheck("runtime.resolve", installed);
  const witnesses = { folder: venv, site: held.site, files: kept };
  // Where something of it was changed, nobody asks the environment any more.
  const isChanged = installed.findings.some(({ kind }) => kind === "replaced-file");
  const after = isChanged ? null : await torchFacts(host, python, { witnesses, bytecode });
  const gates = after
    ? gateChecks(after)
    : GATE_IDS.map((id) => notRun(id, { kind: "gap", reason: "not-installable" }));
  const answer = (ran: Check[]): RuntimeAnswer => ({
    checks: [resolve, ...gates, ...ran],
    torch: after && seenTorch(after),
  });
  if (instead !== null) {
    if ("why" in instead) {
      const why: Finding[] = [{ kind: "lacks-features", features: lacks }, ...instead.why];
      return answer(idsOf(request).map((id) => notRun(id, ...why)));
    }
    room.emulation = instead.emulation;
    for (const feature of lacks) flags.add(feature);
  }
  if (resolve.result === "fail" || after === null)
    return answer(idsOf(request).map((id) => notRun(id, { kind: "gap", reason: "not-installable" })));
  const broken = gates.find(({ id, result }) => id === "runtime.torchvision" && result === "fail");
  await copyTree(bytecode, room.bytecode, () => true);
  const programs: Programs = {
    room,
    facts,
    level,
    before: after.torch,
    flags,
    challenge,
    hindrance: broken ? { kind: "gap", reason: "torchvision-broken" } : null,
    promised: variant !== null,
    mustUse: variant?.isa.mustUse ?? [],
    port: await freePort(),
  };
  const ran = await runPrograms(host, programs);
  const twice = settings.leastCpu ? await onLeastCpu(host, programs, variant, ran) : ran;
  const measured = { ...programs, interpreter: wanted };
  const all = reference
    ? [...twice, await compareSpeed(host, uv, folder, torch, measured, reference)]
    : twice;
  if (sha256Of(await readBytes(wheel)) === facts.sha256) return answer(all);
  const changed = makeCheck("runtime.import", {
    result: "fail",
    findings: [{ kind: "copy-changed" }],
    evidence: all.find(({ id }) => id === "runtime.import")?.evidence ?? {},
  } as CheckAnswer<"runtime.import">);
  return answer(all.map((check) => (check.id === "runtime.import" ? changed : check)));
}

/** Asked before anything is blamed on a wheel; what the emulator answers does not matter. @throws E_TOOL_MISSING */
export async function demandEmulator(host: Host, { emulator: [program] }: RunSettings): Promise<void> {
  if (program !== undefined) await run(host, program, ["--version"], { env: host.env, timeout: 30_000 });
}

/**
 * Installs the wheel into a clean room beside CPU-only torch and asks the run-time questions.
 * @throws E_TORCH_INDEX, E_TORCH_NOT_FOUND, E_PYTHON_MISSING, E_TOOL_MISSING (the emulator), E_WHEEL_FILE and
 * E_WHEEL_FORMAT (the reference) where the room can't be made for reasons that are not the wheel's: that is no answer
 */
export async function runtimeChecks(host: Host, uv: Uv, request: RuntimeRequest): Promise<RuntimeAnswer> {
  const { settings } = request;
  await demandEmulator(host, settings);
  const reference = settings.speed && (await readReference(host, settings.speed));
  return host.scratch.withFolder("vcw", async (folder) => {
    try {
      return await inRoom(host, uv, folder, request, reference);
    } catch (thrown) {
      if (!(thrown instanceof WheelsError)) throw thrown;
      const ids = [...GATE_IDS, ...idsOf(request)];
      if (thrown.code === "E_PYTHON_MISSING" && pythonOf(request.facts)) {
        const missing: Finding = {
          kind: "python-missing",
          expected: pythonOf(request.facts) ?? "",
          problem: thrown.why,
          remedy: thrown.remedy,
        };
        const all: readonly CheckId[] = ["runtime.resolve", ...ids];
        return { checks: all.map((id) => notRun(id, missing)), torch: null };
      }
      if (thrown.code !== "E_TORCH_CUDA") throw thrown;
      const failed = makeCheck("runtime.resolve", {
        result: "fail",
        findings: [{ kind: "torch-refused", message: thrown.what, remedy: thrown.remedy }],
        evidence: {},
      });
      return {
        checks: [failed, ...ids.map((id) => notRun(id, { kind: "gap", reason: "no-cpu-torch" }))],
        torch: null,
      };
    }
  });
}
