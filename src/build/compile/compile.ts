import { join } from "node:path";
import { WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { listDir, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import type { RunResult } from "../../host/process.ts";
import type { Uv } from "../../torch/uv.ts";
import type { Unit } from "../../variants/units.ts";
import { NATIVE_MARK } from "./environment.ts";

/** Arguments of uv for the compile itself. */
export function compileArgs(python: string, source: string, out: string): string[] {
  return [
    "build",
    "--wheel",
    "--no-build-isolation",
    "--no-config",
    "--python",
    python,
    "--out-dir",
    out,
    source,
  ];
}

/** ninja's `[n/N]` at the start of a line. */
export function ninjaProgress(line: string): { done: number; total: number } | null {
  const match = /^\s*\[(\d+)\/(\d+)\]/.exec(line);
  return match ? { done: Number(match[1]), total: Number(match[2]) } : null;
}

const squash = (text: string): string => text.replace(/[^a-z0-9]/g, "");

/**
 * Features of the contract that cmake switched off for want of a compiler. vLLM says so in a mere WARNING
 * (cmake/cpu_extension.cmake, "Disable AVX512-VNNI ISA support, requires gcc/g++ >= 12.3"); cmake wraps such lines.
 * That a feature is absent from the local CPU's flags is no fault: the variant's own switch turns it on.
 */
export function disabledIsa(output: string, mustUse: readonly string[]): string | null {
  const flowing = output.replace(/\s+/g, " ");
  for (const match of flowing.matchAll(/Disable ([\w-]+) ISA support,? ((?:(?!CMake |Disable ).)*)/g)) {
    const [whole, label = "", reason = ""] = match;
    const name = squash(label.toLowerCase());
    const concerned = mustUse.some(
      (feature) => squash(feature).startsWith(name) || name.startsWith(squash(feature)),
    );
    if (concerned && !/local CPU flags/.test(reason.slice(0, 120))) return whole.slice(0, 200).trim();
  }
  return null;
}

/** The first thing a compiler or build tool complained of; the end of the output where nothing is marked. */
export function firstComplaint(output: string): string {
  const lines = output.split("\n");
  const marked = lines.findIndex((line) =>
    /\b(fatal )?error: (?!Failed to build)|^FAILED:|CMake Error/.test(line),
  );
  const traceback = lines.findIndex((line) => line.startsWith("Traceback (most recent"));
  if (traceback >= 0 && (marked < 0 || traceback < marked)) {
    // A traceback ends with what happened; how it was called is in the log.
    const end = lines.findIndex((line, index) => index > traceback && /^\S/.test(line));
    if (end >= 0)
      return lines
        .slice(Math.max(traceback, end - 2), end + 3)
        .join("\n")
        .trim();
  }
  return (marked < 0 ? lines.slice(-10) : lines.slice(marked, marked + 10)).join("\n").trim();
}

const MOST_DIAGNOSTICS = 20;

/** Compilers' errors, each once, at the user's own file: build tools run in the copy's own folder. */
export function diagnostics(lines: readonly string[], copy: string, original: string): string[] {
  const errors = lines
    .map((line) => line.trim())
    .filter((line) => /^[^\s:][^:]*:\d+:\d+:\s+(fatal )?error: /.test(line))
    .map((line) => line.replace(`${copy}/`, `${original}/`))
    .map((line) => (/^(\/|\.\.\/)/.test(line) ? line : `${original}/${line}`));
  return [...new Set(errors)].slice(0, MOST_DIAGNOSTICS);
}

/** The line that opens the long part. */
export function compileTitle(expectedSeconds: number | null): string {
  const estimate =
    expectedSeconds === null
      ? "30-60 minutes"
      : expectedSeconds < 90
        ? `about ${Math.round(expectedSeconds)} seconds`
        : `about ${Math.round(expectedSeconds / 60)} minutes`;
  return `Building wheel (this may take ${estimate})...`;
}

const KILLED = /Killed signal terminated program|fatal error: Killed|\bcannot allocate memory\b|^Killed\b/im;

function explainFailure(result: RunResult, unit: string, log: string): Error {
  const output = `${result.stdout}\n${result.stderr}`;
  const native = output.split("\n").find((line) => line.includes(NATIVE_MARK));
  if (native) return wheelsError("E_HOST_LEAK", { variant: unit, command: native });
  if (/No space left on device|Disk quota exceeded/.test(output))
    return wheelsError("E_DISK_FULL", { where: "the build" });
  const detail = firstComplaint(output);
  return KILLED.test(output)
    ? wheelsError("E_BUILD_MEMORY", { variant: unit, detail, log })
    : wheelsError("E_BUILD", { variant: unit, detail, log });
}

/**
 * Tries again with half the compilers where one was killed for want of memory; what was compiled before is kept.
 * @throws what work throws; E_BUILD_MEMORY where even one compiler was killed
 */
export async function withFewerJobs<T>(
  host: Host,
  jobs: number,
  work: (jobs: number) => Promise<T>,
): Promise<T> {
  for (let now = jobs; ; now = Math.floor(now / 2)) {
    try {
      return await work(now);
    } catch (thrown) {
      if (!(thrown instanceof WheelsError) || thrown.code !== "E_BUILD_MEMORY" || now <= 1) throw thrown;
      host.log.warn(
        `A compiler was killed, most likely for want of memory; going on with ${Math.floor(now / 2)} at a time`,
      );
    }
  }
}

/**
 * Compiles one wheel.
 * @param folders source copy, the user's own source, output folder (empty), log file
 * @returns path of the one wheel that was built
 * @throws E_BUILD, E_BUILD_MEMORY, E_HOST_LEAK, E_BUILD_ISA_OFF, E_BUILD_WHEELS, E_DISK_FULL
 */
export async function compile(
  host: Host,
  uv: Uv,
  unit: Pick<Unit, "name" | "features">,
  python: string,
  env: Record<string, string>,
  folders: { source: string; original: string; out: string; log: string },
  title: string,
): Promise<string> {
  const stage = host.log.stage(title);
  const lines: string[] = [];
  const result = await uv
    .run(compileArgs(python, folders.source, folders.out), {
      cwd: folders.source,
      // A build of another's source: what buildEnv has left out must not come back with the user's variables.
      wholeEnv: env,
      onLine: (line) => {
        lines.push(line);
        host.log.debug(line);
        const progress = ninjaProgress(line);
        if (progress) stage.progress(progress.done, progress.total);
      },
    })
    .catch((thrown: unknown) => {
      stage.failed();
      throw thrown;
    });
  await writeFile(folders.log, `${lines.join("\n")}\n`);
  if (result.code !== 0) {
    stage.failed();
    for (const line of diagnostics(lines, folders.source, folders.original)) host.log.output(line);
    throw explainFailure(result, unit.name, folders.log);
  }
  stage.done();
  const warning = disabledIsa(`${result.stdout}\n${result.stderr}`, unit.features);
  if (warning) throw wheelsError("E_BUILD_ISA_OFF", { variant: unit.name, warning });
  const found = (await listDir(folders.out)).map(({ name }) => name).filter((name) => name.endsWith(".whl"));
  const [wheel, ...others] = found;
  if (!wheel || others.length > 0) throw wheelsError("E_BUILD_WHEELS", { variant: unit.name, found });
  return join(folders.out, wheel);
}
