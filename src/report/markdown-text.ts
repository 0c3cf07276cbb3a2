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

export const code = (text: string): string =>
  `<code>${visible(text).replace(/[&<>|\\`*_[\]~]/g, (char) => `&#${char.charCodeAt(0)};`)}</code>`;

export const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

export const head = (cells: readonly string[]): string[] => [row(cells), row(cells.map(() => "---"))];
