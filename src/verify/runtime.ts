import { z } from "zod";
import { WheelsError } from "../errors/wheels-error.ts";
import { readText } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { tail } from "../host/process.ts";
import { gate, isGpuPackage, type TorchFacts } from "../torch/gate.ts";
import {
  installTorch,
  makeVenv,
  resolveTorch,
  type TorchRequest,
  type TorchSource,
  torchFacts,
} from "../torch/install.ts";
import { findPython, runProbe } from "../torch/python.ts";
import type { Uv } from "../torch/uv.ts";
import { cpuFlags } from "../variants/cpuinfo.ts";
import { isIsaFeature, lacking } from "../variants/features.ts";
import { totals } from "./checks/isa.ts";
import type { Claim, WheelFacts } from "./facts.ts";
import type { Check, CheckId, Level } from "./verdict.ts";

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
}

export interface RuntimeAnswer {
  checks: Check[];
  torch: { version: string; cudaAvailable: boolean } | null;
}

const RUN_TIMEOUT_MS = 600_000;

const IDS: readonly CheckId[] = [
  "runtime.resolve",
  "runtime.torch-cpu",
  "runtime.cuda-unavailable",
  "runtime.no-cuda-packages",
  "runtime.torchvision",
  "runtime.import",
  "runtime.kernels",
];

const notRun = (id: CheckId, detail: string, lacks?: string[]): Check => ({
  id,
  result: "not-run",
  detail,
  evidence: {},
  ...(lacks ? { lacks } : {}),
});

const runSchema = z.object({
  import: z.object({ error: z.string().nullable(), seconds: z.number(), mapped: z.array(z.string()) }),
  kernels: z.array(
    z.object({
      name: z.string(),
      error: z.string().nullable(),
      cases: z.array(
        z.object({
          name: z.string(),
          shape: z.string(),
          maxError: z.number().nullable(),
          tolerance: z.number(),
        }),
      ),
    }),
  ),
});

type RunFacts = z.infer<typeof runSchema>;

/** ISA features that running this wheel takes and this machine's CPU has not. */
export async function lackedHere(facts: WheelFacts, claim: Claim): Promise<string[]> {
  const used = Object.keys(totals(facts.audits)).filter(isIsaFeature);
  const flags = cpuFlags(await readText("/proc/cpuinfo"));
  const dispatched = new Set<string>(claim.variant?.isa.dispatch.flatMap(({ features }) => features) ?? []);
  const needed = [
    ...(claim.variant?.isa.mustUse ?? []),
    ...used.filter((feature) => !dispatched.has(feature)),
  ];
  return lacking(needed, flags);
}

/** Interpreter to make the clean room with: the wheel's own CPython where its tag ties it to one. */
function pythonFor(facts: WheelFacts, fallback: string): string {
  const tag = facts.tags[0] ?? "";
  const [, major, minor] = /^cp(\d)(\d+)-cp\d+-/.exec(tag) ?? [];
  return major && minor ? `${major}.${minor}` : fallback;
}

/** The packages that uv's dry run would add. */
function wouldInstall(output: string): string[] {
  return [...output.matchAll(/^ \+ (\S+)/gm)].map((match) => match[1] ?? "");
}

async function installWheel(uv: Uv, python: string, wheel: string, torchVersion: string): Promise<Check> {
  const args = [
    "pip",
    "install",
    "--python",
    python,
    "--only-binary",
    ":all:",
    wheel,
    `torch==${torchVersion}`,
  ];
  const dry = await uv.run([...args, "--dry-run"]);
  const packages = wouldInstall(`${dry.stdout}\n${dry.stderr}`);
  const gpu = packages.filter(isGpuPackage);
  const evidence = { packages };
  if (dry.code !== 0 || gpu.length > 0) {
    const detail = gpu.length > 0 ? `installing it would bring ${gpu.join(", ")}` : tail(dry);
    return {
      id: "runtime.resolve",
      result: "fail",
      detail,
      evidence,
      remedy: "Mend the wheel's requirements.",
    };
  }
  const real = await uv.run(args);
  return real.code === 0
    ? {
        id: "runtime.resolve",
        result: "pass",
        detail: `installs beside torch ${torchVersion}, bringing ${packages.length} packages and no CUDA one`,
        evidence,
      }
    : { id: "runtime.resolve", result: "fail", detail: tail(real), evidence };
}

function importCheck(run: RunFacts): Check {
  const { error, seconds, mapped } = run.import;
  return {
    id: "runtime.import",
    result: error === null ? "pass" : "fail",
    detail: error ?? `imported in ${seconds.toFixed(1)} s; libraries mapped: ${mapped.join(", ") || "none"}`,
    evidence: { seconds, mapped, error },
  };
}

