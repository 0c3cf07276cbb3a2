import { EXIT, entry } from "./entry.ts";

/**
 * Distributions that have such a compiler in their own packages, by the oldest major version that does.
 * Sources: packages g++-12 to g++-14 of Debian and Ubuntu; gcc-toolset of RHEL 8 and 9; clang-N of Debian.
 */
const GCC: readonly { upTo: number; where: string }[] = [
  {
    upTo: 13,
    where:
      "Ubuntu 24.04 (13.2) or Debian 13 (14.2): apt-get install g++ · RHEL, Alma and Rocky 8 or 9: dnf install gcc-toolset-13-gcc-c++, then scl enable gcc-toolset-13 bash · image: gcc:13 or newer",
  },
  {
    upTo: 14,
    where:
      "Debian 13 (14.2): apt-get install g++ · Ubuntu 24.04: apt-get install g++-14, then CC=gcc-14 CXX=g++-14 · RHEL, Alma and Rocky 8 or 9: dnf install gcc-toolset-14-gcc-c++, then scl enable gcc-toolset-14 bash · image: gcc:14 or newer",
  },
];

/** Where a compiler that is new enough comes from, in words. @param floor the oldest version that will do, e.g. 12.3 */
function newerCompiler(family: string, floor: string): string {
  const [major = 0, minor = 0] = `${floor}`.split(".").map(Number);
  // A floor such as 12.3 is not met by the 12.2 of Debian 12, so the next major version is what can be named for sure.
  const wanted = minor > 0 ? major + 1 : major;
  const found = family === "gcc" ? GCC.find(({ upTo }) => wanted <= upTo) : undefined;
  if (found) return `${found.where}.`;
  return family === "clang"
    ? `Debian and Ubuntu: apt-get install clang-${wanted}, then CC=clang-${wanted} CXX=clang++-${wanted}.`
    : `Install ${family} ${floor} or newer and set CC and CXX.`;
}

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
    (p: { project: string; version: string; nearest: string; newest: string | null }) => ({
      what: `${p.project} has no version ${p.version}.`,
      why: `The source offers no such version${p.newest === null ? "" : `; the newest is ${p.newest}`}.`,
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
  E_COMPILER_BROKEN: entry(
    EXIT.machineCannot,
    "The compiler does not work",
    (p: { compiler: string; doing: string; detail: string }) => ({
      what: `The compiler ${p.compiler} failed while ${p.doing}.`,
      why: p.detail || "It said nothing.",
      remedy:
        "Mend its installation (Debian/Ubuntu: apt-get install --reinstall g++ binutils libc6-dev), or set CC and CXX to one that works.",
    }),
  ),
  E_COMPILER_OLD: entry(
    EXIT.machineCannot,
    "Compiler too old",
    (p: { variant: string; compiler: string; version: string; floor: string }) => ({
      what: `${p.variant} needs ${p.compiler} ${p.floor} or newer; this is ${p.version}.`,
      why: "Older compilers lack the instructions, or silently leave them out.",
      remedy: `${newerCompiler(p.compiler, p.floor)} Or leave this variant out.`,
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
      remedy:
        "Use a newer compiler and assembler (Ubuntu 24.04 or Debian 13: apt-get install g++ binutils · RHEL, Alma and Rocky 8 or 9: dnf install gcc-toolset-13-gcc-c++ gcc-toolset-13-binutils) and set CC and CXX, or leave this variant out.",
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
