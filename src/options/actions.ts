import { COMMANDS } from "./commands.ts";
import type { OptionSpecs } from "./options.ts";
import { POLICY_OPTIONS } from "./policy-options.ts";

/** An action: its inputs are the command line's options wherever both have them. */
export interface ActionSpec {
  name: string;
  title: string;
  description: string;
  icon: string;
  inputs: OptionSpecs;
  /** Description by output name. */
  outputs: Record<string, string>;
}

const { run, plan, setup, verify, publish } = COMMANDS;

const torch = {
  "torch-index-url": run.options["torch-index-url"],
  "torch-packages": run.options["torch-packages"],
  "torch-version": run.options["torch-version"],
} as const satisfies OptionSpecs;

const wheels = {
  kind: "text",
  placeholder: "PATHS",
  default: null,
  help: "Wheel files, a line each; a folder stands for the wheels in it",
} as const;

const reports = {
  html: run.options.html,
  markdown: run.options.markdown,
  sarif: run.options.sarif,
  "sarif-kinds": run.options["sarif-kinds"],
} as const satisfies OptionSpecs;

const REPORT_OUTPUTS = {
  sarif: "Path of the SARIF file, for github/codeql-action/upload-sarif; empty where none was asked for",
  reports: "JSON list of the paths of the wheels' pages",
};

const upload = (fallback: boolean) =>
  ({
    upload: {
      kind: "flag",
      default: fallback,
      help: "Upload the wheel and its verdict as an artifact of the workflow run",
    },
    "artifact-name": {
      kind: "text",
      placeholder: "NAME",
      default: null,
      help: "Name of that artifact; else wheel- with the wheel's name and hash, which can't clash in a matrix",
    },
    "retention-days": {
      kind: "count",
      placeholder: "DAYS",
      default: null,
      help: "Days that the artifact is kept; else the repository's own setting",
    },
  }) as const satisfies OptionSpecs;

