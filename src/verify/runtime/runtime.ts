import { randomInt } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { WheelsError } from "../../errors/wheels-error.ts";
import { makeDir, readBytes } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { demandExecutable } from "../../host/places.ts";
import { freePort } from "../../host/ports.ts";
import { run } from "../../host/process.ts";
import { isUnusable } from "../../host/programs.ts";
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
import type { Claim, WheelFacts } from "../facts/facts.ts";
import type { Check, CheckId, Level } from "../verdict/verdict.ts";
import { readContents } from "./contents.ts";
import { modelSchema } from "./engine-check.ts";
import { lackedBy, usableFlags } from "./machine.ts";
import { expectedSchema } from "./operators.ts";
import { type Challenge, notRun, runPrograms } from "./programs.ts";
import { installWheel } from "./resolve.ts";
import { openRoom } from "./room.ts";
import type { RunSettings } from "./settings.ts";

export interface RuntimeRequest {
  wheel: string;
  facts: WheelFacts;
  claim: Claim;
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

const GATE_IDS: readonly GateId[] = [
  "runtime.torch-cpu",
  "runtime.cuda-unavailable",
  "runtime.no-cuda-packages",
  "runtime.torchvision",
];
const RUN_IDS: Record<RuntimeRequest["level"], readonly CheckId[]> = {
  import: ["runtime.import"],
  kernels: ["runtime.import", "runtime.kernels"],
  engine: ["runtime.import", "runtime.kernels", "runtime.engine"],
};

/** What belongs to torch's release, so that another place's build of it does not load. */
const COMPANIONS: ReadonlySet<string> = new Set(["torchvision", "torchaudio", "torchcodec"]);

/** The one CPython that a wheel's tag ties it to, such as 3.11; null where it is tied to none. */
function pythonOf({ tags }: WheelFacts): string | null {
  const [, major, minor] = /^cp(\d)(\d+)-cp\d+-/.exec(tags[0] ?? "") ?? [];
  return major && minor ? `${major}.${minor}` : null;
}

const CPU_REMEDY =
  "Install torch and its companions from one CPU-only index: --index-url https://download.pytorch.org/whl/cpu";

function remedyOf(id: GateId, facts: TorchFacts): string {
  const broken = facts.companions.filter(({ error }) => error !== null).map(({ name }) => name);
  return id === "runtime.torchvision" && broken.length > 0
    ? `Take ${broken.join(" ")} from where torch comes from: pip install --force-reinstall --no-deps ${broken.join(" ")} --index-url https://download.pytorch.org/whl/cpu (or, where nothing needs them: pip uninstall -y ${broken.join(" ")}).`
    : CPU_REMEDY;
}

function gateChecks(facts: TorchFacts): Check[] {
  return gate(facts).map((answer) => ({
    ...answer,
    ...(answer.result === "fail" ? { remedy: remedyOf(answer.id, facts) } : {}),
  }));
}

const seenTorch = ({ torch }: TorchFacts): RuntimeAnswer["torch"] =>
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
  const wanted = ["torchvision", ...requires.filter((name) => COMPANIONS.has(name))];
  const companions = [...new Set(wanted)].filter((name) => !request.settings.without.includes(name));
  if (known && (pinned === null || known.torchVersion.split("+")[0] === pinned)) return known;
  return resolveTorch(host, uv, python, {
    ...request.torch,
    version: request.torch.version ?? pinned,
    companions,
  });
}

/** Computes the right answers while the room holds torch alone, from a seed that nobody knew before. */
async function makeChallenge(host: Host, python: string, folder: string): Promise<Challenge> {
  const seed = randomInt(2 ** 31);
  const modelFolder = join(folder, "model");
  await makeDir(modelFolder);
  const operators = expectedSchema.parse(await runProbe(host, python, "kernel_expected.py", [String(seed)]));
  const model = modelSchema.parse(
    await runProbe(host, python, "engine_model.py", [modelFolder, String(seed)]),
  );
  return { seed, operators, model, modelFolder };
}

