import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { run, tail } from "../host/process.ts";
import { probePath } from "../host/resources.ts";

/** What would lead an interpreter of ours to another's modules, settings or environment. Source: python(1), ENVIRONMENT. */
const SCRUBBED = /^_?PYTHON|^VIRTUAL_ENV$|^CONDA_PREFIX$/;

/** What publishing alone needs; packages that are installed and imported run code of others. */
const PUBLISHING = /^(UV_PUBLISH_|TWINE_|GITHUB_TOKEN$|GH_TOKEN$|ACTIONS_ID_TOKEN_)/;

/** The user's environment without what would leak another Python into a clean one, or credentials into packages. */
export function cleanPythonEnv(host: Host): Record<string, string | undefined> {
  const kept = Object.entries(host.env).filter(([name]) => !SCRUBBED.test(name) && !PUBLISHING.test(name));
  return { ...Object.fromEntries(kept), PYTHONNOUSERSITE: "1", PYTHONDONTWRITEBYTECODE: "1" };
}

/** Path of a Python ≥ 3.10 on PATH that can run our tools. @throws E_PYTHON_MISSING */
export async function findPython(host: Host): Promise<string> {
  const tried: string[] = [];
  for (const command of ["python3", "python"]) {
    try {
      const result = await run(
        host,
        command,
        ["-I", "-c", "import sys; print(sys.executable, *sys.version_info[:2])"],
        {
          env: cleanPythonEnv(host),
        },
      );
      const [executable, major, minor] = result.stdout.trim().split(" ");
      if (executable && Number(major) === 3 && Number(minor) >= 10) return executable;
      tried.push(`${command}: ${result.stdout.trim() || tail(result, 1)}`);
    } catch (thrown) {
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "E_TOOL_MISSING")) throw thrown;
      tried.push(`${command}: not on PATH`);
    }
  }
  throw wheelsError("E_PYTHON_MISSING", { wanted: "≥ 3.10", detail: `Tried ${tried.join("; ")}.` });
}

/** @throws E_PYTHON_HEADERS where extensions can't be compiled for this interpreter, E_PYTHON_PROBE where it is broken */
export async function demandHeaders(host: Host, python: string): Promise<void> {
  const program =
    "import os, sysconfig; path = os.path.join(sysconfig.get_config_var('INCLUDEPY'), 'Python.h'); print('' if os.path.isfile(path) else path)";
  const result = await run(host, python, ["-I", "-c", program], { env: cleanPythonEnv(host) });
  if (result.code !== 0) throw wheelsError("E_PYTHON_PROBE", { probe: "sysconfig", detail: tail(result, 4) });
  const missing = result.stdout.trim();
  if (missing !== "") throw wheelsError("E_PYTHON_HEADERS", { missing });
}

/**
 * Runs a probe of ours in an interpreter and returns the one JSON document it writes to descriptor 3, so that
 * nothing a package prints can be taken for the answer.
 * @param timeout milliseconds
 * @throws E_PYTHON_PROBE where no document comes
 */
export async function runProbe(
  host: Host,
  python: string,
  probe: string,
  args: readonly string[] = [],
  options: { timeout?: number; env?: Record<string, string | undefined> } = {},
): Promise<unknown> {
  const result = await run(host, python, ["-I", "-B", probePath(probe), ...args], {
    env: { ...cleanPythonEnv(host), ...options.env },
    wantsFd3: true,
    timeout: options.timeout ?? 300_000,
  });
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
