import { join } from "node:path";
import { exists } from "./files.ts";
import type { ToolStore } from "./host.ts";
import { withLock } from "./lock.ts";

/** Another run installs the very same thing; what it leaves is as good as ours. */
export const WAIT_MS = 300_000;

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
