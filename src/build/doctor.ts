import { totalmem } from "node:os";
import { WheelsError } from "../errors/wheels-error.ts";
import { freeBytes, readTextIfAny } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { availableMemory } from "../host/memory.ts";
import { examinePlace, workPlaces } from "../host/places.ts";
import { askIndex, type IndexAnswer } from "../torch/ask-index.ts";
import { gateFailures } from "../torch/gate.ts";
import { CPU_INDEX, torchFacts } from "../torch/install.ts";
import { pipOf } from "../torch/pip.ts";
import { demandHeaders, findPython } from "../torch/python.ts";
import { cpuFlags, cpuModel } from "../variants/cpuinfo.ts";
import { lacking } from "../variants/features.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Compilers } from "../variants/recipe-schema.ts";
import { isCpuVersion } from "../wheel/version.ts";
import { type Compiler, findCompiler, machineArchitecture, preflight } from "./preflight.ts";

export interface VariantAbility {
  variant: string;
  /** Why no source can be built for it here; null where one can. */
  cannotBuild: string | null;
  /** Why vLLM's newest release can't be built for it here; null where it can. */
  cannotBuildVllm: string | null;
  /** Features of its contract that this CPU lacks; it runs here where there is none. */
  lacks: string[];
}

/** The torch of the Python on PATH. */
export interface OwnTorch {
  version: string;
  cudaAvailable: boolean;
  /** What the CPU-only gate holds against it; empty where it is CPU-only. */
  findings: string[];
}

/** vLLM's newest release that a recipe covers, with what it demands of the compiler. */
export interface NewestVllm {
  version: string;
  compilers: Compilers | null;
}

export interface DoctorReport {
  cpu: { model: string; architecture: string; cores: number };
  /** Bytes. */
  memory: { total: number; free: number };
  /** Bytes free for the cache folder. */
  disk: { path: string; free: number };
  python: string | null;
  /** True where extensions can be compiled for that Python: its headers are there. */
  headers: boolean;
  compiler: { command: string; family: string; version: string } | null;
  vllm: string;
  variants: VariantAbility[];
  /** What the package index and the CPU index of PyTorch answer; null where there is no Python to ask with. */
  indexes: { packages: IndexAnswer; torch: IndexAnswer } | null;
  /** Null where the Python on PATH has no torch. */
  torch: OwnTorch | null;
  /** What is there and does not work: folders, compiler, Python, settings files. Empty where all is well. */
  problems: { code: string; what: string; why: string; remedy: string }[];
  /** The command to type next. */
  next: string;
}

/** Long enough for a slow proxy, short enough to wait for. */
const INDEX_SECONDS = 5;

/** What is simply not there has its own line in the report. */
const ABSENT: ReadonlySet<string> = new Set(["E_COMPILER_MISSING", "E_PYTHON_MISSING", "E_PYTHON_HEADERS"]);

async function orNull<T>(work: Promise<T>, problems: WheelsError[] = []): Promise<T | null> {
  try {
    return await work;
  } catch (thrown) {
    if (!(thrown instanceof WheelsError) || thrown.code === "E_INTERRUPTED") throw thrown;
    if (!ABSENT.has(thrown.code)) problems.push(thrown);
    return null;
  }
}

async function whyNot(
  host: Host,
  compiler: Compiler | null,
  variant: Variant,
  compilers: Compilers | null,
): Promise<string | null> {
  if (!compiler) return "there is no C++ compiler";
  try {
    await preflight(host, compiler, variant, compilers);
    return null;
  } catch (thrown) {
    if (thrown instanceof WheelsError && thrown.code !== "E_INTERRUPTED") return thrown.what;
    throw thrown;
  }
}

async function ownTorch(host: Host, python: string): Promise<OwnTorch | null> {
  const facts = await orNull(torchFacts(host, python));
  if (!facts?.torch) return null;
  const findings = gateFailures(facts).map(({ text }) => text);
  return { version: facts.torch.version, cudaAvailable: facts.torch.cudaAvailable, findings };
}

/** The first thing in the way, or a build of the bundled source. */
function nextCommand(report: Omit<DoctorReport, "next">): string {
  const { indexes } = report;
  const [first] = report.problems;
  if (first !== undefined) return first.remedy;
  if (report.python === null || indexes === null)
    return "apt-get install python3 python3-pip python3-venv (or dnf install python3-pip)";
  if (indexes.packages.problem === "this Python has no pip")
    return "apt-get install python3-pip python3-venv (or dnf install python3-pip)";
  if (!report.headers) return "apt-get install python3-dev (or dnf install python3-devel)";
  if (report.compiler === null) return "apt-get install g++ (or dnf install gcc-c++)";
  if (indexes.packages.versions.length === 0)
    return "export PIP_INDEX_URL=URL, with the package index that this machine may use, then doctor again";
  const best = report.variants.filter(({ lacks, cannotBuild }) => lacks.length === 0 && cannotBuild === null);
  const variant = best.at(-1)?.variant ?? "vllm-cpu";
  const build = `./build_wheels.sh --variant=${variant} --source=sample --publish-to=./index`;
  const hasTorch = indexes.torch.versions.some(isCpuVersion);
  return hasTorch ? build : `${build} --torch-index-url=URL, with a mirror of it or a folder of its wheels`;
}

/**
 * What this machine can build and what it can run, what it reaches, and what to type next; fails only when interrupted.
 * @param torchIndex where CPU-only torch is to come from; null for PyTorch's own index
 */
export async function examine(
  host: Host,
  variants: Iterable<Variant>,
  vllm: NewestVllm,
  torchIndex: string | null,
): Promise<DoctorReport> {
  const cpuinfo = (await readTextIfAny("/proc/cpuinfo")) ?? "";
  const flags = cpuFlags(cpuinfo);
  const problems: WheelsError[] = [];
  for (const place of workPlaces(host)) {
    const problem = await examinePlace(host, place);
    if (problem !== null) problems.push(problem);
  }
  const compiler = await orNull(findCompiler(host), problems);
  const python = await orNull(findPython(host), problems);
  const pip = python === null ? null : await orNull(pipOf(host, python), problems);
  const index = torchIndex ?? CPU_INDEX;
  const asked =
    pip === null
      ? null
      : await Promise.all([
          askIndex(host, pip, "uv", null, INDEX_SECONDS),
          askIndex(host, pip, "torch", index, INDEX_SECONDS),
          ownTorch(host, pip.python),
        ]);
  const headers = python !== null && (await orNull(demandHeaders(host, python).then(() => true))) === true;
  const abilities: VariantAbility[] = [];
  for (const variant of variants) {
    abilities.push({
      variant: variant.name,
      cannotBuild: await whyNot(host, compiler, variant, null),
      cannotBuildVllm: await whyNot(host, compiler, variant, vllm.compilers),
      lacks:
        variant.architecture === machineArchitecture()
          ? lacking(variant.isa.mustUse, flags)
          : [variant.architecture],
    });
  }
  const report = {
    cpu: { model: cpuModel(cpuinfo), architecture: machineArchitecture(), cores: host.cores },
    memory: { total: totalmem(), free: await availableMemory() },
    disk: { path: host.cache, free: await freeBytes(host.cache) },
    python,
    headers,
    compiler: compiler && {
      command: compiler.cxx.join(" "),
      family: compiler.family,
      version: compiler.version,
    },
    vllm: vllm.version,
    variants: abilities,
    indexes: asked && { packages: asked[0], torch: asked[1] },
    torch: asked?.[2] ?? null,
    problems: problems.map((problem) => problem.toJSON()),
  };
  return { ...report, next: nextCommand(report) };
}
