import { z } from "zod";
import type { Finding } from "../../findings/findings.ts";
import type { TorchFacts } from "../../torch/gate.ts";
import { declaredKernelSchema } from "../checks/catalogue/run.ts";
import type { CheckAnswer } from "../verdict/check.ts";
import { type Run, silence } from "./supervised.ts";

export const importAnswerSchema = z.object({
  error: z.string().nullable(),
  seconds: z.number(),
  /** vLLM's platform; null for a wheel that is not vLLM. */
  platform: z.string().nullable(),
  torch: z.object({ version: z.string(), file: z.string() }).nullable(),
  network: z.array(z.string()),
  kernels: z.array(declaredKernelSchema),
});

export type ImportAnswer = z.infer<typeof importAnswerSchema>;

/** What one look at an import comes to. */
export interface ImportFacts {
  run: Run;
  answer: ImportAnswer | null;
  /** torch's facts before the wheel was loaded. */
  before: TorchFacts["torch"];
  /** Top-level names whose libraries are the wheel's own. */
  roots: readonly string[];
  /** What it wrote to the home folder. */
  home: readonly string[];
  limit: number;
  /** A variable that had to be set for vLLM to find its CPU platform; null where none had to. */
  variable: string | null;
  /** The emulator that it ran under; empty for none. */
  emulator: readonly string[];
}

const own = (roots: readonly string[], paths: readonly string[]): string[] =>
  paths.filter((path) => roots.some((root) => path.startsWith(`${root}/`) || path.startsWith(`${root}.`)));

/** A list of one finding where there is something to list. */
const list = (found: readonly unknown[], finding: Finding): Finding[] => (found.length > 0 ? [finding] : []);

/** What the program says of itself. */
function answerFailures({ answer, before }: ImportFacts): Finding[] {
  if (answer === null) return [{ kind: "strange-answer", program: "import" }];
  const { error, torch, platform } = answer;
  const isOtherTorch =
    torch !== null && before !== null && (torch.version !== before.version || torch.file !== before.file);
  return [
    ...(error === null
      ? []
      : [{ kind: "program-error" as const, program: "import" as const, message: error }]),
    ...(isOtherTorch
      ? [
          {
            kind: "torch-changed" as const,
            expected: before.version,
            found: torch.version,
            path: torch.file,
          },
        ]
      : []),
    ...(platform === null || platform === "cpu"
      ? []
      : [{ kind: "other-platform" as const, expected: "cpu" as const, found: platform }]),
  ];
}

function failures(facts: ImportFacts): Finding[] {
  const { run, roots, home, limit } = facts;
  const silent = silence(run, "import", limit);
  if (silent?.kind === "crash") return [silent];
  const gpu = run.seen?.gpu ?? [];
  const openmp = own(roots, run.seen?.openmp ?? []);
  return [
    ...(silent ? [silent] : answerFailures(facts)),
    ...(run.foreign > 0 ? [{ kind: "foreign-messages" as const, count: run.foreign }] : []),
    ...list(gpu, { kind: "gpu-libraries-loaded", files: gpu }),
    ...list(openmp, { kind: "own-openmp", files: openmp }),
    ...list(run.left, { kind: "processes-left", program: "import", processes: run.left }),
    ...list(home, { kind: "home-written", files: [...home] }),
  ];
}

function warnings({ run, answer, variable }: ImportFacts): Finding[] {
  const network = answer?.network ?? [];
  return [
    ...(variable === null ? [] : [{ kind: "variable-needed" as const, variable }]),
    ...list(network, { kind: "network-tried", addresses: network }),
    ...(run.stdout.bytes > 0 ? [{ kind: "printed" as const, bytes: run.stdout.bytes }] : []),
  ];
}

/** runtime.import: what the supervisor saw from outside counts before what the program says of itself. */
export function importCheck(facts: ImportFacts): CheckAnswer<"runtime.import"> {
  const { run, answer, roots, emulator } = facts;
  const failed = failures(facts);
  const warned = warnings(facts);
  return {
    result: failed.length > 0 ? "fail" : warned.length > 0 ? "warn" : "pass",
    findings: [...failed, ...warned],
    evidence: {
      seconds: answer?.seconds ?? null,
      mapped: own(roots, run.seen?.mapped ?? []),
      openmp: run.seen?.openmp ?? [],
      platform: answer?.platform ?? null,
      torch: answer?.torch ?? null,
      network: answer?.network ?? [],
      peakBytes: run.peakBytes,
      stdout: run.stdout.head.slice(0, 500),
      home: [...facts.home],
      left: run.left,
      ...(run.crash ? { crash: run.crash } : {}),
      ...(failed.length > 0
        ? { stderr: run.stderr.tail.slice(-2000), stacks: run.stacks.slice(0, 4000) }
        : {}),
      ...(emulator.length > 0 ? { emulator: emulator.join(" ") } : {}),
    },
  };
}
