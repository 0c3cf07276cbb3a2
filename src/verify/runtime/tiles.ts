import { join } from "node:path";
import { z } from "zod";
import { WheelsError } from "../../errors/wheels-error.ts";
import { copyAtomic, isMissing, makeDir, readBytes, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { run, tail } from "../../host/process.ts";
import { probePath } from "../../host/resources.ts";
import { cleanPythonEnv, runProbe } from "../../torch/python.ts";
import type { Check } from "../verdict/verdict.ts";
import type { Emulation, Room } from "./room.ts";

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

/** Emulated instructions by kind, those that occurred. */
export type TileCounts = Readonly<Partial<Record<(typeof TILE_INSTRUCTIONS)[number], number>>>;

/** Multiplications by the feature that brings them. */
const MULTIPLICATIONS: Readonly<Record<string, RegExp>> = {
  amx_int8: /^tdpb(?:ss|su|us|uu)d$/,
  amx_bf16: /^tdpbf16ps$/,
  amx_fp16: /^tdpfp16ps$/,
};

/** True for a feature whose instructions the library carries out. */
const isEmulated = (feature: string): boolean =>
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
async function compile(host: Host, folder: string): Promise<{ library: string } | { problem: string }> {
  const named = host.env["CC"]?.trim().split(/\s+/).filter(Boolean) ?? [];
  const library = join(folder, "libamx.so");
  const sources = SOURCES.map((name) => probePath(join("amx", name)));
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
 * @returns why there is none: this machine's fault, not the wheel's
 */
export async function emulateTiles(
  host: Host,
  room: Room,
  lacks: readonly string[],
): Promise<{ emulation: Emulation } | { problem: string | null }> {
  if (!lacks.every(isEmulated)) return { problem: null };
  const folder = join(room.folder, "amx");
  await makeDir(folder);
  const made = await compile(host, folder);
  if ("problem" in made)
    return { problem: `AMX can't be emulated without a working C compiler (${made.problem})` };
  if (!(await tilesWork(host, room.python, variables(made.library, lacks))))
    return { problem: "the library that emulates AMX does not work here" };
  await copyAtomic(probePath(join("amx", "torch_answers.py")), join(room.site, "cpu_wheel_amx.py"));
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

const SAYS_MORE: ReadonlySet<Check["result"]> = new Set(["pass", "warn"]);

/**
 * The answer of a check whose programs ran on an emulated CPU, which says so. Kernels that passed without one emulated
 * multiplication have proven nothing of what was emulated: that is a failure.
 * @param counts of each program of the check
 * @param mustUse features of the contract; null for a check that need not compute anything
 */
export function onEmulatedCpu(
  check: Check,
  emulation: Emulation | null,
  counts: readonly TileCounts[],
  mustUse: readonly string[] | null,
): Check {
  if (!emulation || emulation.features.length === 0 || check.result === "not-run") return check;
  const emulated = [...emulation.features];
  if (emulation.library === null) return { ...check, emulated };
  const tiles = sum(counts);
  const evidence = { ...check.evidence, tiles };
  const total = Object.values(tiles).reduce((all, count) => all + count, 0);
  const idle = mustUse ? unproven(emulation.features, mustUse, tiles) : [];
  if (SAYS_MORE.has(check.result) && idle.length > 0) {
    return {
      ...check,
      result: "fail",
      detail: `nothing was proven of ${idle.join(", ")}: AMX was emulated, and no instruction of it was met (${total} tile instructions in all)`,
      evidence,
      emulated,
      remedy:
        "The kernels that this wheel offers to be checked must use what its name promises; see how they are chosen at run time.",
    };
  }
  const told = Object.entries(tiles).map(([name, count]) => `${count} ${name}`);
  const detail =
    total > 0 && SAYS_MORE.has(check.result)
      ? `${check.detail}; AMX emulated: ${told.join(", ")}`
      : check.detail;
  return { ...check, detail, evidence, emulated };
}
