import { wheelsError } from "../errors/wheels-error.ts";
import { parsePythonVersions, type WheelChoice, type WheelRequest } from "../variants/request.ts";
import { isVersion } from "../wheel/version.ts";
import { about, complete, type Values } from "./spec.ts";

/** Where variants come from. */
export const MANIFEST = about("What to build", {
  manifest: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    byHand: true,
    help: "A manifest of your own that adds variants to the default ones or overrides them.",
  },
});

/** The Python that an environment is made with. */
export const PYTHON = about("What to build", {
  "python-version": {
    kind: "text",
    placeholder: "X.Y",
    default: null,
    byHand: true,
    help: "Python version such as 3.11; without it the python3 on PATH.",
  },
});

/** What a request for wheels stands for. */
export const WHAT = {
  ...about("What to build", {
    variant: {
      kind: "text",
      placeholder: "NAMES",
      default: "all",
      aliases: ["variants"],
      byHand: true,
      help: "A variant, a list of variants with a comma between them, or all.",
    },
    "vllm-version": {
      kind: "text",
      placeholder: "X.Y.Z",
      default: null,
      aliases: ["vllm-versions"],
      byHand: true,
      help: "The vLLM release to build, or a comma list of releases; together with a source, the version that the source must be of.",
    },
    source: {
      kind: "text",
      placeholder: "SOURCE",
      default: null,
      byHand: true,
      help: "What to build: a folder, an sdist file, git+URL@REF, or sample (the bundled source); without it vLLM's sdist of the newest release that a recipe covers.",
    },
    recipe: {
      kind: "text",
      placeholder: "NAME",
      default: null,
      byHand: true,
      help: "The recipe to build by; without it the one for the source's project and version.",
    },
    architecture: {
      kind: "text",
      placeholder: "ARCH",
      default: "own",
      choices: ["own", "x86_64", "aarch64", "any"],
      help: "The architecture whose variants all stands for; own is this machine's.",
    },
    "allow-dirty": { kind: "flag", help: "Build a git checkout even if it has uncommitted changes." },
    "python-version": {
      kind: "text",
      placeholder: "VERSIONS",
      default: null,
      aliases: ["python-versions"],
      byHand: true,
      help: "Python versions to build for: 3.11, a list 3.11,3.12 or a range 3.10-3.13; without it the python3 on PATH.",
    },
    "version-suffix": {
      kind: "text",
      placeholder: ".postN",
      default: null,
      byHand: true,
      help: "A suffix for the wheels' version: .postN or .devN.",
    },
  }),
  ...MANIFEST,
};

function parseVersions(text: string | null): string[] {
  const versions = (text ?? "")
    .split(",")
    .map((version) => version.trim().replace(/^v(?=\d)/, ""))
    .filter((version) => version !== "");
  for (const version of versions) {
    if (!isVersion(version))
      throw wheelsError("E_OPTION_VALUE", {
        option: "--vllm-version",
        value: version,
        expected: "a version such as 0.32.0",
      });
  }
  return [...new Set(versions)];
}

/** Python versions as typed; empty for the Python on PATH. @throws E_OPTION_VALUE */
export const parsePythons = (text: string | null): string[] =>
  text === null ? [] : parsePythonVersions(text);

/** @throws E_OPTION_VALUE */
export function parseWhat(given: Partial<Values<typeof WHAT>>): WheelRequest {
  const values = complete(WHAT, given);
  return {
    variant: values.variant,
    versions: parseVersions(values["vllm-version"]),
    source: values.source,
    recipe: values.recipe,
    architecture: values.architecture,
    allowDirty: values["allow-dirty"],
    pythons: parsePythons(values["python-version"]),
    versionSuffix: values["version-suffix"],
    manifest: values.manifest,
  };
}

/** Which of the planned wheels are wanted, and by which runners. */
export const CHOICE = about("What to build", {
  only: {
    kind: "text",
    placeholder: "PATTERNS",
    default: null,
    byHand: true,
    help: "Keep the wheels whose identifier fits one of these patterns, such as cp311-* or *{bf16,vnni}.",
  },
  skip: {
    kind: "text",
    placeholder: "PATTERNS",
    default: null,
    byHand: true,
    help: "Leave out the wheels whose identifier fits one of these patterns.",
  },
  "skip-existing": {
    kind: "text",
    placeholder: "INDEX",
    default: null,
    byHand: true,
    help: "Leave out the wheels that this index has already: the URL of a simple index, or index:DIR.",
  },
  runner: {
    kind: "text",
    placeholder: "NAME",
    default: null,
    byHand: true,
    help: "One runner label that replaces the manifest's labels, {variant} in it replaced by the variant's name; scale sets of Actions Runner Controller go by one name.",
  },
  "build-runner": {
    kind: "text",
    placeholder: "NAME",
    default: null,
    help: "The runner label of the jobs that compile, which need no variant's instructions; without it the labels that all variants share.",
  },
});

export function parseChoice(given: Partial<Values<typeof CHOICE>>): WheelChoice {
  const {
    only,
    skip,
    "skip-existing": skipExisting,
    runner,
    "build-runner": buildRunner,
  } = complete(CHOICE, given);
  return { only, skip, skipExisting, runner, buildRunner };
}
