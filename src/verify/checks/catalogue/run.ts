import { z } from "zod";
import { findingSchema } from "../../../findings/findings.ts";
import { crashSchema } from "../../../findings/runtime-kinds.ts";
import { formatBytes } from "../../../host/units.ts";
import { define, ENGINE_MODES } from "./definition.ts";

const failureEvidence = { crash: crashSchema, stderr: z.string(), stacks: z.string() };
/** Of an installed wheel: which distribution it was. */
const installedEvidence = { distribution: z.string() };
const emulatorEvidence = { emulator: z.string().describe("The emulator that it ran under") };

/** The emulator's counters, in their order (src/probe/amx/amx.h). */
export const TILE_INSTRUCTIONS = [
  "ldtilecfg",
  "sttilecfg",
  "tilerelease",
  "tilezero",
  "tileloadd",
  "tileloaddt1",
  "tilestored",
  "tdpbssd",
  "tdpbsud",
  "tdpbusd",
  "tdpbuud",
  "tdpbf16ps",
  "tdpfp16ps",
] as const;

const tileCountsSchema = z.partialRecord(z.enum(TILE_INSTRUCTIONS), z.number());

/** Emulated instructions by kind, those that occurred. */
export type TileCounts = z.infer<typeof tileCountsSchema>;

const tilesEvidence = {
  tiles: tileCountsSchema.describe("Tile instructions that were emulated, those that occurred"),
};

const leastCpuSchema = z.object({
  emulator: z.string().describe("With its arguments"),
  result: z.enum(["pass", "fail", "warn", "not-run"]),
  findings: z.array(findingSchema).describe("What was found there, or why it was not asked"),
});

/** What the least CPU of a contract made of a check. */
export type LeastCpu = z.infer<typeof leastCpuSchema>;

const leastCpuEvidence = {
  leastCpu: leastCpuSchema.describe(
    "A second opinion: the least CPU of the contract, emulated (--least-cpu)",
  ),
};

/** Where else than on this CPU it ran, as further parts of a sentence. */
function emulatedParts({
  tiles = {},
  leastCpu,
}: {
  tiles?: TileCounts | undefined;
  leastCpu?: LeastCpu | undefined;
}): string[] {
  const counts = Object.entries(tiles).map(([name, count]) => `${count} ${name}`);
  const isRight = leastCpu?.result === "pass" || leastCpu?.result === "warn";
  return [
    ...(counts.length > 0 ? [`AMX emulated: ${counts.join(", ")}`] : []),
    ...(isRight ? [`on ${leastCpu.emulator}, too`] : []),
  ];
}

/** One of a wheel's own kernel checks. */
export const declaredKernelSchema = z.object({
  name: z.string(),
  error: z.string().nullable(),
  cases: z.array(
    z.object({
      name: z.string(),
      shape: z.string(),
      maxError: z.number().nullable(),
      tolerance: z.number(),
    }),
  ),
});

/** One operator on one input. */
const operatorCaseSchema = z.object({
  name: z.string(),
  shape: z.string(),
  worst: z
    .number()
    .nullable()
    .describe(
      "The largest error as a share of what is allowed: above 1 is wrong; null where there is no number",
    ),
  problem: z.string().nullable().describe("Why it gave no values"),
  absent: z.boolean().describe("True where this release of vLLM has no such operator"),
});

/** One operator on one input, compared with torch. */
export type OperatorCase = z.infer<typeof operatorCaseSchema>;

type DeclaredKernel = z.infer<typeof declaredKernelSchema>;

interface KernelEvidence {
  tiles?: TileCounts | undefined;
  leastCpu?: LeastCpu | undefined;
  kernels?: DeclaredKernel[] | undefined;
  operators?: { cases: OperatorCase[] } | null | undefined;
}

function kernelsSummary(evidence: KernelEvidence): string | null {
  const { kernels = [], operators } = evidence;
  const cases = operators?.cases ?? [];
  const compared = cases.filter(({ worst }) => worst !== null);
  const own = kernels.reduce((sum, { cases: ran }) => sum + ran.length, 0);
  const names = new Set(compared.map(({ name }) => name));
  const absent = new Set(cases.filter((one) => one.absent).map(({ name }) => name));
  const parts = [
    ...(own > 0
      ? [`${own} cases of ${kernels.length} kernels agree with plain torch, as the wheel checks itself`]
      : []),
    ...(compared.length > 0
      ? [
          `${compared.length} cases of ${names.size} operators agree with plain torch (${[...names].join(", ")})`,
        ]
      : []),
    ...(absent.size > 0 ? [`not there in this release: ${[...absent].join(", ")}`] : []),
  ];
  return parts.length === 0 ? null : [...parts, ...emulatedParts(evidence)].join("; ");
}

