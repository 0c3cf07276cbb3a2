import { visible } from "./visible.ts";

/** A text that Markdown, HTML and a table cell show as it is: names and details come from hostile wheels. */
export function plainText(text: string): string {
  return text
    .split("\n")
    .map((line) => visible(line.trim()))
    .join("\n")
    .replace(/[&<>]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[char] ?? char)
    .replace(/[\\`*_[\]|#~!:@]/g, (char) => `&#${char.charCodeAt(0)};`)
    .replace(/\n+/g, "<br>");
}

/** A text as code, in a table's cell too. */
export const code = (text: string): string =>
  `<code>${visible(text).replace(/[&<>|\\`*_[\]~]/g, (char) => `&#${char.charCodeAt(0)};`)}</code>`;

/** A table's row; what is in the cells is Markdown already. */
export const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** A table's first two rows. */
export const head = (cells: readonly string[]): string[] => [row(cells), row(cells.map(() => "---"))];