/** Judges the kernel checks by their own stated tolerances. A wheel that declares none has proven nothing. */
export function kernelsCheck(run: Pick<RunFacts, "kernels">): Check {
  const base = { id: "runtime.kernels", evidence: { kernels: run.kernels } } as const;
  const cases = run.kernels.flatMap((kernel) => kernel.cases.map((one) => ({ ...one, kernel: kernel.name })));
  if (cases.length === 0 && run.kernels.every(({ error }) => error === null)) {
    return {
      ...base,
      result: "not-run",
      detail: "the wheel declares no kernel checks (entry points of the group cpu_wheel.kernel_checks)",
    };
  }
  const problems = [
    ...run.kernels.filter(({ error }) => error !== null).map(({ name, error }) => `${name}: ${error}`),
    ...run.kernels
      .filter(({ error, cases }) => error === null && cases.length === 0)
      .map(({ name }) => `${name}: no case was run`),
    ...cases
      .filter(({ maxError, tolerance }) => maxError === null || maxError > tolerance)
      .map(
        ({ kernel, shape, maxError, tolerance }) =>
          `${kernel} ${shape}: off by ${maxError ?? "NaN"}, tolerance ${tolerance}`,
      ),
  ];
  return problems.length === 0
    ? {
        ...base,
        result: "pass",
        detail: `${cases.length} cases of ${run.kernels.length} kernels agree with plain torch`,
      }
    : {
        ...base,
        result: "fail",
        detail: problems.slice(0, 5).join("; "),
        remedy: "The kernels compute something else than torch does.",
      };
}

async function runChecks(host: Host, python: string, request: RuntimeRequest, site: Check): Promise<Check[]> {
  const wantsKernels = request.level !== "import";
  const ids: CheckId[] = wantsKernels ? ["runtime.import", "runtime.kernels"] : ["runtime.import"];
  const lacks = await lackedHere(request.facts, request.claim);
  if (lacks.length > 0)
    return ids.map((id) => notRun(id, `not run: this CPU lacks ${lacks.join(", ")}`, lacks));
  if (site.result !== "pass") return ids.map((id) => notRun(id, "not run: the wheel can't be installed"));
  const mode = wantsKernels ? "kernels" : "import";
  try {
    const document = await runProbe(
      host,
      python,
      "wheel_run.py",
      [mode, request.facts.distribution ?? "", ...request.facts.packages],
      {
        timeout: RUN_TIMEOUT_MS,
      },
    );
    const facts = runSchema.parse(document);
    return wantsKernels ? [importCheck(facts), kernelsCheck(facts)] : [importCheck(facts)];
  } catch (thrown) {
    if (!(thrown instanceof WheelsError && thrown.code === "E_PYTHON_PROBE")) throw thrown;
    // The process died, so whatever it was doing failed; a crash while importing is a crash all the same.
    return ids.map((id) => ({ id, result: "fail", detail: thrown.why, evidence: { crash: thrown.why } }));
  }
}

function gateChecks(facts: TorchFacts): Check[] {
  return gate(facts).map((answer) => ({
    ...answer,
    ...(answer.result === "fail"
      ? {
          remedy:
            "Install torch and its companions from one CPU-only index: --index-url https://download.pytorch.org/whl/cpu",
        }
      : {}),
  }));
}

/**
 * Installs the wheel into a clean room beside CPU-only torch and asks the run-time questions.
 * @throws E_TORCH_INDEX, E_TORCH_NOT_FOUND, E_PYTHON_MISSING where the room can't be made: that is no answer
 */
export async function runtimeChecks(host: Host, uv: Uv, request: RuntimeRequest): Promise<RuntimeAnswer> {
  const wanted = IDS.filter((id) => id !== "runtime.kernels" || request.level !== "import");
  return host.scratch.withFolder("vllm-cpu-wheels-room", async (room) => {
    const python = await makeVenv(
      uv,
      room,
      request.python ?? pythonFor(request.facts, await findPython(host)),
    );
    const pinned = request.facts.torch?.pinned?.split("+")[0] ?? null;
    try {
      const fits =
        request.known !== null && (pinned === null || request.known.torchVersion.split("+")[0] === pinned);
      const source =
        fits && request.known
          ? request.known
          : await resolveTorch(host, uv, python, {
              ...request.torch,
              version: request.torch.version ?? pinned,
            });
      await installTorch(host, uv, python, source);
      const resolve = await installWheel(uv, python, request.wheel, source.torchVersion);
      const facts = await torchFacts(host, python);
      const checks = [resolve, ...gateChecks(facts), ...(await runChecks(host, python, request, resolve))];
      const torch = facts.torch && { version: facts.torch.version, cudaAvailable: facts.torch.cudaAvailable };
      return { checks: wanted.flatMap((id) => checks.filter((check) => check.id === id)), torch };
    } catch (thrown) {
      if (!(thrown instanceof WheelsError && thrown.code === "E_TORCH_CUDA")) throw thrown;
      const [first, ...rest] = wanted;
      const failed: Check = {
        id: first ?? "runtime.resolve",
        result: "fail",
        detail: thrown.what,
        evidence: {},
        remedy: thrown.remedy,
      };
      return {
        checks: [failed, ...rest.map((id) => notRun(id, "not run: there is no CPU-only torch to run on"))],
        torch: null,
      };
    }
  });
}

/**
 * The gate over an existing environment: `verify --environment`.
 * @throws E_PYTHON_PROBE where its interpreter gives no answer
 */
export async function environmentChecks(host: Host, python: string): Promise<RuntimeAnswer> {
  const facts = await torchFacts(host, python);
  const torch = facts.torch && { version: facts.torch.version, cudaAvailable: facts.torch.cudaAvailable };
  return { checks: gateChecks(facts), torch };
}
