import { setSecret } from "@actions/core";
import { z } from "zod";
import { readTextIfAny } from "../../host/files.ts";
import type { FolderStore } from "../../host/folder-store.ts";
import type { parseCaching } from "../../options/caching.ts";
import type { GitHub } from "./github.ts";
import { workflowCache } from "./runner-cache.ts";

type Env = NodeJS.ProcessEnv;

/**
 * Events whose runs see the default branch's cache, or make what others install, while code or words of strangers had a
 * part in it. Source: zizmor, audit "cache-poisoning"; GitHub security lab, "Preventing pwn requests".
 */
const EXPOSED = ["release", "pull_request_target", "workflow_run", "issue_comment"];

const eventSchema = z.object({
  pull_request: z
    .object({
      head: z.object({ repo: z.object({ full_name: z.string() }).nullable() }),
      base: z.object({ repo: z.object({ full_name: z.string() }) }),
    })
    .optional(),
});

/** Why the cache is better left alone in this run; null where it is as good as the branch that filled it. */
function exposure(env: Env): string | null {
  const event = env["GITHUB_EVENT_NAME"] ?? "";
  if (EXPOSED.includes(event)) return `the event ${event}`;
  return env["GITHUB_REF_TYPE"] === "tag" ? "a tag" : null;
}

/** Whether this is a pull request of another repository. An event that can't be read is taken for one. */
async function isOfFork(env: Env): Promise<boolean> {
  if (!/^pull_request/.test(env["GITHUB_EVENT_NAME"] ?? "")) return false;
  const text = await readTextIfAny(env["GITHUB_EVENT_PATH"] ?? "");
  try {
    const event = eventSchema.parse(JSON.parse(text ?? ""));
    const { head, base } = event.pull_request ?? {};
    return head?.repo?.full_name !== base?.repo.full_name || head === undefined;
  } catch {
    return true;
  }
}

/**
 * The workflow's cache as far as this run may use it; null where it may not at all.
 * @param env of the step
 */
export async function cacheOfRun(
  { host }: GitHub,
  env: Env,
  { mode, restores, saves, secret, timeout }: ReturnType<typeof parseCaching>,
): Promise<FolderStore | null> {
  if (secret !== null) setSecret(secret);
  if (mode === "false") return null;
  const why = exposure(env);
  if (mode === "auto" && why !== null) {
    host.log.info(`The workflow's cache is left alone: this run is of ${why} (cache: true uses it)`);
    return null;
  }
  const cache = workflowCache(host, env, timeout);
  const mayKeep = saves && !(await isOfFork(env));
  return {
    restore: async (keys, folder) => (restores ? cache.restore(keys, folder) : null),
    save: async (key, folder) => mayKeep && cache.save(key, folder),
  };
}

/**
 * The server of compiled objects that ccache is told; a pull request only takes from it, since whoever opens one says what
 * is compiled. Source: ccache manual, "Remote storage", attribute read-only.
 */
export function sharedObjects(named: string | null, env: Env): string | null {
  if (named !== null) setSecret(named);
  const url = named ?? env["CCACHE_REMOTE_STORAGE"] ?? "";
  if (url === "") return null;
  return /^pull_request/.test(env["GITHUB_EVENT_NAME"] ?? "") ? `${url}|read-only` : url;
}
