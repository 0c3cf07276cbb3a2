import { join } from "node:path";
import type { ToolStore } from "../../host/host.ts";
import { withLock } from "../../host/lock.ts";
import { WAIT_MS } from "../../host/tools.ts";

/**
 * Tools in the runner's tool cache, through @actions/tool-cache, so that they are found again by version.
 * The lock is ours: that package removes and rewrites a version's folder, under the feet of a job that runs it.
 * @param root RUNNER_TOOL_CACHE
 */
export function runnerTools(root: string): ToolStore {
  return {
    async find({ name, version }, works) {
      const { find } = await import("@actions/tool-cache");
      const place = find(name, version);
      return place !== "" && (await works(place)) ? place : null;
    },
    async provide(host, { name, version }, works, fill) {
      const { cacheDir } = await import("@actions/tool-cache");
      const found = (): Promise<string | null> => this.find({ name, version }, works);
      const first = await found();
      if (first !== null) return first;
      return withLock(
        host,
        join(root, `.${name}.lock`),
        "the runner's tool cache",
        async () =>
          (await found()) ??
          host.scratch.withFolder(`${name}-tool`, async (folder) => {
            await fill(folder);
            return cacheDir(folder, name, version);
          }),
        { waitMs: WAIT_MS },
      );
    },
  };
}
