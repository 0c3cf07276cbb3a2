import { z } from "zod";
import { wheelsError } from "../errors/wheels-error.ts";

const factsSchema = z.object({
  python: z.string(),
  executable: z.string(),
  error: z.string().nullable(),
  distributions: z.array(z.object({ name: z.string(), version: z.string() })),
  torch: z
    .object({
      version: z.string(),
      cuda: z.string().nullable(),
      hip: z.string().nullable(),
      xpu: z.string().nullable(),
      cudaAvailable: z.boolean(),
      cudaLibraries: z.array(z.string()),
      file: z.string(),
    })
    .nullable(),
  /** OpenMP runtimes that are loaded once torch and its companions are. */
  openmp: z.array(z.string()),
  companions: z.array(z.object({ name: z.string(), version: z.string(), error: z.string().nullable() })),
});

/** What the probe torch_facts.py found in an environment. */
export type TorchFacts = z.infer<typeof factsSchema>;

/** @throws E_PYTHON_PROBE where the document is not the probe's */
export function parseTorchFacts(document: unknown): TorchFacts {
  const parsed = factsSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw wheelsError("E_PYTHON_PROBE", { probe: "torch_facts.py", detail: z.prettifyError(parsed.error) });
}

/** The gate's questions; a subset of the check ids of a verdict. */
export type GateId =
  | "runtime.torch-cpu"
  | "runtime.cuda-unavailable"
  | "runtime.no-cuda-packages"
  | "runtime.torchvision";

export interface GateAnswer {
  id: GateId;
  /** `warn`: a CPU build by all it shows, without `+cpu` in its version. */
  result: "pass" | "warn" | "fail";
  detail: string;
  evidence: Record<string, unknown>;
}

/**
 * True for a distribution of the CUDA (or ROCm) stack. `triton` alone is none: vLLM's own dependencies bring it.
 * @param name distribution name in any spelling
 */
export function isGpuPackage(name: string): boolean {
  return /^(nvidia|cuda|pytorch-triton-rocm|rocm|amd-hip)([-_.]|$)/i.test(name);
}

/** True for a local version label of a GPU build: cu130, rocm6.4, xpu. */
export function isGpuLocalVersion(version: string): boolean {
  return /\+(cu\d|rocm|xpu|hip)/.test(version);
}

/**
 * The CPU-only gate over an environment's facts: every question is answered, none is skipped.
 * A build from source or from Debian has no `+cpu`; where torch itself says that it has no GPU backend, that is a
 * warning, which a policy may take or refuse.
 */
export function gate(facts: TorchFacts): GateAnswer[] {
  const { torch } = facts;
  const gpuPackages = facts.distributions
    .filter(({ name }) => isGpuPackage(name))
    .map(({ name, version }) => `${name} ${version}`);
  const broken = facts.companions.filter(({ error }) => error !== null);
  const backends = torch
    ? Object.entries({ cuda: torch.cuda, hip: torch.hip, xpu: torch.xpu }).filter(
        ([, value]) => value !== null,
      )
    : [];
  const torches = facts.distributions.filter(({ name }) => name.toLowerCase() === "torch");
  const faults = [
    ...(torches.length > 1
      ? [`torch is installed ${torches.length} times (${torches.map(({ version }) => version).join(", ")})`]
      : []),
    ...(facts.openmp.length > 1
      ? [`${facts.openmp.length} OpenMP runtimes are loaded: ${facts.openmp.join(", ")}`]
      : []),
  ];
  const isCpu =
    torch !== null &&
    faults.length === 0 &&
    backends.length === 0 &&
    torch.cudaLibraries.length === 0 &&
    !isGpuLocalVersion(torch.version);
  const isLabelled = torch?.version.includes("+cpu") ?? false;
  return [
    {
      id: "runtime.torch-cpu",
      result: !isCpu ? "fail" : isLabelled ? "pass" : "warn",
      detail: torch
        ? `torch ${torch.version}${backends.map(([name, value]) => `, torch.version.${name} = ${value}`).join("")}${
            torch.cudaLibraries.length > 0 ? `, ships ${torch.cudaLibraries.join(", ")}` : ""
          }${isCpu && !isLabelled ? ", no +cpu, but no GPU backend either" : ""}${faults.map((fault) => `, ${fault}`).join("")}`
        : `torch can't be imported: ${facts.error}`,
      evidence: { torch, error: facts.error, python: facts.python, openmp: facts.openmp },
    },
    {
      id: "runtime.cuda-unavailable",
      result: torch !== null && !torch.cudaAvailable ? "pass" : "fail",
      detail: torch
        ? `torch.cuda.is_available() is ${torch.cudaAvailable ? "True" : "False"}`
        : "torch can't be imported",
      evidence: { cudaAvailable: torch?.cudaAvailable ?? null },
    },
    {
      id: "runtime.no-cuda-packages",
      result: gpuPackages.length === 0 ? "pass" : "fail",
      detail:
        gpuPackages.length === 0 ? "no nvidia-*/cuda-* distribution" : `installed: ${gpuPackages.join(", ")}`,
      evidence: { packages: gpuPackages, distributions: facts.distributions.length },
    },
    {
      id: "runtime.torchvision",
      result: broken.length === 0 ? "pass" : "fail",
      detail:
        broken.length > 0
          ? broken.map(({ name, version, error }) => `${name} ${version}: ${error}`).join("; ")
          : facts.companions
              .map(({ name, version }) => `${name} ${version} loads with this torch`)
              .join("; ") || "no torchvision, torchaudio or torchcodec is installed",
      evidence: { companions: facts.companions },
    },
  ];
}

/** @throws E_TORCH_CUDA naming every question that the gate answered with no */
export function demandCpuOnly(facts: TorchFacts): void {
  const findings = gate(facts)
    .filter(({ result }) => result === "fail")
    .map(({ id, detail }) => `${id}: ${detail}`);
  if (findings.length > 0) throw wheelsError("E_TORCH_CUDA", { findings });
}
