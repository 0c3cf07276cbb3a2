import { basename, join, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Result } from "../verify/verdict/result.ts";
import { reportFileName } from "../verify/verdict/verdict.ts";
import { reportHtml } from "./html-page.ts";
import { installLines } from "./install.ts";
import { resultMarkdown } from "./markdown.ts";
import { type SarifKinds, sarifLog } from "./sarif.ts";

/** Where answers go; null for nowhere. */
export interface ReportFiles {
  html: string | null;
  markdown: string | null;
  sarif: string | null;
  sarifKinds: SarifKinds;
}

/** Paths of reports; empty or null for a kind that nobody asked for. */
export interface ReportPaths {
  html: string[];
  markdown: string | null;
  sarif: string | null;
}

/** @throws E_OPTION_VALUE where two pages would have one path */
function pagePaths(path: string, given: string, wheels: readonly (string | null)[]): string[] {
  const refuse = (expected: string): never => {
    throw wheelsError("E_OPTION_VALUE", { option: "--html", value: given, expected });
  };
  if (path.endsWith(".html"))
    return wheels.length === 1 ? [path] : refuse(`a folder, since there are ${wheels.length} pages`);
  const names = wheels.map((wheel) => reportFileName(wheel === null ? "environment" : basename(wheel)));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined
    ? names.map((name) => join(path, name))
    : refuse(
        `wheels of different names, since each page is named by its wheel, and ${twice} would be written twice`,
      );
}

/**
 * Where the reports that were asked for go.
 * @param cwd what their paths are relative to
 * @param wheels as the answers name them
 * @throws E_OPTION_VALUE where two pages would have one path
 */
export function reportPaths(
  cwd: string,
  { html, markdown, sarif }: ReportFiles,
  wheels: readonly (string | null)[],
): ReportPaths {
  return {
    html: html === null ? [] : pagePaths(resolve(cwd, html), html, wheels),
    markdown: markdown === null ? null : resolve(cwd, markdown),
    sarif: sarif === null ? null : resolve(cwd, sarif),
  };
}

/**
 * The texts of the reports, by path.
 * @param made version of the verifier, time of the run, and the folder that paths in SARIF are relative to
 */
export function reportTexts(
  { html, markdown, sarif }: ReportPaths,
  kinds: SarifKinds,
  results: readonly Result[],
  { version, time, root }: { version: string; time: Date; root: string },
): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [index, path] of html.entries()) {
    const result = results[index];
    if (result) texts.set(path, reportHtml(result, { install: installLines(result), version, time }));
  }
  if (markdown !== null) {
    const parts = results.map((result) => resultMarkdown(result, { install: installLines(result) }));
    texts.set(markdown, parts.join("\n"));
  }
  if (sarif !== null)
    texts.set(sarif, `${JSON.stringify(sarifLog({ results, kinds, version, root }), null, 1)}\n`);
  return texts;
}
