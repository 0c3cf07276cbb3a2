import { PLANNED as ARTIFACT, UPLOAD, WHEELS } from "./artifacts.ts";
import { CACHING } from "./caching.ts";
import { COMMANDS } from "./commands.ts";
import { DRY_RUN } from "./general.ts";
import { HOW } from "./how.ts";
import { JUDGING } from "./judging.ts";
import { PROVING } from "./proving.ts";
import { EXPECT, LINKED_TORCH, PUBLISHING, TO } from "./publishing.ts";
import { REPORTS } from "./reports.ts";
import { about, type OptionSpecs } from "./spec.ts";
import { TORCH } from "./torch.ts";
import { CHOICE, MANIFEST, PYTHON, WHAT } from "./what.ts";

/** An action: its inputs are the command line's options wherever both have them. */
export interface ActionSpec {
  name: string;
  title: string;
  description: string;
  icon: string;
  inputs: OptionSpecs;
  /** Description by output name. */
  outputs: Readonly<Record<string, string>>;
}

const { verify, setup } = COMMANDS;
const { "allow-dirty": _dirty, ...PLANNED } = WHAT;
const { resume: _resume, "no-cleanup": _cleanup, ...BUILT } = HOW;

const { "cache-secret": _secret, ...VENV_CACHING } = CACHING;

const REPORT_OUTPUTS = {
  sarif: "Path of the SARIF file, for github/codeql-action/upload-sarif; empty where none was asked for.",
  reports: "JSON list of the paths of the wheels' pages.",
};

const SAVED =
  "Bytes of download saved against the CUDA build, measured on the index; empty where the index does not tell, or savings are not asked for.";

