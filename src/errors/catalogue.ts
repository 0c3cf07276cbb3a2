/**
 * Every error a user can cause, as data. Codes are permanent: they are never renamed or reused.
 * `docs/errors.md` is generated from this file.
 */

/** Process exit codes; the contract is in README.md ("Exit codes"). */
export const EXIT = {
  ok: 0,
  checkFailed: 1,
  badInput: 2,
  machineCannot: 3,
  toolFailed: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface ErrorText {
  /** What happened, one sentence. */
  what: string;
  /** Why it happened or why it matters. */
  why: string;
  /** What to type or change. */
  remedy: string;
}

export interface ErrorEntry<P> {
  exit: ExitCode;
  title: string;
  text: (params: P) => ErrorText;
}

function entry<P>(exit: ExitCode, title: string, text: (params: P) => ErrorText): ErrorEntry<P> {
  return { exit, title, text };
}

export const CATALOGUE = {
  E_INTERRUPTED: entry(EXIT.interrupted, "Interrupted", (p: { during: string }) => ({
    what: `Interrupted during ${p.during}.`,
    why: "A signal (Ctrl-C or SIGTERM) asked for the end.",
    remedy: "Run the same command again; wheels that were finished before are kept.",
  })),
  E_INTERNAL: entry(EXIT.toolFailed, "Internal error", (p: { detail: string }) => ({
    what: `Something failed that should not be able to: ${p.detail}`,
    why: "This is a defect of vllm-cpu-actions, not of your input.",
    remedy: "Run again with VLLM_CPU_WHEELS_DEBUG=1 to see the stack, and open an issue with it.",
  })),

  E_USAGE: entry(EXIT.badInput, "Bad command line", (p: { problem: string; hint: string }) => ({
    what: p.problem,
    why: "The command line does not fit this command's options.",
    remedy: p.hint,
  })),
  E_OPTION_VALUE: entry(
    EXIT.badInput,
    "Bad option value",
    (p: { option: string; value: string; expected: string }) => ({
      what: `${p.option} got ${p.value}.`,
      why: `It takes ${p.expected}.`,
      remedy: `Give ${p.option} a value it takes; --help lists them.`,
    }),
  ),
  E_VARIANT_UNKNOWN: entry(
    EXIT.badInput,
    "Unknown variant",
    (p: { name: string; nearest: string; known: string[] }) => ({
      what: `There is no variant ${p.name}.`,
      why: `The manifest has: ${p.known.join(", ")}.`,
      remedy: p.nearest ? `Did you mean --variant=${p.nearest}?` : "Name one of these, a comma list, or all.",
    }),
  ),
  E_MANIFEST: entry(
    EXIT.badInput,
    "Manifest error",
    (p: { file: string; line: number; column: number; problem: string; hint: string }) => ({
      what: `${p.file}:${p.line}:${p.column}: ${p.problem}`,
      why: "The manifest does not fit its schema (schemas/variants.schema.json).",
      remedy: p.hint,
    }),
  ),
  E_MANIFEST_UNREADABLE: entry(
    EXIT.badInput,
    "Manifest unreadable",
    (p: { file: string; detail: string }) => ({
      what: `The manifest ${p.file} can't be read.`,
      why: p.detail,
      remedy: "Check the path given with --manifest.",
    }),
  ),

  E_SOURCE: entry(EXIT.badInput, "Not a buildable source", (p: { source: string; problem: string }) => ({
    what: `${p.source} can't be built.`,
    why: p.problem,
    remedy: "Point --source at a folder with a pyproject.toml (or setup.py), or use --source=sample.",
  })),
  E_VERSION_UNKNOWN: entry(
    EXIT.badInput,
    "Unknown version",
    (p: { project: string; version: string; nearest: string }) => ({
      what: `${p.project} has no version ${p.version}.`,
      why: "The source offers no such version.",
      remedy: p.nearest ? `Did you mean ${p.nearest}?` : "Name a version that exists.",
    }),
  ),
  E_VERSION_MISMATCH: entry(
    EXIT.badInput,
    "Version mismatch",
    (p: { asked: string; found: string; source: string }) => ({
      what: `--vllm-version=${p.asked}, but ${p.source} is version ${p.found}.`,
      why: "A wheel must carry its source's version, or its name lies.",
      remedy: `Leave --vllm-version out, or name ${p.found}.`,
    }),
  ),

  E_OUTPUT_DIR: entry(EXIT.badInput, "Output folder unusable", (p: { dir: string; detail: string }) => ({
    what: `The output folder ${p.dir} can't be written.`,
    why: p.detail,
    remedy: "Choose another folder with --output-dir, or fix its permissions.",
  })),
  E_BUSY: entry(
    EXIT.toolFailed,
    "In use by another run",
    (p: { what: string; holder: string; lock: string }) => ({
      what: `${p.what} is in use by another run (${p.holder}).`,
      why: "Two writers in one place could each publish half of the other's work.",
      remedy: `Wait for it to end, or use another folder. If no such process runs, remove ${p.lock}.`,
    }),
  ),
  E_DISK_FULL: entry(EXIT.machineCannot, "Disk full", (p: { where: string }) => ({
    what: `No space is left for ${p.where}.`,
    why: "The file system is full (ENOSPC) or a quota is reached (EDQUOT).",
    remedy: "Free space, or point --cache-dir, --output-dir and TMPDIR at a larger disk.",
  })),
  E_COMPILER_MISSING: entry(EXIT.machineCannot, "No C++ compiler", (p: { tried: string[] }) => ({
    what: "No C++ compiler was found.",
    why: `Tried: ${p.tried.join(", ")}.`,
    remedy:
      "Debian/Ubuntu: apt-get install g++ · Fedora/RHEL: dnf install gcc-c++ · Alpine: apk add g++ · or set CXX.",
  })),
  E_COMPILER_OLD: entry(
    EXIT.machineCannot,
    "Compiler too old",
    (p: { variant: string; compiler: string; version: string; floor: string }) => ({
      what: `${p.variant} needs ${p.compiler} ${p.floor} or newer; this is ${p.version}.`,
      why: "Older compilers lack the instructions, or silently leave them out.",
      remedy: "Install a newer compiler and set CC and CXX, or leave this variant out.",
    }),
  ),
  E_COMPILER_FLAGS: entry(
    EXIT.machineCannot,
    "Compiler can't make the variant's instructions",
    (p: { variant: string; compiler: string; flags: string[]; detail: string }) => ({
      what: `${p.compiler} does not take ${p.flags.join(" ")}, which ${p.variant} needs.`,
      why: p.detail,
      remedy: "Install a newer compiler (and binutils) and set CC and CXX, or leave this variant out.",
    }),
  ),
  E_ARCHITECTURE: entry(
    EXIT.machineCannot,
    "Wrong architecture",
    (p: { variant: string; needs: string; has: string }) => ({
      what: `${p.variant} is built on ${p.needs}; this machine is ${p.has}.`,
      why: "Wheels are compiled natively, not cross-compiled.",
      remedy: `Build ${p.variant} on a ${p.needs} runner.`,
    }),
  ),
  E_PYTHON_MISSING: entry(EXIT.machineCannot, "No Python", (p: { wanted: string; detail: string }) => ({
    what: `Python ${p.wanted} was not found.`,
    why: p.detail,
    remedy: "Install it (with pip and venv), or name another with --python-version.",
  })),
  E_PIP_MISSING: entry(
    EXIT.machineCannot,
    "uv can't be installed",
    (p: { python: string; detail: string }) => ({
      what: `uv is not here and ${p.python} can't install it.`,
      why: p.detail,
      remedy: "Install pip (Debian/Ubuntu: apt-get install python3-pip python3-venv), or put uv on PATH.",
    }),
  ),
  E_TOOL_MISSING: entry(EXIT.machineCannot, "Program missing", (p: { command: string }) => ({
    what: `The program ${p.command} was not found.`,
    why: "It is not on PATH.",
    remedy: `Install ${p.command}, or add its folder to PATH.`,
  })),
  E_TOOL_INSTALL: entry(
    EXIT.toolFailed,
    "Tool installation failed",
    (p: { tool: string; detail: string }) => ({
      what: `${p.tool} could not be installed.`,
      why: p.detail,
      remedy: "Check the package index settings (PIP_INDEX_URL, UV_DEFAULT_INDEX, pip.conf) and the network.",
    }),
  ),
  E_PYTHON_PROBE: entry(EXIT.toolFailed, "Probe failed", (p: { probe: string; detail: string }) => ({
    what: `The probe ${p.probe} gave no answer.`,
    why: p.detail,
    remedy: "Run again with VLLM_CPU_WHEELS_DEBUG=1 to see its output.",
  })),

  E_TORCH_INDEX: entry(EXIT.toolFailed, "PyTorch index unusable", (p: { index: string; detail: string }) => ({
    what: `The PyTorch index ${p.index} gave no usable answer.`,
    why: p.detail,
    remedy:
      "Check the network and proxy, or name another index or a folder of wheels with --torch-index-url (a pip find-links folder is used by itself).",
  })),
  E_TORCH_NOT_FOUND: entry(
    EXIT.toolFailed,
    "No fitting PyTorch",
    (p: { packages: string; index: string; python: string; detail: string }) => ({
      what: `${p.index} has no ${p.packages} for Python ${p.python} on this machine.`,
      why: p.detail,
      remedy: "Choose another --torch-version, --python-version or --torch-index-url.",
    }),
  ),
  E_TORCH_INSTALL: entry(EXIT.toolFailed, "PyTorch installation failed", (p: { detail: string }) => ({
    what: "Failed to install PyTorch CPU-only",
    why: p.detail,
    remedy: "Check the network and --torch-index-url, then run again; finished downloads are kept.",
  })),
  E_TORCH_CUDA: entry(EXIT.checkFailed, "Not a CPU-only PyTorch", (p: { findings: string[] }) => ({
    what: `This PyTorch is not CPU-only: ${p.findings.join("; ")}.`,
    why: "A wheel built or run against it would pull gigabytes of CUDA packages, or fail to load.",
    remedy: "Use an index of CPU wheels: --torch-index-url=https://download.pytorch.org/whl/cpu",
  })),
  E_TORCH_REPLACED: entry(
    EXIT.toolFailed,
    "Build dependency wants another PyTorch",
    (p: { torch: string; detail: string }) => ({
      what: `The build's dependencies can't be installed beside torch ${p.torch}.`,
      why: p.detail,
      remedy: "Pick the torch this source wants with --torch-version.",
    }),
  ),

  E_BUILD: entry(EXIT.toolFailed, "Build failed", (p: { variant: string; detail: string; log: string }) => ({
    what: `The build of ${p.variant} failed.`,
    why: p.detail,
    remedy: `Read the whole log: ${p.log}`,
  })),
  E_BUILD_ISA_OFF: entry(
    EXIT.machineCannot,
    "The build switched an ISA off",
    (p: { variant: string; warning: string }) => ({
      what: `The build of ${p.variant} left out instructions that its name promises.`,
      why: `cmake said: ${p.warning}`,
      remedy: "Use a newer compiler (CC, CXX), or leave this variant out.",
    }),
  ),
  E_BUILD_WHEELS: entry(
    EXIT.toolFailed,
    "Not exactly one wheel",
    (p: { variant: string; found: string[] }) => ({
      what: `The build of ${p.variant} said it succeeded, but left ${p.found.length} wheels.`,
      why: p.found.length > 0 ? `Found: ${p.found.join(", ")}.` : "The output folder is empty.",
      remedy: "Build the source by hand once and see what its build backend writes.",
    }),
  ),
  E_HOST_LEAK: entry(
    EXIT.checkFailed,
    "The host leaks into the wheel",
    (p: { variant: string; command: string }) => ({
      what: `The build of ${p.variant} asked the compiler for this machine's own instructions.`,
      why: p.command,
      remedy: "Remove -march=native / -mtune=native / -mcpu=native from the source's build files.",
    }),
  ),
  E_REPAIR: entry(EXIT.toolFailed, "auditwheel failed", (p: { wheel: string; detail: string }) => ({
    what: `auditwheel could not repair ${p.wheel}.`,
    why: p.detail,
    remedy: "Install the libraries the wheel needs on this machine, or build on an older distribution.",
  })),

  E_WHEEL_FILE: entry(EXIT.badInput, "No such wheel", (p: { wheel: string; detail: string }) => ({
    what: `${p.wheel} can't be read.`,
    why: p.detail,
    remedy: "Name wheel files that exist, e.g. dist/*.whl.",
  })),
  E_WHEEL_FORMAT: entry(EXIT.checkFailed, "Not a wheel", (p: { wheel: string; detail: string }) => ({
    what: `${p.wheel} is not a well-formed wheel.`,
    why: p.detail,
    remedy: "Build it again, or download it again.",
  })),
  E_CHECK_FAILED: entry(EXIT.checkFailed, "A check said no", (p: { failures: string[] }) => ({
    what: `${p.failures.length} ${p.failures.length === 1 ? "check" : "checks"} failed.`,
    why: p.failures.join("; "),
    remedy: "Read each check's remedy above. Nothing was published.",
  })),
  E_VERDICT_MISSING: entry(
    EXIT.checkFailed,
    "Wheel without verdict",
    (p: { wheel: string; expected: string }) => ({
      what: `${p.wheel} has no verdict.`,
      why: `There is no ${p.expected}.`,
      remedy: `Prove it first: vllm-cpu-wheels verify --level kernels ${p.wheel}`,
    }),
  ),
  E_VERDICT_INVALID: entry(
    EXIT.checkFailed,
    "Verdict unreadable",
    (p: { verdict: string; detail: string }) => ({
      what: `${p.verdict} is not a verdict.`,
      why: p.detail,
      remedy: "Remove it and run verify again.",
    }),
  ),
  E_VERDICT_OTHER_BYTES: entry(
    EXIT.checkFailed,
    "Verdict for other bytes",
    (p: { wheel: string; sha256: string; proven: string }) => ({
      what: `${p.wheel} is not the file that was proven.`,
      why: `Its sha256 is ${p.sha256}; the verdict is for ${p.proven}.`,
      remedy: "Build it again, or run verify on this very file.",
    }),
  ),
  E_VERDICT_FAILED: entry(
    EXIT.checkFailed,
    "Verdict says no",
    (p: { wheel: string; failures: string[] }) => ({
      what: `${p.wheel} is not proven.`,
      why: p.failures.join("; "),
      remedy: "Mend what failed, build again, and run verify.",
    }),
  ),
  E_PUBLISH_CONFLICT: entry(
    EXIT.checkFailed,
    "File name taken",
    (p: { file: string; target: string; next: string }) => ({
      what: `${p.target} already has a ${p.file} with other bytes.`,
      why: "A published file name never changes its bytes: installers cache it and lock files pin its hash.",
      remedy: `Build with --version-suffix=${p.next} and publish that.`,
    }),
  ),
  E_PUBLISH_TARGET: entry(
    EXIT.badInput,
    "Unknown publish target",
    (p: { target: string; detail: string }) => ({
      what: `${p.target} is not a publish target.`,
      why: p.detail,
      remedy: "Use index:DIR.",
    }),
  ),
  E_PUBLISH_NOTHING: entry(EXIT.badInput, "Nothing to publish", (p: { where: string }) => ({
    what: "There is no wheel to publish.",
    why: `${p.where} holds no *.whl.`,
    remedy: "Build first, or name the wheels.",
  })),
} as const;

export type ErrorCode = keyof typeof CATALOGUE;

export type ErrorParams<C extends ErrorCode> = Parameters<(typeof CATALOGUE)[C]["text"]>[0];
