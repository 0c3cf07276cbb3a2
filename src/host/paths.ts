import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Host } from "./host.ts";

/**
 * The cache folder: --cache-dir, else VLLM_CPU_WHEELS_CACHE, else the XDG cache folder.
 * Source: XDG Base Directory Specification 0.8, "XDG_CACHE_HOME".
 */
export function cacheDir(env: Host["env"], cwd: string, chosen: string | null): string {
  const named = chosen ?? env["VLLM_CPU_WHEELS_CACHE"];
  if (named) return resolve(cwd, named);
  const xdg = env["XDG_CACHE_HOME"];
  return join(xdg?.startsWith("/") ? xdg : join(env["HOME"] ?? homedir(), ".cache"), "vllm-cpu-wheels");
}