async function inRoom(host: Host, uv: Uv, folder: string, request: RuntimeRequest): Promise<RuntimeAnswer> {
  const { facts, level, settings, claim, wheel } = request;
  const wanted = request.python ?? pythonOf(facts) ?? (await findPython(host));
  const python = await makeVenv(uv, join(folder, "v"), wanted);
  const contents = readContents(facts.fileName, await readBytes(wheel));
  const torch = await torchFor(host, uv, python, request, contents.requires);
  const before = await installTorch(host, uv, python, torch);
  const isVllm = facts.packages.includes("vllm");
  const challenge = isVllm && level !== "import" ? await makeChallenge(host, python, folder) : null;
  const flags = await usableFlags(host, python);
  host.log.info(`  installing it beside torch ${torch.torchVersion}`);
  const distribution = facts.distribution ?? basename(wheel);
  const { strays } = contents;
  const { without } = settings;
  const resolve = await installWheel(host, uv, python, { wheel, distribution, torch, without, strays });
  const after = await torchFacts(host, python);
  const gates = gateChecks(after);
  const answer = (ran: Check[]): RuntimeAnswer => ({
    checks: [resolve, ...gates, ...ran],
    torch: seenTorch(after),
  });
  const lacks = settings.emulator.length > 0 ? [] : lackedBy(facts, claim, flags);
  if (lacks.length > 0)
    return answer(
      RUN_IDS[level].map((id) => notRun(id, `not run: this CPU lacks ${lacks.join(", ")}`, lacks)),
    );
  if (resolve.result === "fail")
    return answer(RUN_IDS[level].map((id) => notRun(id, "not run: the wheel can't be installed")));
  const broken = gates.find(({ id, result }) => id === "runtime.torchvision" && result === "fail");
  const room = await openRoom(host, python, folder, settings);
  return answer(
    await runPrograms(host, {
      room,
      facts,
      level,
      before: before.torch,
      flags,
      challenge,
      hindrance: broken ? "runtime.torchvision failed, and the engine loads it" : null,
      promised: claim.variant !== null,
      port: await freePort(),
    }),
  );
}

/**
 * Installs the wheel into a clean room beside CPU-only torch and asks the run-time questions.
 * @throws E_TORCH_INDEX, E_TORCH_NOT_FOUND, E_PYTHON_MISSING, E_TOOL_MISSING (the emulator) where the room can't be made
 * for reasons that are not the wheel's: that is no answer
 */
export async function runtimeChecks(host: Host, uv: Uv, request: RuntimeRequest): Promise<RuntimeAnswer> {
  const [emulator] = request.settings.emulator;
  // Asked before anything is blamed on the wheel; what it answers does not matter.
  if (emulator !== undefined) await run(host, emulator, ["--version"], { env: host.env, timeout: 30_000 });
  return host.scratch.withFolder("vcw", async (folder) => {
    try {
      return await inRoom(host, uv, folder, request);
    } catch (thrown) {
      if (!(thrown instanceof WheelsError)) throw thrown;
      const ids = [...GATE_IDS, ...RUN_IDS[request.level]];
      if (thrown.code === "E_PYTHON_MISSING" && request.python === null && pythonOf(request.facts)) {
        const why = `not run: ${thrown.what} The wheel's tag wants it.`;
        const evidence = { wanted: pythonOf(request.facts), problem: thrown.why };
        const all: readonly CheckId[] = ["runtime.resolve", ...ids];
        return {
          checks: all.map((id) => ({ ...notRun(id, why), evidence, remedy: thrown.remedy })),
          torch: null,
        };
      }
      if (thrown.code !== "E_TORCH_CUDA") throw thrown;
      const failed: Check = {
        id: "runtime.resolve",
        result: "fail",
        detail: thrown.what,
        evidence: {},
        remedy: thrown.remedy,
      };
      return {
        checks: [failed, ...ids.map((id) => notRun(id, "not run: there is no CPU-only torch to run on"))],
        torch: null,
      };
    }
  });
}

/** What can go wrong with an interpreter that is there, but is none. */
const isBroken = (thrown: unknown): thrown is Error =>
  thrown instanceof WheelsError && (thrown.code === "E_PYTHON_PROBE" || isUnusable(thrown));

/**
 * The gate over an existing environment: `verify --environment`. An interpreter that gives no answer has no CPU-only
 * torch, and nothing else is asked.
 * @throws E_FOLDER_UNFIT where its file system starts no programs, which is not the environment's fault
 */
export async function environmentChecks(host: Host, python: string): Promise<RuntimeAnswer> {
  // The interpreter itself is mostly a link to one that lies elsewhere.
  await demandExecutable("an environment", dirname(python));
  try {
    const facts = await torchFacts(host, python);
    return { checks: gateChecks(facts), torch: seenTorch(facts) };
  } catch (thrown) {
    if (!isBroken(thrown)) throw thrown;
    const why = thrown instanceof WheelsError ? thrown.why : thrown.message;
    const [first, ...rest] = GATE_IDS;
    const failed: Check = {
      id: first ?? "runtime.torch-cpu",
      result: "fail",
      detail: `the environment's interpreter is broken: ${why}`,
      evidence: { python, problem: why },
      remedy: "Make the environment anew: vllm-cpu-wheels setup FOLDER.",
    };
    const others = rest.map((id) => notRun(id, "not run: the environment's interpreter is broken"));
    return { checks: [failed, ...others], torch: null };
  }
}
