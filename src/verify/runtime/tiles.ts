import { join } from "node:path";
import { z } from "zod";
import { WheelsError } from "../../errors/wheels-error.ts";
import type { Finding } from "../../findings/findings.ts";
import { copyAtomic, isMissing, makeDir, readBytes, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { layProbes } from "../../host/probes.ts";
import { run, tail } from "../../host/process.ts";
import { cleanPythonEnv, runProbe } from "../../torch/python.ts";
import { TILE_INSTRUCTIONS, type TileCounts } from "../checks/catalogue/run.ts";
import type { CheckAnswer } from "../verdict/check.ts";
import type { Emulation, Room } from "./room.ts";

/** Multiplications by the feature that brings them. */
const MULTIPLICATIONS: Readonly<Record<string, RegExp>> = {
  amx_int8: /^tdpb(?:ss|su|us|uu)d$/,
  amx_bf16: /^tdpbf16ps$/,
  amx_fp16: /^tdpfp16ps$/,
};

/** True for a feature whose instructions the library carries out. */
const isTileFeature = (feature: string): boolean =>
  feature === "amx_tile" || Object.hasOwn(MULTIPLICATIONS, feature);

const SOURCES = ["decode.c", "execute.c", "multiply.c", "signals.c", "machine.c"];
const FLAGS =
  "-O2 -std=gnu11 -D_GNU_SOURCE -shared -fPIC -pthread -fvisibility=hidden -ffp-contract=off".split(" ");

const factsSchema = z.object({ tilesWork: z.boolean() });

/**
 * True where a child process could use tiles, not only where CPU and kernel say so.
 * @param env variables beside the user's own
 * @throws E_PYTHON_PROBE
 */
export async function tilesWork(
  host: Host,
  python: string,
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  return factsSchema.parse(await runProbe(host, python, "machine_facts.py", [], { env })).tilesWork;
}

/** Compiles the library. @returns its path, or why no compiler here makes it */
async function compile(
  host: Host,
  folder: string,
  probes: string,
): Promise<{ library: string } | { problem: string }> {
  const named = host.env["CC"]?.trim().split(/\s+/).filter(Boolean) ?? [];
  const library = join(folder, "libamx.so");
  const sources = SOURCES.map((name) => join(probes, "amx", name));
  const tried: string[] = [];
  for (const [command = "", ...words] of named.length > 0 ? [named] : [["cc"], ["gcc"], ["clang"]]) {
    try {
      const args = [...words, ...FLAGS, "-o", library, ...sources, "-ldl"];
      const made = await run(host, command, args, { env: cleanPythonEnv(host), timeout: 120_000 });
      if (made.code === 0) return { library };
      tried.push([`${command} fails with status ${made.code}`, tail(made, 2)].filter(Boolean).join(": "));
    } catch (thrown) {
      if (!(thrown instanceof WheelsError && thrown.code === "E_TOOL_MISSING")) throw thrown;
      tried.push(`${command} is not there`);
    }
  }
  return { problem: tried.join("; ") };
}

/** Variables under which a program has tiles. */
function variables(library: string, features: readonly string[]): Record<string, string> {
  return { LD_PRELOAD: library, CPU_WHEEL_AMX: features.join(" ") };
}

/**
 * Makes what stands in for the features that this machine lacks, where that can be had: tile instructions alone.
 * @param room where programs will run; its Pythons are told torch's answer
 * @returns else why there is none, beside what is lacking: this machine's fault, not the wheel's
 */
export async function emulateTiles(
  host: Host,
  room: Room,
  lacks: readonly string[],
): Promise<{ emulation: Emulation } | { why: readonly Finding[] }> {
  if (!lacks.every(isTileFeature)) return { why: [] };
  const folder = join(room.folder, "amx");
  await makeDir(folder);
  const probes = await layProbes(host, folder);
  const made = await compile(host, folder, probes);
  if ("problem" in made)
    return { why: [{ kind: "no-emulation", reason: "no-compiler", problem: made.problem }] };
  if (!(await tilesWork(host, room.python, variables(made.library, lacks))))
    return { why: [{ kind: "no-emulation", reason: "does-not-work", problem: "" }] };
  await copyAtomic(join(probes, "amx", "torch_answers.py"), join(room.site, "cpu_wheel_amx.py"));
  await writeFile(join(room.site, "cpu_wheel_amx.pth"), "import cpu_wheel_amx\n");
  return { emulation: { features: lacks, library: made.library } };
}

/** What a program's environment gains. @param counters file that the counts go to */
export function emulationEnv(emulation: Emulation | null, counters: string): Record<string, string> {
  if (!emulation?.library) return {};
  return { ...variables(emulation.library, emulation.features), CPU_WHEEL_AMX_COUNTS: counters };
}

/** What was emulated, by kind; nothing where no counters were written. */
export async function readTileCounts(counters: string): Promise<TileCounts> {
  try {
    const bytes = Buffer.from(await readBytes(counters));
    return Object.fromEntries(
      TILE_INSTRUCTIONS.flatMap((name, index) => {
        const count = bytes.length >= 8 * (index + 1) ? Number(bytes.readBigUInt64LE(8 * index)) : 0;
        return count > 0 ? [[name, count]] : [];
      }),
    );
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
    return {};
  }
}

function sum(all: readonly TileCounts[]): TileCounts {
  const entries = TILE_INSTRUCTIONS.map(
    (name) => [name, all.reduce((total, counts) => total + (counts[name] ?? 0), 0)] as const,
  );
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}

/** Features whose multiplications nothing did; of several, those that the contract demands decide. */
function unproven(features: readonly string[], mustUse: readonly string[], counts: TileCounts): string[] {
  const kinds = features.filter((feature) => Object.hasOwn(MULTIPLICATIONS, feature));
  const demanded = kinds.filter((feature) => mustUse.includes(feature));
  const idle = (feature: string): boolean =>
    !Object.keys(counts).some((name) => MULTIPLICATIONS[feature]?.test(name));
  return demanded.length > 0 ? demanded.filter(idle) : kinds.every(idle) ? kinds : [];
}

/** The checks that run programs of the wheel. */
type RunCheckId = "runtime.import" | "runtime.kernels" | "runtime.engine";

/**
 * The answer of a check whose programs ran on an emulated CPU, which says so. Kernels that passed without one emulated
 * multiplication have proven nothing of what was emulated: that is a failure.
 * @param counts of each program of the check
 * @param mustUse features of the contract; null for a check that need not compute anything
 */
export function onEmulatedCpu<Id extends RunCheckId>(
  answer: CheckAnswer<Id>,
  emulation: Emulation | null,
  counts: readonly TileCounts[],
  mustUse: readonly string[] | null,
): CheckAnswer<Id> {
  if (!emulation || answer.result === "not-run") return answer;
  const emulated = emulation.features;
  if (emulation.library === null) return { ...answer, emulated };
  const tiles = sum(counts);
  const told = { ...answer, emulated, evidence: { ...answer.evidence, tiles } };
  const idle = mustUse && answer.result !== "fail" ? unproven(emulated, mustUse, tiles) : [];
  if (idle.length === 0) return told;
  const found = Object.values(tiles).reduce((all, count) => all + count, 0);
  const nothing: Finding = { kind: "unproven-features", features: idle, found };
  return { ...told, result: "fail", findings: [nothing, ...answer.findings] };
}
