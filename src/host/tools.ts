import { join } from "node:path";
import { exists } from "./files.ts";
import type { ToolStore } from "./host.ts";
import { withLock } from "./lock.ts";

/** Another run installs the very same thing; what it leaves is as good as ours. */
const WAIT_MS = 300_000;

/** Tools in a plain folder, `<folder>/<name>-<version>`. */
export function folderTools(folder: string): ToolStore {
  const placeOf = (tool: { name: string; version: string }): string =>
    join(folder, `${tool.name}-${tool.version}`);
  return {
    async find(tool, works) {
      const place = placeOf(tool);
      return (await exists(place)) && (await works(place)) ? place : null;
    },
    async provide(host, tool, works, fill) {
      const { name } = tool;
      const place = placeOf(tool);
      const isThere = async (): Promise<boolean> => (await this.find(tool, works)) !== null;
      if (await isThere()) return place;
      await withLock(
        host,
        join(folder, `${name}.lock`),
        "the tool cache",
        async () => {
          if (!(await isThere())) await fill(place);
        },
        { waitMs: WAIT_MS },
      );
      return place;
    },
  };
}

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
