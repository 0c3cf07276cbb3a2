import type { Host } from "../host.ts";
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
 * Parses `pip config list`. A later source overrides an earlier one as pip does: files first, then `install`
 * sections, then the environment. Source: pip documentation, "Configuration", precedence.
 */
export function parsePipConfig(listing: string): PipSettings {
  const found = new Map<string, { rank: number; value: string }>();
  for (const line of listing.split("\n")) {
    const match = /^(:env:|[\w-]+)\.([\w-]+)=(['"].*['"])$/.exec(line.trim());
    const [, section, key, value] = match ?? [];
    if (!section || !key || !value) continue;
    const rank = { global: 1, install: 2, ":env:": 3 }[section] ?? 0;
    if (rank >= (found.get(key)?.rank ?? 1)) found.set(key, { rank, value: fromRepr(value) });
  }
  const list = (key: string): string[] =>
    found
      .get(key)
      ?.value.split(/\s+/)
      .filter((part) => part !== "") ?? [];
  return {
    indexUrl: list("index-url")[0] ?? null,
    extraIndexUrls: list("extra-index-url"),
    findLinks: list("find-links"),
    cert: found.get("cert")?.value.trim() || null,
  };
}

/**
 * Reads the user's pip configuration through pip itself; nothing where there is no pip.
 * @param env the whole environment of that Python
 */
export async function readPipConfig(host: Host, python: string, env: Host["env"]): Promise<PipSettings> {
  const result = await host.ask(python, ["-m", "pip", "config", "list"], {
    env,
    // Addresses of indexes, with their passwords.
    isSecret: true,
  });
  return parsePipConfig(result.code === 0 ? result.stdout : "");
}

/** The authorities that the configuration of pip names, of the python3 on PATH; null where it names none. */
export async function pipCertificate(host: Host): Promise<NamedAuthorities | null> {
  // Without PYTHONSAFEPATH a pip.py in the working folder would be run in pip's place.
  const { cert } = await readPipConfig(host, "python3", { ...host.env, PYTHONSAFEPATH: "1" }).catch(() =>
    parsePipConfig(""),
  );
  return cert === null ? null : { setting: PIP_SETTING, path: cert };
}
