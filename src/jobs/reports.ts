import { basename, dirname, join, relative, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { makeDir, writeFileAtomic } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import type { Values } from "../options/options.ts";
import type { REPORT_OPTIONS } from "../options/report-options.ts";
import { reportHtml } from "../report/html-page.ts";
import { installLines } from "../report/install.ts";
import { resultMarkdown } from "../report/markdown.ts";
import { sarifLog } from "../report/sarif.ts";
import type { Result } from "../verify/verdict/result.ts";
import { reportFileName } from "../verify/verdict/verdict.ts";
import { versionOfVerifier } from "../verify/verify.ts";

/** Paths of the reports that were written; null for a kind that nobody asked for. */
export interface WrittenReports {
  html: string[];
  markdown: string | null;
  sarif: string | null;
}

type ReportOptions = Values<typeof REPORT_OPTIONS>;

async function write(path: string, text: string): Promise<string> {
  await makeDir(dirname(path));
  await writeFileAtomic(path, text);
  return path;
}

/**
 * Where each answer's page goes.
 * @throws E_OPTION_VALUE where two pages would have one path
 */
function pagePaths(path: string, given: string, wheels: readonly (string | null)[]): string[] {
  if (path.endsWith(".html")) {
    if (wheels.length === 1) return [path];
    throw wheelsError("E_OPTION_VALUE", {
      option: "--html",
      value: given,
      expected: `a folder, since there are ${wheels.length} pages`,
    });
  }
  const names = wheels.map((wheel) => reportFileName(wheel === null ? "environment" : basename(wheel)));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names.map((name) => join(path, name));
  throw wheelsError("E_OPTION_VALUE", {
    option: "--html",
    value: given,
    expected: `wheels of different names, since each page is named by its wheel, and ${twice} would be written twice`,
  });
}

/**
 * Refuses report options that can't be carried out, before a proof is made that may take minutes.
 * @param wheels as the answers will name them
 * @throws E_OPTION_VALUE
 */
export function demandReports(host: Host, options: ReportOptions, wheels: readonly (string | null)[]): void {
  if (options.html === null) return;
  pagePaths(resolve(host.cwd, options.html), options.html, wheels);
}

/**
 * Writes the reports that were asked for, into folders that are made where they are missing.
 * @throws E_OPTION_VALUE, E_OUTPUT_DIR, E_DISK_FULL
 */
export async function writeReports(
  host: Host,
  options: ReportOptions,
  results: readonly Result[],
): Promise<WrittenReports> {
  const at = (path: string): string => resolve(host.cwd, path);
  const written: WrittenReports = { html: [], markdown: null, sarif: null };
  const { html, markdown, sarif } = options;
  if (html === null && markdown === null && sarif === null) return written;
  const version = await versionOfVerifier();
  if (html !== null) {
    const paths = pagePaths(
      at(html),
      html,
      results.map(({ wheel }) => wheel),
    );
    for (const [index, result] of results.entries()) {
      const page = reportHtml(result, { install: installLines(result), version, time: host.now() });
      written.html.push(await write(paths[index] ?? at(html), page));
    }
  }
  if (markdown !== null) {
    const parts = results.map((result) => resultMarkdown(result, { install: installLines(result) }));
    written.markdown = await write(at(markdown), parts.join("\n"));
  }
  if (sarif !== null) {
    const log = sarifLog({ results, kinds: options["sarif-kinds"], version, root: host.cwd });
    written.sarif = await write(at(sarif), `${JSON.stringify(log, null, 1)}\n`);
  }
  const all = [...written.html, written.markdown, written.sarif].filter((path) => path !== null);
  host.log.info(`Wrote ${all.map((path) => relative(host.cwd, path) || path).join(", ")}`);
  return written;
}
