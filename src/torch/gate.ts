import { z } from "zod";
import { wheelsError } from "../errors/wheels-error.ts";
import { type Finding, findingText } from "../findings/findings.ts";

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

interface GateAnswerTo<Id extends string, Evidence> {
  id: Id;
  /** `warn`: a CPU build by all it shows, without `+cpu` in its version. */
  result: "pass" | "warn" | "fail";
  findings: Finding[];
  evidence: Evidence;
}

/** An answer to one of the gate's questions, which are a subset of a verdict's. */
export type GateAnswer =
  | GateAnswerTo<"runtime.torch-cpu", Pick<TorchFacts, "torch" | "error" | "python" | "openmp">>
  | GateAnswerTo<"runtime.cuda-unavailable", { cudaAvailable: boolean | null }>
  | GateAnswerTo<"runtime.no-cuda-packages", { distributions: number }>
  | GateAnswerTo<"runtime.torchvision", Pick<TorchFacts, "companions">>;

/** The gate's questions. */
export type GateId = GateAnswer["id"];

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

/** What makes a torch one that is not for the CPU alone, or not the only one. */
function torchFindings({ torch, error, distributions, openmp }: TorchFacts): Finding[] {
  if (!torch) return [{ kind: "torch-unimportable", message: error ?? "it is not installed" }];
  const { version, cuda, hip, xpu, cudaLibraries } = torch;
  const backends = Object.entries({ cuda, hip, xpu }).flatMap(([name, value]) =>
    value === null ? [] : [{ name, version: value }],
  );
  const isGpu = backends.length > 0 || cudaLibraries.length > 0 || isGpuLocalVersion(version);
  const versions = distributions
    .filter(({ name }) => name.toLowerCase() === "torch")
    .map((one) => one.version);
  return [
    ...(isGpu ? [{ kind: "gpu-torch" as const, found: version, backends, libraries: cudaLibraries }] : []),
    ...(versions.length > 1 ? [{ kind: "several-torches" as const, found: versions }] : []),
    ...(openmp.length > 1 ? [{ kind: "several-openmp" as const, files: openmp }] : []),
  ];
}

function torchAnswer(facts: TorchFacts): GateAnswer {
  const { torch, error, python, openmp } = facts;
  const faults = torchFindings(facts);
  const isUnlabelled = torch !== null && !torch.version.includes("+cpu");
  const base = { id: "runtime.torch-cpu", evidence: { torch, error, python, openmp } } as const;
  if (faults.length > 0) return { ...base, result: "fail", findings: faults };
  return isUnlabelled
    ? { ...base, result: "warn", findings: [{ kind: "unlabelled-torch", found: torch.version }] }
    : { ...base, result: "pass", findings: [] };
}

function availabilityFindings({ torch, error }: TorchFacts): Finding[] {
  if (!torch) return [{ kind: "torch-unimportable", message: error ?? "it is not installed" }];
  return torch.cudaAvailable ? [{ kind: "cuda-available" }] : [];
}

const failOn = (findings: Finding[]): { result: "pass" | "fail"; findings: Finding[] } => ({
  result: findings.length > 0 ? "fail" : "pass",
  findings,
});

/**
 * The CPU-only gate over an environment's facts: every question is answered, none is skipped.
 * A build from source or from Debian has no `+cpu`; where torch itself says that it has no GPU backend, that is a
 * warning, which a policy may take or refuse.
 */
export function gate(facts: TorchFacts): GateAnswer[] {
  const { torch, distributions, companions } = facts;
  const gpuPackages = distributions
    .filter(({ name }) => isGpuPackage(name))
    .map(({ name, version }): Finding => ({ kind: "gpu-package", package: name, found: version }));
  const broken = companions.flatMap(({ name, version, error }): Finding[] =>
    error === null ? [] : [{ kind: "broken-companion", package: name, found: version, message: error }],
  );
  return [
    torchAnswer(facts),
    {
      id: "runtime.cuda-unavailable",
      ...failOn(availabilityFindings(facts)),
      evidence: { cudaAvailable: torch?.cudaAvailable ?? null },
    },
    {
      id: "runtime.no-cuda-packages",
      ...failOn(gpuPackages),
      evidence: { distributions: distributions.length },
    },
    { id: "runtime.torchvision", ...failOn(broken), evidence: { companions } },
  ];
}

/** What the gate answers with no, in words. */
export function gateFailures(facts: TorchFacts): { id: GateId; text: string }[] {
  return gate(facts)
    .filter(({ result }) => result === "fail")
    .map(({ id, findings }) => ({ id, text: findings.map(findingText).join("; ") }));
}

/** @throws E_TORCH_CUDA naming every question that the gate answered with no */
export function demandCpuOnly(facts: TorchFacts): void {
  const findings = gateFailures(facts).map(({ id, text }) => `${id}: ${text}`);
  if (findings.length > 0) throw wheelsError("E_TORCH_CUDA", { findings });
}
