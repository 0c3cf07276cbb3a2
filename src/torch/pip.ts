import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { meaning, type RunResult, run } from "../host/process.ts";
import { TOOL_SETTINGS } from "../host/tool-settings.ts";
import { type PipSettings, parsePipConfig, pipValues } from "./index-settings.ts";
import { cleanPythonEnv } from "./python.ts";

/** An interpreter's pip, with the user's settings that count and no others. */
export interface Pip {
  python: string;
  /** False where this Python has no pip. */
  isThere: boolean;
  settings: PipSettings;
  /** The user's settings that count, by where they are said, such as `PIP_INDEX_URL` or `pip's index-url`. */
  counted: readonly string[];
  /** Runs pip. @param timeout milliseconds @throws what {@link run} throws */
  run(args: readonly string[], options?: { timeout?: number }): Promise<RunResult>;
}

/** Isolated from modules that lie in the working folder, of which `json.py` would do to be run in place of Python's own. */
const ISOLATED = ["-I", "-B", "-m", "pip"];

const hasNoPip = ({ stderr }: RunResult): boolean => /No module named pip\b/.test(stderr);

/** pip's variable for a key of its settings files. Source: pip documentation, "Configuration", environment variables. */
const variableOf = (key: string): string => `PIP_${key.toUpperCase().replaceAll("-", "_")}`;

/** Options that a settings file or a variable can hide the answer by. */
const TALKS = { PIP_QUIET: "0", PIP_VERBOSE: "0", PIP_DISABLE_PIP_VERSION_CHECK: "1", NO_COLOR: "1" };

/** The settings that count, as variables, from all places that pip reads. */
function countingVariables(values: ReadonlyMap<string, string>): Record<string, string> {
  const keys = TOOL_SETTINGS.pip.fileKeys.filter((key) => values.get(key));
  const trust = values.get("use-feature")?.split(/\s+/).includes("truststore");
  return {
    ...Object.fromEntries(
      keys.map((key) => [
        variableOf(key),
        (values.get(key) ?? "")
          .trim()
          .split(/\s*\n\s*/)
          .join(" "),
      ]),
    ),
    ...(trust ? { PIP_USE_FEATURE: "truststore" } : {}),
  };
}

/**
 * Asks an interpreter's pip for the user's settings.
 * @throws E_TOOL_SETTINGS where pip can't read its own settings files
 */
export async function pipOf(host: Host, python: string): Promise<Pip> {
  const env = { ...cleanPythonEnv(host), ...TALKS };
  const listing = await run(host, python, [...ISOLATED, "config", "list"], { env });
  const isThere = !hasNoPip(listing);
  const stdout = isThere
    ? meaning(listing, { 0: listing.stdout }, (detail) =>
        wheelsError("E_TOOL_SETTINGS", {
          tool: "pip",
          file: /(\/\S*pip\.conf)/.exec(detail)?.[1] ?? "pip.conf",
          detail,
        }),
      )
    : "";
  const variables = countingVariables(pipValues(stdout));
  const withoutPip = Object.entries(env).filter(([name]) => !name.startsWith("PIP_"));
  // Naming no file keeps pip from all its files. Source: pip documentation, "Configuration", PIP_CONFIG_FILE.
  const own = { ...Object.fromEntries(withoutPip), ...TALKS, ...variables, PIP_CONFIG_FILE: "/dev/null" };
  return {
    python,
    isThere,
    settings: parsePipConfig(stdout),
    counted: Object.keys(variables).map((name) => (host.env[name] ? name : `${name} (pip.conf)`)),
    run: (args, options = {}) =>
      run(host, python, [...ISOLATED, ...args], {
        env: own,
        ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
      }),
  };
}
