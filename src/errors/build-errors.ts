import { EXIT, entry } from "./entry.ts";

/** Errors of sources, compilers and builds. */
export const BUILD = {
  E_SOURCE: entry(EXIT.badInput, "Not a buildable source", (p: { source: string; problem: string }) => ({
    what: `${p.source} can't be built.`,
    why: p.problem,
    remedy:
      "Point --source at a folder with a pyproject.toml (or setup.py), an sdist, or git+URL@REF; or use --source=sample.",
  })),
  E_SOURCE_DATE_EPOCH: entry(
    EXIT.badInput,
    "SOURCE_DATE_EPOCH is no time",
    (p: { value: string; problem: string }) => ({
      what: `SOURCE_DATE_EPOCH is ${p.value}.`,
      why: p.problem,
      remedy: "Unset it, or set it to the commit's time: export SOURCE_DATE_EPOCH=$(git log -1 --pretty=%ct)",
    }),
  ),
  E_MATERIALS: entry(EXIT.badInput, "Not built again", (p: { wheel: string; problem: string }) => ({
    what: `${p.wheel} can't be built again of what its verdict names.`,
    why: p.problem,
    remedy: "Use the verdict that was written when the wheel was built, by this version or a newer one.",
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
  E_COMPILER_FAMILY: entry(
    EXIT.machineCannot,
    "Compiler that the release does not take",
    (p: { variant: string; compiler: string; takes: string[] }) => ({
      what: `${p.variant} can't be built with ${p.compiler}.`,
      why: `The release's own build files take ${p.takes.join(" or ")} alone.`,
      remedy: "Set CC and CXX to such a compiler (Debian/Ubuntu: apt-get install g++).",
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
  E_BUILD: entry(EXIT.toolFailed, "Build failed", (p: { variant: string; detail: string; log: string }) => ({
    what: `The build of ${p.variant} failed.`,
    why: p.detail,
    remedy: `Read the whole log: ${p.log}`,
  })),
  E_BUILD_MEMORY: entry(
    EXIT.machineCannot,
    "Out of memory",
    (p: { variant: string; detail: string; log: string }) => ({
      what: `The compiler was killed while it built ${p.variant}, most likely for want of memory.`,
      why: p.detail,
      remedy: `Give the machine or container more memory, then add --resume: what is compiled is kept. The log: ${p.log}`,
    }),
  ),
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
} as const;
