import { type Host, oncePerHost } from "../host/host.ts";
import { PIP, PIP_TALKS, type PipSettings, readPipConfig } from "../host/network/pip-config.ts";
import { trustEnv } from "../host/network/trust-env.ts";
import { type RunResult, run } from "../host/process.ts";
import { TOOL_SETTINGS } from "../host/tool-settings.ts";
import { cleanPythonEnv } from "./python.ts";

/** An interpreter's pip, with the user's settings that count and no others. */
export interface Pip {
  python: string;
  /** False where this Python has no pip. */
  isThere: boolean;
  settings: PipSettings;
  /** The user's settings that count, by where they are said, such as `PIP_INDEX_URL` or `pip's index-url`. */
  counted: readonly string[];
  /**
   * Runs pip.
   * @param options timeout in milliseconds; an index in the place of the user's
   * @throws E_CERTIFICATES, and what {@link run} throws
   */
  run(args: readonly string[], options?: { timeout?: number; indexUrl?: string }): Promise<RunResult>;
}

/** pip's variable for a key of its settings files. Source: pip documentation, "Configuration", environment variables. */
const variableOf = (key: string): string => `PIP_${key.toUpperCase().replaceAll("-", "_")}`;

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
 * Asks an interpreter's pip for the user's settings, once a run.
 * @throws E_TOOL_SETTINGS where pip can't read its own settings files
 */
export const pipOf: (host: Host, python: string) => Promise<Pip> = oncePerHost(async (host, python) => {
  const env = cleanPythonEnv(host);
  const config = await readPipConfig(host, python, env);
  const variables = countingVariables(config.values);
  const withoutPip = Object.entries(env).filter(([name]) => !name.startsWith("PIP_"));
  return {
    python,
    isThere: config.isThere,
    settings: config,
    counted: Object.keys(variables).map((name) => (host.env[name] ? name : `${name} (pip.conf)`)),
    run: async (args, options = {}) =>
      run(host, python, [...PIP, ...args], {
        env: {
          ...Object.fromEntries(withoutPip),
          ...PIP_TALKS,
          ...(await trustEnv(host, config.cert)),
          ...variables,
          ...(options.indexUrl === undefined ? {} : { [variableOf("index-url")]: options.indexUrl }),
          // Naming no file keeps pip from all its files. Source: pip documentation, "Configuration", PIP_CONFIG_FILE.
          PIP_CONFIG_FILE: "/dev/null",
        },
        ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
      }),
  };
});
