import type { Check } from "../verify/verdict/check.ts";
import { escapeHtml } from "./html.ts";
import { visible } from "./visible.ts";

/** A text from the wheel as it may stand in HTML. */
export const text = (value: string, most?: number): string => escapeHtml(visible(value, most));

/** A name or an instruction from the wheel. @param most characters that are kept */
export const code = (value: string, most?: number): string => `<code>${text(value, most)}</code>`;

/** Several lines as they are, each made harmless by itself. */
export const lines = (value: string): string =>
  value
    .split("\n")
    .map((line) => text(line))
    .join("\n");

const MARK = { pass: "✓", fail: "✗", warn: "!", "not-run": "–" } as const;

/** An answer as a word with a sign, so that it can be read without its colour. */
export const badge = (result: Check["result"]): string =>
  `<span class="badge ${result}"><span aria-hidden="true">${MARK[result]}</span> ${result}</span>`;

/** A section with its heading; an empty body gives none. */
export function section(id: string, title: string, body: string): string {
  if (body === "") return "";
  return `<section aria-labelledby="${id}">\n<h2 id="${id}">${title}</h2>\n${body}\n</section>`;
}

/** Names and what they stand for; what is null is left out. */
export function facts(rows: readonly (readonly [string, string | null])[]): string {
  const shown = rows.flatMap(([name, value]) =>
    value === null ? [] : [`<div><dt>${name}</dt><dd>${value}</dd></div>`],
  );
  return shown.length === 0 ? "" : `<dl>${shown.join("\n")}</dl>`;
}

/** A whole number as people write it in English. */
export const count = (value: number): string => value.toLocaleString("en");

/** "1 file", "2 files". */
export const many = (value: number, one: string, several = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : several}`;
