import { z } from "zod";
import { formatBytes } from "../../../host/units.ts";
import { define } from "./definition.ts";

/** What an installation would fetch. */
export const downloadSizeSchema = z.object({
  packages: z.number(),
  bytes: z.number().nullable().describe("To download; null where an index does not tell every size"),
  places: z.record(z.string(), z.number()).describe("Packages by the place they come from"),
  gpu: z.array(z.string()).describe("GPU packages among them, as name==version"),
});

/** What an installation would fetch, from the indexes' metadata alone. */
export type DownloadSize = z.infer<typeof downloadSizeSchema>;

const torchSchema = z.object({
  version: z.string(),
  cuda: z.string().nullable(),
  hip: z.string().nullable(),
  xpu: z.string().nullable(),
  cudaAvailable: z.boolean(),
  cudaLibraries: z.array(z.string()),
  file: z.string(),
});

interface ResolveEvidence {
  torch?: string | undefined;
  uv?: string[] | undefined;
  pip?: string[] | null | undefined;
  download?: DownloadSize | null | undefined;
  plainDownload?: DownloadSize | null | undefined;
}

function savedText({ download, plainDownload: plain }: ResolveEvidence): string {
  if (download?.bytes == null) return "";
  const whole = `, ${formatBytes(download.bytes)} with torch`;
  if (plain?.bytes == null || plain.bytes <= download.bytes) return whole;
  const percent = Math.round((1 - download.bytes / plain.bytes) * 100);
  return `${whole}; without the CPU index it would be ${formatBytes(plain.bytes)} with ${plain.gpu.length} GPU packages: ${percent} % saved`;
}

function resolveSummary(evidence: ResolveEvidence): string | null {
  const { torch, uv, pip } = evidence;
  if (torch === undefined || uv === undefined) return null;
  const by = pip == null ? "uv installs" : "uv and pip install";
  return `${by} it beside torch ${torch}: ${uv.length} packages and no CUDA one${savedText(evidence)}`;
}

/** Checks of the environment that the wheel is installed into. */
export const TORCH_CHECKS = {
  "runtime.resolve": define({
    level: "import",
    title: "It installs beside CPU-only torch",
    question: "Do pip and uv install the wheel beside CPU-only torch, and bring no GPU package?",
    why: "An installer that replaces torch undoes what the user has set up.",
    remedy: "Mend the requirements that bring GPU packages or another torch.",
    tags: ["torch", "runtime"],
    reference: null,
    evidence: {
      torch: z.string(),
      uv: z.array(z.string()).describe("Packages that uv would install"),
      pip: z.array(z.string()).nullable().describe("Those of pip; null where it was not asked"),
      without: z.array(z.string()).describe("Packages left out on request"),
      download: downloadSizeSchema.nullable().describe("Beside CPU-only torch"),
      plainDownload: downloadSizeSchema
        .nullable()
        .describe("By a command that knows the default index alone"),
    },
    holdsWithWarning: true,
    summary: resolveSummary,
  }),
  "runtime.torch-cpu": define({
    level: "import",
    title: "torch is the CPU build",
    question: "Is the torch of the environment a CPU-only build?",
    why: "The CUDA build takes gigabytes and loads GPU libraries.",
    remedy: "Make the environment with `vllm-cpu-wheels setup`.",
    tags: ["torch", "runtime"],
    reference: null,
    evidence: {
      torch: torchSchema.nullable(),
      error: z.string().nullable(),
      python: z.string(),
      openmp: z.array(z.string()).describe("OpenMP runtimes that are loaded"),
    },
    summary: ({ torch }) => (torch ? `torch ${torch.version}` : null),
  }),
  "runtime.cuda-unavailable": define({
    level: "import",
    title: "torch sees no CUDA",
    question: "Is torch.cuda.is_available() False?",
    why: "Code takes GPU paths where torch says that there is one.",
    remedy: "Make the environment with `vllm-cpu-wheels setup`.",
    tags: ["torch", "runtime"],
    reference: null,
    evidence: { cudaAvailable: z.boolean().nullable() },
    summary: () => "torch.cuda.is_available() is False",
  }),
  "runtime.no-cuda-packages": define({
    level: "import",
    title: "No GPU package is installed",
    question: "Is the environment free of nvidia-* and cuda-* distributions?",
    why: "They take gigabytes, and their libraries can be loaded in place of others.",
    remedy: "Make the environment anew with `vllm-cpu-wheels setup`.",
    tags: ["torch", "runtime"],
    reference: null,
    evidence: { distributions: z.number().describe("Distributions that are installed") },
    summary: () => "no nvidia-*/cuda-* distribution",
  }),
  "runtime.torchvision": define({
    level: "import",
    title: "torch's companions fit",
    question: "Do torchvision, torchaudio and torchcodec, where installed, work with this torch?",
    why: "A torchvision of the default index imports, and dies later: operator torchvision::nms does not exist.",
    remedy: "Take the companions from the same index as torch.",
    tags: ["torch", "runtime"],
    reference: null,
    evidence: {
      companions: z.array(z.object({ name: z.string(), version: z.string(), error: z.string().nullable() })),
    },
    summary: ({ companions = [] }) =>
      companions.map(({ name, version }) => `${name} ${version} loads with this torch`).join("; ") ||
      "no torchvision, torchaudio or torchcodec is installed",
  }),
};
