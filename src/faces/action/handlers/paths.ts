import { join, resolve } from "node:path";
import { listDir, statPath } from "../../../host/files.ts";
import type { Host } from "../../../host/host.ts";
import type { WrittenReports } from "../../../jobs/reports.ts";
import type { GitHub } from "../github.ts";

/** Wheel files from an input of one path a line; a folder stands for the wheels in it. */
export async function wheelPaths(host: Host, text: string): Promise<string[]> {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const paths = await Promise.all(
    lines.map(async (line) => {
      const path = resolve(host.cwd, line);
      if (!(await statPath(path))?.isDirectory) return [path];
      return (await listDir(path))
        .filter(({ name }) => name.endsWith(".whl"))
        .map(({ name }) => join(path, name));
    }),
  );
  return paths.flat();
}

/** The outputs of an action that writes reports. */
export function reportOutputs(github: GitHub, written: WrittenReports | undefined): void {
  github.output("sarif", written?.sarif ?? "");
  github.output("reports", JSON.stringify(written?.html ?? []));
}
