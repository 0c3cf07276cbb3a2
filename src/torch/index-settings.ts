/** What the user's pip configuration says about where packages come from. */
export interface PipSettings {
  indexUrl: string | null;
  extraIndexUrls: string[];
  findLinks: string[];
}

/** Python's repr of a string, as `pip config list` prints it. */
function fromRepr(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(n|t|\\|'|")/g, (_whole, char: string) => ({ n: "\n", t: "\t" })[char] ?? char);
}

/**
 * Values by key of what `pip config list` prints. A later source overrides an earlier one as pip does: files first, then
 * `install` sections, then the environment. Source: pip documentation, "Configuration", precedence.
 */
export function pipValues(listing: string): Map<string, string> {
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

/** What `pip config list` says about where packages come from. */
export function parsePipConfig(listing: string): PipSettings {
  const values = pipValues(listing);
  const list = (key: string): string[] =>
    values
      .get(key)
      ?.split(/\s+/)
      .filter((part) => part !== "") ?? [];
  return {
    indexUrl: list("index-url")[0] ?? null,
    extraIndexUrls: list("extra-index-url"),
    findLinks: list("find-links"),
  };
}

/**
 * uv's environment, with what pip.conf and PIP_* say translated, because uv reads neither and users have configured
 * their machine once. What the user set for uv wins.
 * @param hasOwnFile whether a settings file of uv's says where packages come from
 */
export function uvIndexEnv(
  env: Readonly<Record<string, string | undefined>>,
  pip: PipSettings,
  hasOwnFile = false,
): Record<string, string | undefined> {
  const own = [
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
  ];
  if (hasOwnFile || own.some((name) => env[name])) return {};
  return {
    ...(pip.indexUrl ? { UV_DEFAULT_INDEX: pip.indexUrl } : {}),
    ...(pip.extraIndexUrls.length > 0
      ? // pip takes the best version of all indexes; uv's default would stop at the first that knows the name.
        {
          UV_INDEX: pip.extraIndexUrls.join(" "),
          UV_INDEX_STRATEGY: env["UV_INDEX_STRATEGY"] ?? "unsafe-best-match",
        }
      : {}),
    ...(pip.findLinks.length > 0 ? { UV_FIND_LINKS: pip.findLinks.join(",") } : {}),
  };
}
