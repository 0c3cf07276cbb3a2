import type { PipSettings } from "../host/network/pip-config.ts";
import { UV_PLACES } from "../host/tool-settings.ts";

/** The default index that uv's own variables name; nothing where they name none. */
export const uvDefaultIndex = (env: Readonly<Record<string, string | undefined>>): string | undefined =>
  env["UV_DEFAULT_INDEX"] ?? env["UV_INDEX_URL"];

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
  if (hasOwnFile || UV_PLACES.some((name) => env[name])) return {};
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
