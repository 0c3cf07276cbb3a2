import { EXIT, entry } from "./entry.ts";

/** Errors of Python, tools and torch. */
export const TORCH = {
  E_PYTHON_MISSING: entry(EXIT.machineCannot, "No Python", (p: { wanted: string; detail: string }) => ({
    what: `Python ${p.wanted} was not found.`,
    why: p.detail,
    remedy: "Install it (with pip and venv), or name another with --python-version.",
  })),
  E_PYTHON_BROKEN: entry(
    EXIT.machineCannot,
    "Python does not work",
    (p: { wanted: string; detail: string }) => ({
      what: `Python is there, but no ${p.wanted} of it works.`,
      why: p.detail,
      remedy: "Install Python anew (with pip and venv), or put a working one first on PATH.",
    }),
  ),
  E_PYTHON_HEADERS: entry(EXIT.machineCannot, "Python's headers are missing", (p: { missing: string }) => ({
    what: "The headers of this Python are missing, so no extension can be compiled for it.",
    why: `There is no ${p.missing}.`,
    remedy:
      "Debian/Ubuntu: apt-get install python3-dev · Fedora/RHEL: dnf install python3-devel · or name another Python with --python-version.",
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
} as const;
