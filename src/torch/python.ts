import { join } from "node:path";
import { WheelsError, wheelsError } from "../errors/wheels-error.ts";
import { type Host, oncePerHost, type ShortResult } from "../host/host.ts";
import { layProbes } from "../host/probes.ts";
import { meaning, run, tail } from "../host/process.ts";
import { isUnusable } from "../host/programs.ts";
import { withoutForeignSettings } from "../host/tool-settings.ts";

/** What publishing alone needs; packages that are installed and imported run code of others. */
const PUBLISHING = /^(UV_PUBLISH_|TWINE_|GITHUB_TOKEN$|GH_TOKEN$|ACTIONS_ID_TOKEN_)/;

/**
 * The user's environment without the settings that don't count (docs/settings.md), which would leak another Python into a
 * clean one, and without credentials that packages have no use for.
 */
export function cleanPythonEnv(host: Host): Record<string, string | undefined> {
  const kept = Object.entries(withoutForeignSettings(host.env)).filter(([name]) => !PUBLISHING.test(name));
  return { ...Object.fromEntries(kept), PYTHONNOUSERSITE: "1", PYTHONDONTWRITEBYTECODE: "1" };
}

type Candidate = { path: string } | { why: string; isBroken: boolean };

const VERSION = "import sys; print(sys.executable, *sys.version_info[:2])";
/** What a shim of a version manager, or `env`, ends with where it finds no such program. Source: POSIX sh, "Exit Status". */
const NOT_FOUND = 127;

async function tryPython(host: Host, command: string): Promise<Candidate> {
  let result: ShortResult;
  try {
    result = await host.ask(command, ["-I", "-c", VERSION], { env: cleanPythonEnv(host) });
  } catch (thrown) {
    if (!(thrown instanceof WheelsError) || !isUnusable(thrown)) throw thrown;
    const isThere = thrown.code !== "E_TOOL_MISSING";
    return { why: isThere ? `${thrown.what} ${thrown.why}` : `${command}: not on PATH`, isBroken: isThere };
  }
  if (result.code === NOT_FOUND) return { why: `${command}: ${tail(result, 1)}`, isBroken: false };
  if (result.code !== 0)
    return { why: `${command} ended with status ${result.code}: ${tail(result, 4)}`, isBroken: true };
  const [, executable = "", major, minor] = /^(.*) (\d+) (\d+)$/.exec(result.stdout.trim()) ?? [];
  return executable !== "" && Number(major) === 3 && Number(minor) >= 10
    ? { path: executable }
    : { why: `${command}: ${result.stdout.trim()}`, isBroken: false };
}

/**
 * Path of a Python ≥ 3.10 on PATH that can run our tools; looked for once a run.
 * @throws E_PYTHON_MISSING where there is none, E_PYTHON_BROKEN where one is there and does not work
 */
export const findPython = oncePerHost(async (host): Promise<string> => {
  const tried: Exclude<Candidate, { path: string }>[] = [];
  for (const command of ["python3", "python"]) {
    const found = await tryPython(host, command);
    if ("path" in found) return found.path;
    tried.push(found);
  }
  const detail = `Tried ${tried.map(({ why }) => why).join("; ")}.`;
  throw tried.some(({ isBroken }) => isBroken)
    ? wheelsError("E_PYTHON_BROKEN", { wanted: "≥ 3.10", detail })
    : wheelsError("E_PYTHON_MISSING", { wanted: "≥ 3.10", detail });
});

/** @throws E_PYTHON_HEADERS where extensions can't be compiled for this interpreter, E_PYTHON_PROBE where it is broken */
export async function demandHeaders(host: Host, python: string): Promise<void> {
  const program =
    "import os, sysconfig; path = os.path.join(sysconfig.get_config_var('INCLUDEPY'), 'Python.h'); print('' if os.path.isfile(path) else path)";
  const result = await host.ask(python, ["-I", "-c", program], { env: cleanPythonEnv(host) });
  const missing = meaning(result, { 0: result.stdout.trim() }, (detail) =>
    wheelsError("E_PYTHON_PROBE", { probe: "sysconfig", detail }),
  );
  if (missing !== "") throw wheelsError("E_PYTHON_HEADERS", { missing });
}

/** How a probe is run. */
interface ProbeOptions {
  /** Milliseconds. */
  timeout?: number;
  env?: Record<string, string | undefined>;
  /** For an interpreter that knows its standard library alone: at its start no file of an environment runs. */
  withoutSite?: boolean;
  /** Folder for bytecode, which nobody else may write to; null for none. */
  bytecode?: string | null;
}

/**
 * Runs a probe of ours in an interpreter and returns the one JSON document it writes to descriptor 3, so that
 * nothing a package prints can be taken for the answer.
 * @throws E_PYTHON_PROBE where no document comes
 */
export async function runProbe(
  host: Host,
  python: string,
  probe: string,
  args: readonly string[] = [],
  options: ProbeOptions = {},
): Promise<unknown> {
  const { withoutSite = false, bytecode = null } = options;
  const flags = [
    "-I",
    ...(withoutSite ? ["-S"] : []),
    ...(bytecode === null ? ["-B"] : ["-X", `pycache_prefix=${bytecode}`]),
  ];
  const result = await host.scratch.withFolder("vcw-probe", async (folder) =>
    run(host, python, [...flags, join(await layProbes(host, folder), probe), ...args], {
      env: { ...cleanPythonEnv(host), ...options.env },
      wantsFd3: true,
      timeout: options.timeout ?? 300_000,
      // A package whose import ends in SIGILL or SIGSEGV has answered.
      judgesSignals: true,
    }),
  );
  try {
    return JSON.parse(result.fd3);
  } catch (thrown) {
    const how = result.timedOut
      ? "it was stopped at its time limit"
      : result.signal
        ? `it was killed by ${result.signal}`
        : `it exited with ${result.code}`;
    throw wheelsError("E_PYTHON_PROBE", { probe, detail: `${how}. ${tail(result)}` }, thrown);
  }
}
