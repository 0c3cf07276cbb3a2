import { z } from "zod";
import { formatBytes } from "../host/units.ts";
import { file, kind } from "./kind.ts";

const REASONS = {
  "no-contract": "its name is that of no variant in the manifest, so there is no contract to hold it to",
  "archive-broken": "not run: the archive is broken",
  "not-asked": "not run: it was not asked",
  "not-installable": "not run: the wheel can't be installed",
  "no-cpu-torch": "not run: there is no CPU-only torch to run on",
  "interpreter-broken": "not run: the environment's interpreter is broken",
  "not-importable": "not run: it can't be imported",
  "import-crashes": "not run: importing it crashes",
  "torchvision-broken": "not run: runtime.torchvision failed, and the engine loads it",
  "no-engine": "not run: the wheel holds no engine (no package vllm)",
  "no-engine-asked": "not run: speed is measured at the level engine, of a wheel that holds vLLM",
  "not-of-environments": "not run: speed is compared between wheels, not environments",
  "never-started": "not run: it was never started",
  "no-torch": "not run: there is no torch to run it on",
  "no-avx2-contract": "not run: the contract promises no CPU with AVX2 alone",
  "emulated-already": "not run: all of it ran on an emulated CPU",
  "nothing-to-compare":
    "the wheel declares no kernel checks (entry points of the group cpu_wheel.kernel_checks) and is not vLLM",
} as const;

/** Why a check could not be run, where a word says it all. */
export type GapReason = keyof typeof REASONS;

/** Why a check was not run. */
export const GAP_KINDS = {
  gap: kind({ reason: z.enum(Object.keys(REASONS) as GapReason[]) }, ({ reason }) => REASONS[reason]),
  "lacks-features": kind(
    { features: z.array(z.string()).describe("ISA features that this machine lacks") },
    ({ features }) => `not run: this CPU lacks ${features.join(", ")}`,
  ),
  "no-emulation": kind(
    {
      reason: z
        .enum(["no-compiler", "does-not-work"])
        .describe("What became of the library that emulates AMX"),
      problem: z.string().describe("What each compiler said; empty where one works"),
    },
    ({ reason, problem }) =>
      reason === "no-compiler"
        ? `AMX can't be emulated without a working C compiler (${problem})`
        : "the library that emulates AMX does not work here",
    () => "Name a C compiler that works in the variable CC, or prove the wheel on a CPU that has AMX.",
  ),
  "emulator-missing": kind(
    { program: z.string() },
    ({ program }) => `not run: ${program} is not there`,
    () => "Install QEMU's programs for single programs (Debian: qemu-user).",
  ),
  "other-system": kind(
    { tags: z.array(z.string()).describe("The wheel's platform tags") },
    ({ tags }) => `not run: it is for ${tags.join(", ")}, and only libraries for Linux are read`,
  ),
  "opaque-file": kind(
    { file, problem: z.string().describe("Why it can't be looked into") },
    ({ file: path, problem }) => `${path}: ${problem}`,
  ),
  "python-missing": kind(
    {
      expected: z.string().describe("Python version that the wheel's tag wants"),
      problem: z.string(),
      remedy: z.string(),
    },
    ({ expected }) => `not run: there is no Python ${expected}, which the wheel's tag wants`,
    ([first]) => first?.remedy ?? "",
  ),
  "nothing-installed": kind(
    { package: z.string() },
    ({ package: name }) =>
      `not run: no distribution in this environment holds the package ${name} or declares kernel checks`,
    () => "Install a wheel first, or ask for no more than --level=import.",
  ),
  "no-reference": kind(
    { problem: z.string() },
    ({ problem }) => `not run: its torch can't compute what to compare with: ${problem}`,
  ),
  "no-compiled-mode": kind(
    { problem: z.string().describe("What torch said where it was to compile a function") },
    ({ problem }) =>
      `not run in compiled mode, which is the default: torch compiles nothing here (${problem})`,
    () =>
      "Install a C++ compiler and Python's headers (Debian: apt-get install g++ python3-dev), or ask for the other mode alone: --engine-modes=eager.",
  ),
  "probe-failed": kind({ problem: z.string() }, ({ problem }) => `not run: ${problem}`),
  "short-of-memory": kind(
    {
      expected: z.number().describe("Bytes that it takes"),
      found: z.number().describe("Bytes that are free"),
    },
    ({ expected, found }) =>
      `not run: it takes about ${formatBytes(expected)} of memory, and ${formatBytes(found)} are free`,
  ),
};