export const ACTIONS = {
  plan: {
    name: "plan",
    title: "Plan vLLM CPU wheels",
    description: "Turns a manifest and a request into the matrix of the wheels to build.",
    icon: "list",
    inputs: {
      variant: plan.options.variant,
      "vllm-version": plan.options["vllm-version"],
      source: plan.options.source,
      recipe: plan.options.recipe,
      architecture: plan.options.architecture,
      "python-version": plan.options["python-version"],
      "version-suffix": plan.options["version-suffix"],
      only: plan.options.only,
      skip: plan.options.skip,
      "skip-existing": plan.options["skip-existing"],
      runner: plan.options.runner,
      manifest: plan.options.manifest,
    },
    outputs: {
      matrix: "For `strategy.matrix` through fromJSON: variant, python, version, runs-on",
      count: "Number of jobs in it; skip the build job where it is 0",
      identifiers: "Identifiers of the wheels, a space between them",
      existing: "JSON list of the identifiers that the index has already",
    },
  },
  "setup-cpu-torch": {
    name: "setup-cpu-torch",
    title: "Set up CPU-only PyTorch",
    description: "Makes a virtual environment with CPU-only PyTorch, gates it, and puts it on PATH.",
    icon: "cpu",
    inputs: {
      "python-version": setup.options["python-version"],
      ...torch,
      cache: {
        kind: "flag",
        default: true,
        help: "Keep the environment in the workflow cache, by exact key",
      },
      "cache-timeout": {
        kind: "count",
        placeholder: "SECONDS",
        default: 300,
        help: "Longest time for one transfer from or to the cache; the job goes on without",
      },
      savings: { ...setup.options.savings, default: true },
    },
    outputs: {
      "torch-version": "Version of torch, such as 2.13.0+cpu",
      "python-path": "Interpreter of the environment",
      venv: "Folder of the environment; removed after the job",
      "cache-hit": "true where it came from the cache",
      "saved-bytes":
        "Bytes of download saved against the CUDA build, measured on the index; empty where it does not tell",
    },
  },
  "build-variant": {
    name: "build-variant",
    title: "Build one vLLM CPU wheel",
    description: "Builds the wheel of one variant against CPU-only PyTorch, and proves it.",
    icon: "package",
    inputs: {
      variant: { ...run.options.variant, default: null, help: "Name of the variant" },
      source: run.options.source,
      "vllm-version": run.options["vllm-version"],
      "python-version": setup.options["python-version"],
      "version-suffix": run.options["version-suffix"],
      "output-dir": run.options["output-dir"],
      "max-jobs": run.options["max-jobs"],
      recipe: run.options.recipe,
      "onednn-source": run.options["onednn-source"],
      "build-env": run.options["build-env"],
      fresh: run.options.fresh,
      glibc: run.options.glibc,
      "keep-debug": run.options["keep-debug"],
      "torch-requirement": run.options["torch-requirement"],
      ...torch,
      manifest: run.options.manifest,
      level: { ...verify.options.level, default: "kernels", help: "How far to prove it at once" },
      ...reports,
      ...POLICY_OPTIONS,
      ...upload(true),
    },
    outputs: {
      wheel: "Path of the wheel",
      sha256: "Its sha256, in hexadecimal",
      verdict: "Path of its verdict",
      result: "pass or fail",
      "artifact-name": "Name of the artifact, where one was uploaded",
      ...REPORT_OUTPUTS,
    },
  },
  "verify-torch-cpu": {
    name: "verify-torch-cpu",
    title: "Verify CPU-only PyTorch",
    description: "Gates a wheel, or any environment, on CPU-only PyTorch.",
    icon: "shield",
    inputs: {
      mode: {
        kind: "text",
        placeholder: "MODE",
        default: "wheel",
        choices: ["wheel", "environment"],
        help: "What to verify",
      },
      wheels,
      environment: {
        ...verify.options.environment,
        default: "current",
        help: "In mode environment: a virtual environment, or current for the Python on PATH",
      },
      level: { ...verify.options.level, default: "kernels" },
      variant: verify.options.variant,
      limit: verify.options.limit,
      without: verify.options.without,
      emulator: verify.options.emulator,
      ...POLICY_OPTIONS,
      ...torch,
      manifest: verify.options.manifest,
      ...reports,
      ...upload(false),
    },
    outputs: {
      result: "pass or fail",
      "torch-version": "Version of torch that was seen, empty where none ran",
      verdicts: "JSON list of the verdicts' paths",
      ...REPORT_OUTPUTS,
    },
  },
  "publish-wheel": {
    name: "publish-wheel",
    title: "Publish proven vLLM CPU wheels",
    description: "Publishes wheels whose verdicts prove these very bytes; all of them or none.",
    icon: "upload-cloud",
    inputs: {
      to: publish.options.to,
      wheels: {
        ...wheels,
        help: "Wheel files, a line each, with their verdicts beside them; else the workflow run's artifacts",
      },
      artifacts: {
        kind: "text",
        placeholder: "PATTERNS",
        default: "wheel-*",
        help: "Names of the artifacts to take, where wheels is left out",
      },
      expect: publish.options.expect,
      "check-url": publish.options["check-url"],
      "file-limit": publish.options["file-limit"],
      "project-limit": publish.options["project-limit"],
      "variant-index": publish.options["variant-index"],
      "served-at": publish.options["served-at"],
      "signed-by": publish.options["signed-by"],
      "trusted-root": publish.options["trusted-root"],
      attestations: publish.options.attestations,
      "require-complete": publish.options["require-complete"],
      "torch-index-url": publish.options["torch-index-url"],
      manifest: publish.options.manifest,
      ...POLICY_OPTIONS,
      "dry-run": publish.options["dry-run"],
    },
    outputs: {
      published: "JSON list of the files that were published",
      skipped: "JSON list of the files that were there already with the same bytes",
      refused: "JSON list of what was refused: code and what happened",
    },
  },
} as const satisfies Record<string, ActionSpec>;

export type ActionName = keyof typeof ACTIONS;
