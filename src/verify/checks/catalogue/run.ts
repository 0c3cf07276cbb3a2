import { z } from "zod";
import { crashSchema } from "../../../findings/runtime-kinds.ts";
import { formatBytes } from "../../../host/units.ts";
import { define } from "./definition.ts";

const failureEvidence = { crash: crashSchema, stderr: z.string(), stacks: z.string() };
/** Of an installed wheel: which distribution it was. */
const installedEvidence = { distribution: z.string() };
const emulatorEvidence = { emulator: z.string().describe("The emulator that it ran under") };

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
  kernels?: DeclaredKernel[] | undefined;
  operators?: { cases: OperatorCase[] } | null | undefined;
}

function kernelsSummary({ kernels = [], operators }: KernelEvidence): string | null {
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
  return parts.length === 0 ? null : parts.join("; ");
}

interface EngineEvidence {
  tokens?: number[][] | undefined;
  engine?:
    | {
        importSeconds: number | null;
        startSeconds: number | null;
        firstTokenSeconds: number | null;
        peakBytes: number;
      }
    | undefined;
  server?: { readySeconds: number | null; stopSeconds: number | null } | undefined;
}

const seconds = (value: number | null, digits = 1): string =>
  value === null ? "an unknown time" : `${value.toFixed(digits)} s`;

function engineSummary({ tokens = [], engine, server }: EngineEvidence): string | null {
  if (!engine || !server) return null;
  const { importSeconds, startSeconds, firstTokenSeconds, peakBytes } = engine;
  return `${tokens.length} greedy continuations are plain torch's, twice and over HTTP; imported in ${seconds(importSeconds)}, first token ${seconds(firstTokenSeconds, 3)} after a start of ${seconds(startSeconds)}, ${formatBytes(peakBytes)} at most; the server was ready after ${seconds(server.readySeconds)} and stopped in ${seconds(server.stopSeconds)}`;
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
      ...installedEvidence,
    },
    holdsWithWarning: true,
    summary: ({ seconds, emulator, mapped = [] }) =>
      seconds == null
        ? null
        : `imported in ${seconds.toFixed(1)} s${emulator === undefined ? "" : `, emulated by ${emulator.split(" ")[0]}`}; libraries mapped: ${mapped.join(", ") || "none"}`,
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
      engine: z.object({
        seconds: z.number(),
        importSeconds: z.number().nullable(),
        startSeconds: z.number().nullable(),
        firstTokenSeconds: z.number().nullable(),
        peakBytes: z.number(),
      }),
      server: z.object({
        seconds: z.number(),
        readySeconds: z.number().nullable(),
        requestSeconds: z.number().nullable(),
        stopSeconds: z.number().nullable(),
        peakBytes: z.number(),
        processes: z.array(z.string()),
      }),
      output: z
        .array(z.object({ stderr: z.string(), stacks: z.string() }))
        .describe("Of engine and server, where one failed"),
      ...emulatorEvidence,
      ...installedEvidence,
    },
    summary: engineSummary,
  }),
};
