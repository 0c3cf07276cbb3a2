import { dirname, relative } from "node:path";
import { makeDir, writeFileAtomic } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { productVersion } from "../host/version.ts";
import { type ReportFiles, type ReportPaths, reportPaths, reportTexts } from "../report/report-files.ts";
import type { Result } from "../verify/verdict/result.ts";

/**
 * Refuses reports that can't be written, and makes their folders, before a proof is made that may take minutes.
 * @param wheels as the answers will name them
 * @throws E_OPTION_VALUE, E_OUTPUT_DIR, E_FOREIGN_OWNER
 */
export async function demandReports(
  host: Host,
  files: ReportFiles,
  wheels: readonly (string | null)[],
): Promise<void> {
  const { html, markdown, sarif } = reportPaths(host.cwd, files, wheels);
  const paths = [...html, markdown, sarif].filter((path) => path !== null);
  for (const folder of new Set(paths.map(dirname))) await makeDir(folder);
}

/**
 * Writes the reports that were asked for.
 * @returns where they are
 * @throws E_OPTION_VALUE, E_OUTPUT_DIR, E_DISK_FULL
 */
export async function writeReports(
  host: Host,
  files: ReportFiles,
  results: readonly Result[],
): Promise<ReportPaths> {
  const paths = reportPaths(
    host.cwd,
    files,
    results.map(({ wheel }) => wheel),
  );
  const made = { version: await productVersion(), time: host.now(), root: host.cwd };
  const texts = reportTexts(paths, files.sarifKinds, results, made);
  for (const [path, text] of texts) {
    await makeDir(dirname(path));
    await writeFileAtomic(path, text);
  }
  if (texts.size > 0)
    host.log.info(`Wrote ${[...texts.keys()].map((path) => relative(host.cwd, path) || path).join(", ")}`);
  return paths;
}
