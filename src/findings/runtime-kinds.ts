import { z } from "zod";
import { formatBytes } from "../host/units.ts";
import { kind, some } from "./kind.ts";

/** Which program of the clean room it was. */
export const PROGRAMS = {
  import: "",
  "kernel-checks": "the wheel's own kernel checks: ",
  operators: "vLLM's operators: ",
  engine: "the engine: ",
  compiled: "the compiled engine: ",
  server: "the server: ",
  speed: "the engine that was measured: ",
  "speed-reference": "the reference's engine: ",
} as const;

/** A program of the clean room. */
export type ProgramName = keyof typeof PROGRAMS;

const program = z.enum(Object.keys(PROGRAMS) as ProgramName[]).describe("Program of the clean room");

/** A fault, explained. */
export const crashSchema = z.object({
  signal: z.string(),
  address: z.string().describe("Hexadecimal"),
  file: z.string().nullable().describe("Relative to site-packages where it lies there"),
  symbol: z.string().nullable(),
  instruction: z.string().nullable(),
  features: z.array(z.string()).describe("ISA features that the instruction takes"),
  lacks: z.array(z.string()).describe("Those of them that this machine lacks"),
});

const BY_HAND: Record<ProgramName, string> = {
  import: "Import it by hand and see what it does.",
  "kernel-checks": "Run the wheel's kernel checks by hand.",
  operators: "Call the operator by hand, and compare it with torch's own.",
  engine: "Start the engine by hand with a small model; the evidence has the end of its messages.",
  compiled:
    "Start the engine by hand with a small model and without enforce_eager; the evidence has the end of its messages.",
  server: "Start the server by hand with a small model; the evidence has the end of its messages.",
  speed: "Start the engine by hand with a small model.",
  "speed-reference": "Start the reference's engine by hand with a small model, or name another reference.",
};

const byHand = ([first]: readonly { program: ProgramName }[]): string => BY_HAND[first?.program ?? "import"];

const REQUIREMENTS = (): string =>
  "Mend the wheel's requirements: torch==X without a local version, and nothing that needs a GPU build.";

const tokens = z.array(z.array(z.number()));

/** What happened when the wheel was installed. */
const INSTALL = {
  "installer-refuses": kind(
    { installer: z.enum(["uv", "pip"]), message: z.string() },
    ({ installer, message }) => `${installer}: ${message}`,
    REQUIREMENTS,
  ),
  "brings-gpu-packages": kind(
    { packages: z.array(z.string()).describe("As name==version") },
    ({ packages }) => `installing it would bring ${packages.join(", ")}`,
    REQUIREMENTS,
  ),
  "file-of-another": kind(
    {
      file: z.string().describe("As RECORD names it, relative to site-packages"),
      distribution: z.string().describe("Whose file it is as well, as NAME-VERSION"),
    },
    ({ file, distribution }) => `it brings ${file}, which is a file of ${distribution} too`,
    () => "Leave it out: whichever of the two is installed last wins.",
  ),
  "installs-otherwise": kind(
    {
      installer: z.enum(["uv", "pip"]),
      file: z.string().describe("In site-packages/, or relative to the environment"),
      problem: z.enum(["not-in-wheel", "left-out", "other-bytes"]),
    },
    ({ installer, file, problem }) =>
      problem === "not-in-wheel"
        ? `${installer} installs ${file}, which is not among the files that were judged`
        : problem === "left-out"
          ? `${installer} does not install ${file}, which was judged`
          : `${installer} installs other bytes as ${file} than were judged`,
    () => "Build the wheel anew with a backend that writes plain archives.",
  ),
  "reads-otherwise": kind(
    {
      document: z.enum(["files", "METADATA", "WHEEL", "RECORD", "entry_points.txt"]),
      expected: z.string().nullable().describe("The first line that differs, as it was judged"),
      found: z.string().nullable().describe("The same as Python's own reader sees it"),
    },
    ({ document, expected, found }) =>
      expected === null && found === null
        ? `Python's own reader does not take ${document}`
        : `Python's own reader sees ${found ?? "nothing more"} in ${document}, where ${expected ?? "nothing more"} was judged`,
    () => "Build the wheel anew with a backend that writes plain texts and archives.",
  ),
  "replaced-file": kind(
    { file: z.string().describe("Relative to the environment's folder") },
    ({ file }) => `installing it changes ${file}, which was there before`,
    () => "Leave that file, or the requirement that brings it, out: it is another distribution's.",
  ),
  "replaces-torch": kind(
    {
      expected: z.string().describe("The torch that is there"),
      found: z.string().describe("As name==version"),
    },
    ({ expected, found }) => `installing it would put ${found} in the place of torch ${expected}`,
    REQUIREMENTS,
  ),
  "left-out-packages": kind(
    { packages: z.array(z.string()) },
    ({ packages }) => `left out on request, though required: ${packages.join(", ")}`,
  ),
  "torch-refused": kind(
    { message: z.string(), remedy: z.string() },
    ({ message }) => message,
    ([first]) => first?.remedy ?? "",
  ),
};

