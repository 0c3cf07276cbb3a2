import { z } from "zod";
import type { TorchFacts } from "../../torch/gate.ts";
import type { Check } from "../verdict/verdict.ts";
import { crashText } from "./crash.ts";
import { type Run, silence } from "./supervised.ts";

export const importAnswerSchema = z.object({
  error: z.string().nullable(),
  seconds: z.number(),
  /** vLLM's platform; null for a wheel that is not vLLM. */
  platform: z.string().nullable(),
  torch: z.object({ version: z.string(), file: z.string() }).nullable(),
  network: z.array(z.string()),
  kernels: z.array(
    z.object({
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
    }),
  ),
});

export type ImportAnswer = z.infer<typeof importAnswerSchema>;

/** What is said of an answer that is not of the shape that was asked for. */
export const STRANGE = "it answered something else than it was asked";

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

interface Finding {
  text: string;
  remedy: string;
}

const finding = (holds: boolean, text: string, remedy: string): Finding[] =>
  holds ? [{ text, remedy }] : [];

const own = (roots: readonly string[], paths: readonly string[]): string[] =>
  paths.filter((path) => roots.some((root) => path.startsWith(`${root}/`) || path.startsWith(`${root}.`)));

function failures({ run, answer, before, roots, home, limit }: ImportFacts): Finding[] {
  if (run.crash) {
    const { lacks } = run.crash;
    return finding(
      true,
      crashText(run.crash),
      lacks.length > 0
        ? `Compile this function without ${lacks.join(", ")}, or choose it at run time by asking the CPU.`
        : "Debug it at this place: the library does something that the process may not.",
    );
  }
  const silent = silence(run, limit);
  const after = answer?.torch ?? null;
  const ownOpenmp = own(roots, run.seen?.openmp ?? []);
  return [
    ...finding(silent !== null, silent ?? "", "Import it by hand and see what it does."),
    ...finding(silent === null && answer === null, STRANGE, "The wheel gets in the way of what imports it."),
    ...finding(answer !== null && answer.error !== null, answer?.error ?? "", "Import it by hand and see."),
    ...finding(
      run.foreign > 0,
      `${run.foreign} messages came over the harness's line that are not the harness's`,
      "The wheel writes to descriptors that it did not open.",
    ),
    ...finding(
      after !== null && before !== null && (after.version !== before.version || after.file !== before.file),
      `after the import torch is ${after?.version} from ${after?.file}, before it was ${before?.version}`,
      "A wheel must leave the torch that is installed as it is.",
    ),
    ...finding(
      (run.seen?.gpu.length ?? 0) > 0,
      `it loads GPU libraries: ${run.seen?.gpu.join(", ")}`,
      "Link against CPU-only torch alone.",
    ),
    ...finding(
      ownOpenmp.length > 0,
      `it loads an OpenMP runtime of its own, ${ownOpenmp.join(", ")}, beside torch's`,
      "Leave libgomp out when the wheel is repaired (auditwheel repair --exclude libgomp.so.1): torch brings it.",
    ),
    ...finding(
      answer !== null && answer.platform !== null && answer.platform !== "cpu",
      `vLLM's platform is ${answer?.platform || "unspecified"}, not cpu`,
      "Build it with VLLM_TARGET_DEVICE=cpu, and with cpu in its version (vllm's own name, local version +cpu).",
    ),
    ...finding(
      run.left.length > 0,
      `it left ${run.left.length} processes behind: ${run.left.slice(0, 3).join("; ")}`,
      "An import must not start processes that outlive it.",
    ),
    ...finding(
      home.length > 0,
      `it wrote to the home folder: ${home.slice(0, 5).join(", ")}`,
      "Write to the cache folder (XDG_CACHE_HOME) only, and not at import.",
    ),
  ];
}

function warnings({ run, answer, variable }: ImportFacts): string[] {
  const network = answer?.network ?? [];
  return [
    ...(variable === null ? [] : [`it finds its CPU platform only with ${variable} set`]),
    ...(network.length > 0 ? [`it tried the network: ${network.join(", ")}`] : []),
    ...(run.stdout.bytes > 0 ? [`it printed ${run.stdout.bytes} bytes on stdout`] : []),
  ];
}

/** runtime.import: what the supervisor saw from outside counts before what the program says of itself. */
export function importCheck(facts: ImportFacts): Check {
  const { run, answer, roots, emulator } = facts;
  const failed = failures(facts);
  const warned = warnings(facts);
  const mapped = own(roots, run.seen?.mapped ?? []);
  const evidence = {
    seconds: answer?.seconds ?? null,
    mapped,
    openmp: run.seen?.openmp ?? [],
    platform: answer?.platform ?? null,
    torch: answer?.torch ?? null,
    network: answer?.network ?? [],
    peakBytes: run.peakBytes,
    stdout: run.stdout.head.slice(0, 500),
    home: facts.home,
    left: run.left,
    ...(run.crash ? { crash: run.crash } : {}),
    ...(failed.length > 0 ? { stderr: run.stderr.tail.slice(-2000), stacks: run.stacks.slice(0, 4000) } : {}),
    ...(emulator.length > 0 ? { emulator: emulator.join(" ") } : {}),
  };
  const base = { id: "runtime.import", evidence } as const;
  const [first] = failed;
  if (first)
    return {
      ...base,
      result: "fail",
      detail: failed.map(({ text }) => text).join("; "),
      remedy: first.remedy,
    };
  const under = emulator.length > 0 ? `, emulated by ${emulator[0]}` : "";
  const done = `imported in ${answer?.seconds.toFixed(1)} s${under}; libraries mapped: ${mapped.join(", ") || "none"}`;
  return warned.length > 0
    ? { ...base, result: "warn", detail: `${done}; ${warned.join("; ")}` }
    : { ...base, result: "pass", detail: done };
}