const loadedSchema = z
  .object({
    openmp: z.array(z.string()),
    allocators: z
      .array(z.string())
      .describe("tcmalloc, jemalloc, mimalloc; empty where the C library allocates"),
    cpus: z.number().nullable().describe("That it might run on"),
    numaNodes: z.number().nullable().describe("Of the machine"),
  })
  .describe("Libraries that were really loaded, by what is mapped, and what was there of the machine");

/** What a program was held to. */
export const limitsSchema = z
  .object({
    cpus: z.number().describe("That it could run on"),
    memoryBytes: z.number(),
    by: z
      .enum(["cgroup-v2", "cgroup-v1", "rlimit"])
      .describe("What bounds the memory: a control group what is used, rlimit what is asked for"),
    killed: z
      .number()
      .nullable()
      .describe("How often the kernel ended something for it, by its own count; null where it does not tell"),
  })
  .describe("Inside which limits it ran; nothing where there were none");

const engineSchema = z.object({
  seconds: z.number(),
  importSeconds: z.number().nullable(),
  startSeconds: z.number().nullable(),
  firstTokenSeconds: z.number().nullable(),
  peakBytes: z.number(),
  loaded: loadedSchema.optional(),
  limits: limitsSchema.optional(),
  modelRunner: z
    .string()
    .optional()
    .describe("Class that ran the model: with triton-cpu vLLM takes its second one, vllm.v1.worker.cpu"),
  compiled: z
    .object({
      graphs: z.number().describe("Graphs that torch compiled, by its own count"),
      seconds: z.number().nullable().describe("What that took, by its own count"),
    })
    .optional(),
});

type EngineRun = z.infer<typeof engineSchema>;

interface EngineEvidence {
  tiles?: TileCounts | undefined;
  tokens?: number[][] | undefined;
  engine?: EngineRun | undefined;
  compiled?: EngineRun | undefined;
  server?:
    | {
        mode?: string | undefined;
        readySeconds: number | null;
        stopSeconds: number | null;
        loaded?: z.infer<typeof loadedSchema> | undefined;
      }
    | undefined;
}

const seconds = (value: number | null, digits = 1): string =>
  value === null ? "an unknown time" : `${value.toFixed(digits)} s`;

function engineSummary({ tokens = [], engine, compiled, server, tiles }: EngineEvidence): string | null {
  const first = engine ?? compiled;
  if (!first || !server) return null;
  const told = ({ startSeconds, firstTokenSeconds, peakBytes, limits }: EngineRun): string =>
    [
      `first token ${seconds(firstTokenSeconds, 3)} after a start of ${seconds(startSeconds)}, ${formatBytes(peakBytes)} at most`,
      ...(limits ? [`inside ${limits.cpus} CPUs and ${formatBytes(limits.memoryBytes)} (${limits.by})`] : []),
    ].join(", ");
  const { graphs = 0, seconds: took = null } = compiled?.compiled ?? {};
  return [
    `${tokens.length} greedy continuations are plain torch's, twice and over HTTP; imported in ${seconds(first.importSeconds)}`,
    ...(engine ? [`eager: ${told(engine)}`] : []),
    ...(first.modelRunner ? [`run by ${first.modelRunner}`] : []),
    ...(compiled ? [`compiled: ${told(compiled)}, ${graphs} graphs compiled in ${seconds(took)}`] : []),
    `the server${server.mode === undefined ? "" : ` (${server.mode})`} was ready after ${seconds(server.readySeconds)} and stopped in ${seconds(server.stopSeconds)}`,
    ...(server.loaded
      ? [
          `it loaded ${[...server.loaded.openmp, ...server.loaded.allocators].join(", ") || "neither OpenMP nor an allocator"}`,
        ]
      : []),
    ...emulatedParts({ tiles }),
  ].join("; ");
}

const speedSchema = z.object({
  found: z.number().describe("Tokens a second, the median of all rounds"),
  reference: z.number().describe("The same of the reference"),
  ratio: z.number().describe("The median of each round's ratio"),
  least: z.number().describe("The least of them"),
  most: z.number().describe("The largest of them"),
});

type Speed = z.infer<typeof speedSchema>;

interface SpeedEvidence {
  reference?: { name: string } | undefined;
  prefill?: Speed | undefined;
  decode?: Speed | undefined;
}

function speedSummary({ reference, prefill, decode }: SpeedEvidence): string | null {
  if (!reference || !prefill || !decode) return null;
  const told = ({ ratio, found, least, most }: Speed): string =>
    `${ratio.toFixed(2)} × (${least.toFixed(2)} to ${most.toFixed(2)}; ${Math.round(found)} tokens a second)`;
  return `against ${reference.name}: prefill ${told(prefill)}, decode ${told(decode)}`;
}