/** What is wrong with what is installed in an environment. */
const INSTALLED = {
  "package-owned-twice": kind(
    { package: z.string(), distributions: z.array(z.string()).describe("As name version") },
    ({ package: name, distributions }) =>
      `the package ${name} belongs to ${distributions.length} distributions: ${distributions.join(", ")}; the files of one lie over the other's`,
    ([first]) =>
      `Keep one of them: pip uninstall -y ${(first?.distributions ?? []).map((one) => one.split(" ")[0]).join(" ")}, then install the one that you want.`,
  ),
  "distribution-said": kind(
    { distribution: z.string().describe("As name version"), message: z.string() },
    ({ distribution, message }) => `${distribution}: ${message}`,
  ),
};

/** What became of any program. */
const PROGRAM = {
  crash: kind(
    { program, ...crashSchema.shape },
    ({ program: who, signal, address, file, symbol, instruction, lacks }) =>
      `${PROGRAMS[who]}${signal} at ${instruction ?? address}${symbol ? ` in ${symbol}` : ""}${file ? ` (${file})` : ""}${
        lacks.length > 0 ? `; this CPU lacks ${lacks.join(", ")}` : ""
      }`,
    ([first]) =>
      first && first.lacks.length > 0
        ? `Compile this function without ${first.lacks.join(", ")}, or choose it at run time by asking the CPU.`
        : "Debug it at this place: the library does something that the process may not.",
  ),
  "stopped-program": kind(
    {
      program,
      seconds: z.number().describe("The limit that it reached"),
      frames: z.array(z.string()).describe("Innermost Python frame of each thread"),
    },
    ({ program: who, seconds, frames }) =>
      `${PROGRAMS[who]}it was stopped after ${seconds} s${frames.length > 0 ? `, in ${frames.join(" / ")}` : ""}`,
    byHand,
  ),
  "silent-program": kind(
    {
      program,
      signal: z.string().nullable(),
      status: z.number().nullable(),
      output: z.string().describe("Its last lines"),
    },
    ({ program: who, signal, status, output }) =>
      `${PROGRAMS[who]}${signal ? `it was killed by ${signal}` : `it ended with status ${status}`} without an answer${output ? `: ${output}` : ""}`,
    byHand,
  ),
  "strange-answer": kind(
    { program },
    ({ program: who }) => `${PROGRAMS[who]}it answered something else than it was asked`,
    () => "The wheel gets in the way of what imports it.",
  ),
  "program-error": kind(
    { program, message: z.string().describe("What it says of itself") },
    ({ program: who, message }) => `${PROGRAMS[who]}${message}`,
    byHand,
  ),
  "over-memory": kind(
    { program, limit: z.number().describe("Bytes") },
    ({ program: who, limit }) =>
      `${PROGRAMS[who]}the kernel ended it, or part of it, for using more than ${formatBytes(limit)}`,
    () => "Find what takes the memory: a tiny model needs less than half of that.",
  ),
  "processes-left": kind(
    { program, processes: z.array(z.string()) },
    ({ program: who, processes }) =>
      `${PROGRAMS[who]}it left ${processes.length} processes behind: ${some(processes, 3)}`,
    () => "It must not start processes that outlive it.",
  ),
};

