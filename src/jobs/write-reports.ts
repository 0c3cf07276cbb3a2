import { basename, dirname, join, relative, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { makeDir, writeFileAtomic } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { reportHtml } from "../report/html-page.ts";
import { installLines } from "../report/install.ts";
import { resultMarkdown } from "../report/markdown.ts";
import { type SarifKinds, sarifLog } from "../report/sarif.ts";
import type { Result } from "../verify/verdict/result.ts";
import { reportFileName } from "../verify/verdict/verdict.ts";
import { versionOfVerifier } from "../verify/verify.ts";

/** Where answers go; null for nowhere. */
export interface ReportFiles {
  html: string | null;
  markdown: string | null;
  sarif: string | null;
  sarifKinds: SarifKinds;
}

/** Paths of the reports that were written; empty or null for a kind that nobody asked for. */
export interface WrittenReports {
  html: string[];
  markdown: string | null;
  sarif: string | null;
}

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
 * Refuses reports that can't be written, and makes their folders, before a proof is made that may take minutes.
 * @param wheels as the answers will name them
 * @throws E_OPTION_VALUE, E_OUTPUT_DIR, E_FOREIGN_OWNER
 */
export async function demandReports(
  host: Host,
  files: ReportFiles,
  wheels: readonly (string | null)[],
): Promise<void> {
  const { html, markdown, sarif } = files;
  const pages = html === null ? [] : pagePaths(resolve(host.cwd, html), html, wheels);
  const texts = [markdown, sarif].filter((path) => path !== null).map((path) => resolve(host.cwd, path));
  for (const folder of new Set([...pages, ...texts].map(dirname))) await makeDir(folder);
}

/**
 * Writes the reports that were asked for.
 * @throws E_OPTION_VALUE, E_OUTPUT_DIR, E_DISK_FULL
 */
export async function writeReports(
  host: Host,
  { html, markdown, sarif, sarifKinds }: ReportFiles,
  results: readonly Result[],
): Promise<WrittenReports> {
  const at = (path: string): string => resolve(host.cwd, path);
  const written: WrittenReports = { html: [], markdown: null, sarif: null };
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
    const log = sarifLog({ results, kinds: sarifKinds, version, root: host.cwd });
    written.sarif = await write(at(sarif), `${JSON.stringify(log, null, 1)}\n`);
  }
  const all = [...written.html, written.markdown, written.sarif].filter((path) => path !== null);
  host.log.info(`Wrote ${all.map((path) => relative(host.cwd, path) || path).join(", ")}`);
  return written;
}
