import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host, ShortResult } from "../host.ts";
import { meaning } from "../process.ts";
import { withoutForeignSettings } from "../tool-settings.ts";
import type { NamedAuthorities } from "./certificates.ts";

/** How the configuration of pip is named where it says whom to trust. */
export const PIP_SETTING = "pip's setting cert";

/** What the user's pip configuration says about where packages come from, and whom to trust. */
export interface PipSettings {
  indexUrl: string | null;
  extraIndexUrls: string[];
  findLinks: string[];
  /** PEM file or folder of the authorities that pip trusts. */
  cert: string | null;
}

/** Python's repr of a string, as `pip config list` prints it. */
function fromRepr(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(n|t|\\|'|")/g, (_whole, char: string) => ({ n: "\n", t: "\t" })[char] ?? char);
}

/**
 * Values by key of what `pip config list` prints. A later source overrides an earlier one as pip does: files first, then `install`
 * sections, then the environment. Source: pip documentation, "Configuration", precedence.
 */
function pipValues(listing: string): Map<string, string> {
  const found = new Map<string, { rank: number; value: string }>();
  for (const line of listing.split("\n")) {
    const match = /^(:env:|[\w-]+)\.([\w-]+)=(['"].*['"])$/.exec(line.trim());
    const [, section, key, value] = match ?? [];
    if (!section || !key || !value) continue;
    const rank = { global: 1, install: 2, ":env:": 3 }[section] ?? 0;
    if (rank >= (found.get(key)?.rank ?? 1)) found.set(key, { rank, value: fromRepr(value) });
  }
  return new Map([...found].map(([key, { value }]) => [key, value]));
}

function settingsOf(values: ReadonlyMap<string, string>): PipSettings {
  const list = (key: string): string[] =>
    values
      .get(key)
      ?.split(/\s+/)
      .filter((part) => part !== "") ?? [];
  return {
    indexUrl: list("index-url")[0] ?? null,
    extraIndexUrls: list("extra-index-url"),
    findLinks: list("find-links"),
    cert: values.get("cert")?.trim() || null,
  };
}

/** What `pip config list` says about where packages come from, and whom to trust. */
export function parsePipConfig(listing: string): PipSettings {
  return settingsOf(pipValues(listing));
}

/**
 * pip as a module of an interpreter, isolated from modules that lie in the working folder, of which `json.py` would do to
 * be run in place of Python's own.
 */
export const PIP = ["-I", "-B", "-m", "pip"];

/** Variables against what of a settings file or the environment can hide pip's answer. */
export const PIP_TALKS = {
  PIP_QUIET: "0",
  PIP_VERBOSE: "0",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  NO_COLOR: "1",
};

/** The user's pip configuration, and all that it holds. */
export interface PipConfig extends PipSettings {
  /** False where this Python has no pip. */
  isThere: boolean;
  /** Every value, by its key in a settings file. */
  values: ReadonlyMap<string, string>;
}

const hasNoPip = ({ stderr }: ShortResult): boolean => /No module named pip\b/.test(stderr);

/**
 * Reads the user's pip configuration through pip itself.
 * @param env the whole environment of that Python
 * @throws E_TOOL_SETTINGS where pip can't read its own settings files; what `Host.ask` throws
 */
export async function readPipConfig(host: Host, python: string, env: Host["env"]): Promise<PipConfig> {
  const result = await host.ask(python, [...PIP, "config", "list"], {
    env: { ...env, ...PIP_TALKS },
    // Addresses of indexes, with their passwords.
    isSecret: true,
  });
  const isThere = !hasNoPip(result);
  const listing = isThere
    ? meaning(result, { 0: result.stdout }, (detail) =>
        wheelsError("E_TOOL_SETTINGS", {
          tool: "pip",
          file: /(\/\S*pip\.conf)/.exec(detail)?.[1] ?? "pip.conf",
          detail,
        }),
      )
    : "";
  const values = pipValues(listing);
  return { isThere, values, ...settingsOf(values) };
}

/** The authorities that the configuration of pip names, of the python3 on PATH; null where it names none. */
export async function pipCertificate(host: Host): Promise<NamedAuthorities | null> {
  const { cert } = await readPipConfig(host, "python3", withoutForeignSettings(host.env)).catch(() =>
    parsePipConfig(""),
  );
  return cert === null ? null : { setting: PIP_SETTING, path: cert };
}