/** What an import does that it should not. */
const IMPORT = {
  "foreign-messages": kind(
    { count: z.number() },
    ({ count }) => `${count} messages came over the harness's line that are not the harness's`,
    () => "The wheel writes to descriptors that it did not open.",
  ),
  "torch-changed": kind(
    {
      expected: z.string().describe("torch's version before the import"),
      found: z.string(),
      path: z.string().describe("Where it was imported from"),
    },
    ({ expected, found, path }) =>
      `after the import torch is ${found} from ${path}, before it was ${expected}`,
    () => "A wheel must leave the torch that is installed as it is.",
  ),
  "gpu-libraries-loaded": kind(
    { files: z.array(z.string()) },
    ({ files }) => `it loads GPU libraries: ${files.join(", ")}`,
    () => "Link against CPU-only torch alone.",
  ),
  "own-openmp": kind(
    { files: z.array(z.string()) },
    ({ files }) => `it loads an OpenMP runtime of its own, ${files.join(", ")}, beside torch's`,
    () =>
      "Leave libgomp out when the wheel is repaired (auditwheel repair --exclude libgomp.so.1): torch brings it.",
  ),
  "other-platform": kind(
    { expected: z.literal("cpu"), found: z.string().describe("vLLM's platform; empty for none") },
    ({ found }) => `vLLM's platform is ${found || "unspecified"}, not cpu`,
    () =>
      "Build it with VLLM_TARGET_DEVICE=cpu, and with cpu in its version (vllm's own name, local version +cpu).",
  ),
  "home-written": kind(
    { files: z.array(z.string()) },
    ({ files }) => `it wrote to the home folder: ${some(files)}`,
    () => "Write to the cache folder (XDG_CACHE_HOME) only, and not at import.",
  ),
  "copy-changed": kind(
    {},
    () => "it changed the copy of itself that was judged",
    () =>
      "Look at what it does at import: no wheel has a reason to write to the file that it was installed from.",
  ),
  "variable-needed": kind(
    { variable: z.string().describe("NAME=VALUE") },
    ({ variable }) => `it finds its CPU platform only with ${variable} set`,
  ),
  "network-tried": kind(
    { addresses: z.array(z.string()) },
    ({ addresses }) => `it tried the network: ${addresses.join(", ")}`,
  ),
  printed: kind({ bytes: z.number() }, ({ bytes }) => `it printed ${bytes} bytes on stdout`),
};

/** What kernels compute that torch does not. */
const KERNELS = {
  "kernel-error": kind(
    { kernel: z.string(), shape: z.string().nullable(), message: z.string() },
    ({ kernel, shape, message }) => `${kernel}${shape === null ? "" : ` ${shape}`}: ${message}`,
  ),
  "kernel-off": kind(
    {
      kernel: z.string(),
      shape: z.string(),
      expected: z.number().describe("The tolerance"),
      found: z.number().nullable().describe("The largest error; null for no number"),
    },
    ({ kernel, shape, expected, found }) =>
      `${kernel} ${shape}: off by ${found ?? "NaN"}, tolerance ${expected}`,
    () => "The kernels compute something else than torch does.",
  ),
  "kernel-untested": kind({ kernel: z.string() }, ({ kernel }) => `${kernel}: no case was run`),
  "operator-off": kind(
    {
      operator: z.string(),
      shape: z.string(),
      found: z.number().describe("The largest error, as a share of what is allowed"),
    },
    ({ operator, shape, found }) =>
      `${operator} ${shape}: off by ${found.toPrecision(3)} times what is allowed`,
    () => "The kernels compute something else than torch does.",
  ),
  "operator-missing": kind(
    { operator: z.string() },
    ({ operator }) => `${operator}: the wheel has no such operator`,
  ),
};