interface ImportEvidence {
  seconds?: number | null | undefined;
  emulator?: string | undefined;
  mapped?: string[] | undefined;
  tiles?: TileCounts | undefined;
  leastCpu?: LeastCpu | undefined;
}

function importSummary(evidence: ImportEvidence): string | null {
  const { seconds: took, emulator, mapped = [] } = evidence;
  if (took == null) return null;
  const by = emulator === undefined ? "" : `, emulated by ${emulator.split(" ")[0]}`;
  const libraries = `libraries mapped: ${mapped.join(", ") || "none"}`;
  return [`imported in ${took.toFixed(1)} s${by}`, libraries, ...emulatedParts(evidence)].join("; ");
}

/** Checks that run the wheel. */
export const RUN_CHECKS = {
  "runtime.import": define({
    level: "import",
    title: "It imports",
    question: "Does the package import in a clean room, load its own libraries, and leave nothing behind?",
    why: "What can't be imported can't be used.",
    remedy: "The evidence has the error, and where a signal ended it the instruction.",
    tags: ["runtime"],
    reference: null,
    evidence: {
      seconds: z.number().nullable(),
      mapped: z.array(z.string()).describe("Libraries of the wheel that were loaded"),
      openmp: z.array(z.string()),
      platform: z.string().nullable().describe("vLLM's platform"),
      torch: z.object({ version: z.string(), file: z.string() }).nullable(),
      network: z.array(z.string()).describe("Addresses that it tried"),
      peakBytes: z.number(),
      stdout: z.string(),
      home: z.array(z.string()).describe("Files that it wrote to the home folder"),
      left: z.array(z.string()).describe("Processes that outlived it"),
      ...failureEvidence,
      ...emulatorEvidence,
      ...tilesEvidence,
      ...leastCpuEvidence,
      ...installedEvidence,
    },
    holdsWithWarning: true,
    summary: importSummary,
  }),
  "runtime.kernels": define({
    level: "kernels",
    title: "Its kernels compute what torch does",
    question: "Do the wheel's operators compute the numbers that plain torch computes?",
    why: "Wrong kernels give wrong answers without a word.",
    remedy: "Compare the operator that the evidence names with torch's own.",
    tags: ["runtime", "correctness"],
    reference: null,
    evidence: {
      kernels: z.array(declaredKernelSchema).describe("The wheel's own kernel checks"),
      operators: z
        .object({ seed: z.number(), cases: z.array(operatorCaseSchema) })
        .nullable()
        .describe("vLLM's operators; null for a wheel that is not vLLM"),
      stacks: z.array(z.string()).describe("Python's stacks of programs that ended without an answer"),
      ...tilesEvidence,
      ...leastCpuEvidence,
      ...installedEvidence,
    },
    summary: kernelsSummary,
  }),
  "runtime.engine": define({
    level: "engine",
    title: "The engine makes the right tokens",
    question:
      "Does the engine start, and continue prompts as plain torch does, in one process and as a server?",
    why: "The import of a wheel can succeed while its engine dies at the first step.",
    remedy: "Start the engine by hand with a small model; the evidence has the end of its messages.",
    tags: ["runtime", "correctness"],
    reference: null,
    evidence: {
      seed: z.number(),
      tokens: z.array(z.array(z.number())),
      margins: z.array(z.number()),
      engine: engineSchema.describe("Eager: the model is run as it is"),
      compiled: engineSchema.describe("Compiled: the model is compiled first, which is the default"),
      server: z.object({
        mode: z.enum(ENGINE_MODES).optional(),
        seconds: z.number(),
        readySeconds: z.number().nullable(),
        requestSeconds: z.number().nullable(),
        stopSeconds: z.number().nullable(),
        peakBytes: z.number(),
        loaded: loadedSchema.optional(),
        processes: z.array(z.string()),
      }),
      output: z
        .array(z.object({ stderr: z.string(), stacks: z.string() }))
        .describe("Of engine and server, where one failed"),
      ...emulatorEvidence,
      ...tilesEvidence,
      ...installedEvidence,
    },
    summary: engineSummary,
  }),
  "runtime.speed": define({
    level: "engine",
    onRequest: true,
    title: "It is as fast as a reference",
    question: "Does the engine make as many tokens a second as the wheel that --speed-reference names?",
    why: "A lost allocator or OpenMP library is seen by no other check, and by every user.",
    remedy: "Compare what both wheels link and load.",
    tags: ["runtime"],
    reference: null,
    evidence: {
      reference: z.object({ name: z.string(), sha256: z.string().nullable() }),
      rounds: z.number().describe("Rounds that count, both wheels in turn, after one that warms up"),
      prefill: speedSchema.describe("Prompts of 128 tokens, 8 at a time"),
      decode: speedSchema.describe("48 tokens after a short prompt, 8 at a time"),
    },
    summary: speedSummary,
  }),
};
