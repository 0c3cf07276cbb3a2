import type { Host } from "../../host/host.ts";

/** Of the user's variables those of these names that say something. */
export const taken = (host: Pick<Host, "env">, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (host.env[name] ? [[name, host.env[name]]] : [])));

/** One locale, one time zone and one order of hashes for every machine. */
export const SAME_EVERYWHERE = { LC_ALL: "C.UTF-8", LANG: "C.UTF-8", TZ: "UTC", PYTHONHASHSEED: "0" };

/** What a compiler is asked in: as little of the user's environment as it is later run in. */
export function compilerEnv(host: Pick<Host, "env">): Record<string, string> {
  return { ...taken(host, ["PATH", "TMPDIR"]), ...SAME_EVERYWHERE };
}