/** What the engine and the server make of a prompt. */
const ENGINE = {
  "unsteady-tokens": kind(
    { program, found: z.array(tokens).describe("The tokens of each time") },
    ({ program: who, found }) =>
      `${PROGRAMS[who]}greedy tokens differ from one time to the next: ${JSON.stringify(found)}`,
    byHand,
  ),
  "other-tokens": kind(
    { program, expected: tokens, found: tokens },
    ({ program: who, expected, found }) =>
      `${PROGRAMS[who]}its tokens are ${JSON.stringify(found)}; plain torch computes ${JSON.stringify(expected)}`,
    byHand,
  ),
  "other-completion": kind(
    { program, expected: z.string(), found: z.string() },
    ({ program: who, expected, found }) =>
      `${PROGRAMS[who]}it completes with ${found}; plain torch computes ${expected}`,
    byHand,
  ),
  "bad-reply": kind(
    { program, status: z.number().nullable(), body: z.string() },
    ({ program: who, status, body }) =>
      status === 200
        ? `${PROGRAMS[who]}its answer is no completion: ${body}`
        : `${PROGRAMS[who]}it answered ${status}: ${body}`,
    byHand,
  ),
  "never-asked": kind({ program }, ({ program: who }) => `${PROGRAMS[who]}nobody spoke with it`, byHand),
  "unclean-stop": kind(
    { program, status: z.number().nullable(), signal: z.string().nullable() },
    ({ program: who, status, signal }) =>
      `${PROGRAMS[who]}it did not stop cleanly: status ${status ?? signal}`,
    byHand,
  ),
  "port-taken": kind(
    { program },
    ({ program: who }) => `${PROGRAMS[who]}its port is still taken after it stopped`,
    byHand,
  ),
};

/** What the measured engines show. */
const SPEED = {
  slower: kind(
    {
      phase: z.enum(["prefill", "decode"]),
      expected: z.number().describe("The least share of the reference's tokens a second"),
      found: z.number().describe("The median share of all rounds"),
    },
    ({ phase, expected, found }) =>
      `${phase}: ${found.toFixed(2)} of the reference's tokens a second, ${expected} at least`,
    () =>
      "Compare what both link and load: an allocator, an OpenMP library, compiler flags; measure once more on a quiet machine.",
  ),
  "reference-refused": kind(
    { wheel: z.string().describe("The reference: a file name, or NAME==VERSION"), problem: z.string() },
    ({ wheel, problem }) => `not run: ${wheel} can't be installed beside this torch: ${problem}`,
    () => "Name a reference that takes the same torch and runs on this machine.",
  ),
};

/** What an emulated CPU shows. */
const EMULATED = {
  "unproven-features": kind(
    {
      features: z.array(z.string()).describe("ISA features of which no instruction was met"),
      found: z.number().describe("Tile instructions that were emulated, of whatever kind"),
    },
    ({ features, found }) =>
      `nothing was proven of ${features.join(", ")}: AMX was emulated, and no instruction of it was met (${found} tile instructions in all)`,
    () =>
      "The kernels that this wheel offers to be checked must use what its name promises; see how they are chosen at run time.",
  ),
  "fails-on-least-cpu": kind(
    { emulator: z.string().describe("With its arguments") },
    ({ emulator }) => `on ${emulator}, the least CPU of the contract`,
  ),
};

/** What a clean room sees of a wheel that is installed and run. */
export const RUNTIME_KINDS = {
  ...INSTALL,
  ...INSTALLED,
  ...PROGRAM,
  ...IMPORT,
  ...KERNELS,
  ...ENGINE,
  ...SPEED,
  ...EMULATED,
};
