import type { Host } from "../host/host.ts";
import { type PipSettings, readPipConfig } from "../host/network/pip-config.ts";
import { cleanPythonEnv } from "./python.ts";

/** Reads the user's pip configuration through pip itself; nothing where there is no pip. */
export async function readPipSettings(host: Host, python: string): Promise<PipSettings> {
  return readPipConfig(host, python, cleanPythonEnv(host));
}

/**
 * uv's environment, with what pip.conf and PIP_* say translated, because uv reads neither and users have configured
 * their machine once. What the user set for uv wins.
 */
export function uvIndexEnv(
  env: Readonly<Record<string, string | undefined>>,
  pip: PipSettings,
): Record<string, string | undefined> {
  const own = [
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
  ];
  if (own.some((name) => env[name])) return {};
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
