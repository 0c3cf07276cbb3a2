import { CPU_INDEX } from "../torch/install.ts";
import type { OptionSpecs } from "./options.ts";

/** Options that every command has. */
export const common = {
  json: { kind: "flag", help: "Print one JSON document on stdout; messages go to stderr" },
  "cache-dir": {
    kind: "text",
    placeholder: "DIR",
    default: null,
    help: "Where uv and logs are kept (else VLLM_CPU_WHEELS_CACHE, else the user's cache folder)",
  },
  help: { kind: "flag", help: "Show this text" },
} as const satisfies OptionSpecs;

/** Where variants come from. */
export const manifest = {
  manifest: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    help: "A manifest of your own that adds variants or overrides them",
  },
} as const satisfies OptionSpecs;

/** Where torch comes from. */
export const torch = {
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

/** What is to be built. */
export const request = {
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

export const versionSuffix = {
  "version-suffix": {
    kind: "text",
    placeholder: ".postN",
    default: null,
    help: "Added to the version: .postN or .devN",
  },
} as const satisfies OptionSpecs;

/** How it is built. */
export const build = {
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
  "build-env": {
    kind: "text",
    placeholder: "NAME=VALUE",
    default: null,
    repeats: true,
    help: "Variable to add to the build's environment, which else holds nothing of your shell's; repeat it, or give one a line. It is part of the compile's key and of the verdict",
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