export const ACTIONS = {
  plan: {
    name: "plan",
    title: "Plan vLLM CPU wheels",
    description: "Turns a manifest and a request into the matrix of the wheels to build.",
    icon: "list",
    inputs: { ...PLANNED, ...CHOICE },
    outputs: {
      matrix: "The jobs for strategy.matrix, through fromJSON: variant, python, version, runs-on.",
      builds:
        "The compiles alone as a matrix, the longest first: variants (a comma list for build-variant), python, version, vllm-version, runs-on. One compile serves several variants, and in the stable ABI several Pythons.",
      proofs:
        "The proofs as a matrix: every wheel on every Python that it is to be proven on, on a runner with its instructions.",
      wheels:
        "The wheels as a matrix, one row a wheel whatever number of Pythons it serves, for a job that signs each.",
      count: "The number of jobs in the matrix; skip the build job where it is 0.",
      identifiers: "The identifiers of the wheels, with a space between them.",
      existing: "JSON list of the identifiers that the index has already.",
    },
  },
  "setup-cpu-torch": {
    name: "setup-cpu-torch",
    title: "Set up CPU-only PyTorch",
    description: "Makes a virtual environment with CPU-only PyTorch, gates it, and puts it on PATH.",
    icon: "cpu",
    inputs: {
      ...PYTHON,
      ...TORCH,
      savings: { ...setup.options.savings, default: true },
      ...VENV_CACHING,
    },
    outputs: {
      "torch-version": "Version of torch, such as 2.13.0+cpu.",
      "python-path": "Path of the environment's interpreter.",
      venv: "Folder of the environment; it is removed after the job.",
      "cache-hit": "true where the environment came from the cache.",
      "cache-key": "Key of the environment in the cache; empty where the cache is off.",
      "saved-bytes": SAVED,
    },
  },
  "build-variant": {
    name: "build-variant",
    title: "Build vLLM CPU wheels",
    description: "Builds the wheel of one variant, or of several, against CPU-only PyTorch, and proves it.",
    icon: "package",
    inputs: {
      ...about("What to build", {
        variant: {
          kind: "text",
          placeholder: "NAMES",
          default: null,
          required: true,
          help: "The name of the variant, a list of names with a comma between them, or all; several are built and proven in this one job, as far as its machine can run them.",
        },
      }),
      source: WHAT.source,
      "vllm-version": WHAT["vllm-version"],
      ...PYTHON,
      "version-suffix": WHAT["version-suffix"],
      recipe: WHAT.recipe,
      ...MANIFEST,
      ...BUILT,
      ...TORCH,
      ...PROVING,
      ...JUDGING,
      ...REPORTS,
      ...UPLOAD,
      savings: setup.options.savings,
      ...CACHING,
    },
    outputs: {
      wheel: "Path of the wheel; empty where there are several.",
      sha256: "The wheel's sha256, in hexadecimal; empty where there are several.",
      verdict: "Path of the wheel's verdict; empty where there are several.",
      result: "pass, or fail where a wheel failed.",
      wheels:
        "JSON list with an object for each wheel: variant, wheel, sha256, verdict, result, artifact (the name of its artifact, or null).",
      "artifact-name": "Name of the artifact, where one was uploaded; empty where there are several.",
      "torch-version": "Version of torch that the wheels were built against, such as 2.13.0+cpu.",
      "saved-bytes": SAVED,
      "cache-key":
        "Key of the archive of compiled objects in the workflow's cache; empty where the cache is off or nothing was compiled.",
      "cache-hit": "true where that very archive was there, false where an older one or none was.",
      ...REPORT_OUTPUTS,
    },
  },
  "verify-torch-cpu": {
    name: "verify-torch-cpu",
    title: "Verify CPU-only PyTorch",
    description: "Gates a wheel, or any environment, on CPU-only PyTorch.",
    icon: "shield",
    inputs: {
      ...about("What to build", {
        mode: {
          kind: "text",
          placeholder: "MODE",
          default: "wheel",
          choices: ["wheel", "environment"],
          help: "What to verify.",
        },
      }),
      ...WHEELS,
      ...ARTIFACT,
      environment: {
        ...verify.options.environment,
        default: "current",
        help: "In mode environment: the virtual environment to check; current stands for the python3 on PATH.",
      },
      variant: verify.options.variant,
      ...MANIFEST,
      ...TORCH,
      ...PROVING,
      level: {
        ...PROVING.level,
        default: null,
        help: "How far the proof goes; without it kernels for a wheel, and the gate alone for an environment.",
      },
      ...JUDGING,
      ...REPORTS,
      ...UPLOAD,
      upload: { ...UPLOAD.upload, default: false },
    },
    outputs: {
      result: "pass or fail.",
      "torch-version": "Version of the torch that was seen; empty where none ran.",
      verdicts: "JSON list of the paths of the verdicts.",
      wheel: "Path of the planned wheel, where join is set; it is removed after the job.",
      verdict: "Path of its verdict, with what other jobs have proven joined to it.",
      predicate: "Path of the verdict's predicate, for actions/attest.",
      "predicate-type": "Type of that predicate.",
      ...REPORT_OUTPUTS,
    },
  },
  "publish-wheel": {
    name: "publish-wheel",
    title: "Publish proven vLLM CPU wheels",
    description: "Publishes wheels whose verdicts prove these very bytes; all of them or none.",
    icon: "upload-cloud",
    inputs: {
      wheels: {
        ...WHEELS.wheels,
        help: "Wheel files, one on each line, or the output wheels of build-variant, with their verdicts beside them; without it the artifacts of the workflow run are taken.",
      },
      ...about("Artifacts of the workflow run", {
        artifacts: {
          kind: "text",
          placeholder: "PATTERNS",
          default: "wheel-* proof-* signed-*",
          help: "Names of the artifacts to take where no wheels are named; * stands for any characters. What proof jobs found of a wheel is joined to its verdict, and a signed verdict is taken as it was signed.",
        },
      }),
      ...MANIFEST,
      ...JUDGING,
      ...TO,
      ...EXPECT,
      ...PUBLISHING,
      ...LINKED_TORCH,
      ...DRY_RUN,
    },
    outputs: {
      published: "JSON list of the files that were published.",
      skipped: "JSON list of the files that were there already with the same bytes.",
      refused: "JSON list of what was refused: the error's code and what happened.",
    },
  },
} as const satisfies Record<string, ActionSpec>;

export type ActionName = keyof typeof ACTIONS;
