import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run.ts";

/** What is to be done with a block. The grammar is in CONTRIBUTING.md, "Documents". */
export type Directive =
  | { kind: "run"; place: string; exit: number; dry: boolean; has: string[] }
  | { kind: "output"; figures: boolean }
  | { kind: "file"; path: string; place: string }
  | { kind: "workflow" }
  | { kind: "skip"; reason: string };

export interface Block {
  document: string;
  /** Line of the opening fence, from 1. */
  line: number;
  language: string;
  text: string;
  /** Null for a block that nothing is said about, or something that is no directive. */
  directive: Directive | null;
}

/** Languages of blocks that a reader would copy, or compare with what he sees. */
const TESTED = ["", "sh", "bash", "shell", "console", "python", "toml", "yaml", "ini", "dockerfile", "text"];

/** Paths of all documents, from the root: those at its top, and those of docs/. */
export function documents(): string[] {
  const markdown = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
      .map(({ name }) => join(folder, name));
  return [".", "docs", "docs/decisions"].flatMap(markdown).sort();
}

export const readDocument = (path: string): string => readFileSync(join(root, path), "utf8");

/** @returns null where the comment is no directive */
export function parseDirective(comment: string): Directive | null {
  const [, body] = /^<!-- test: (.*) -->$/.exec(comment.trim()) ?? [];
  if (body === undefined) return null;
  const [, kind = "", rest = ""] = /^(\w+)\s*(.*)$/.exec(body) ?? [];
  if (kind === "skip") return rest.length >= 5 ? { kind, reason: rest } : null;
  const words = [...rest.matchAll(/(\w+)="([^"]*)"|(\w+)=(\S+)|(\S+)/g)].map(
    ([, quoted, text, name, value, word]) => [quoted ?? name ?? word ?? "", text ?? value ?? ""] as const,
  );
  const all = (name: string): string[] => words.filter(([one]) => one === name).map(([, value]) => value);
  const place = all("in")[0] ?? "clone";
  const fits = (...names: string[]): boolean => words.every(([name]) => names.includes(name));
  if (kind === "workflow") return words.length === 0 ? { kind } : null;
  if (kind === "output") return fits("figures") ? { kind, figures: words.length > 0 } : null;
  if (kind === "file") {
    const [path] = words.filter(([name, value]) => value === "" && name !== "in");
    return path && words.length <= 2 ? { kind, path: path[0], place } : null;
  }
  if (kind !== "run" || !fits("in", "exit", "has", "dry")) return null;
  const dry = words.some(([name]) => name === "dry");
  return { kind, place, exit: Number(all("exit")[0] ?? 0), dry, has: all("has") };
}

/** All fenced blocks of a document that a reader would copy or compare. */
export function blocksOf(document: string): Block[] {
  const lines = readDocument(document).split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent = "", fence = "", language = ""] = /^( *)(`{3,})(\S*)/.exec(lines[at] ?? "") ?? [];
    if (fence === "") continue;
    const start = at;
    for (at++; at < lines.length && (lines[at] ?? "").trim() !== fence; at++);
    if (!TESTED.includes(language)) continue;
    const body = lines.slice(start + 1, at).map((line) => line.slice(indent.length));
    blocks.push({
      document,
      line: start + 1,
      language,
      text: `${body.join("\n")}\n`,
      directive: parseDirective(lines[start - 1] ?? ""),
    });
  }
  return blocks;
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Durations, numbers, column widths and which machine could run a wheel left out. */
const withoutFigures = (text: string): string =>
  text
    .replace(/(\d+ h )?(\d+ min )?\d[\d.]* s\b/g, "0 s")
    .replace(/\d[\d.,]*/g, "0")
    .replace(/ {2,}/g, "  ")
    .replace(/-{2,}/g, "--")
    .replace(/\bproven\b.*$/gm, "proven");

/**
 * Whether an output shows what a document promises. `…` stands for any text within a line, a line of `…` alone for any
 * lines; spaces at line ends and empty lines around don't count, and what comes before and after is free.
 * @param figures true where numbers may differ
 */
export function shows(output: string, promised: string, figures = false): boolean {
  const clean = (text: string): string =>
    (figures ? withoutFigures(text) : text).replace(/[ \t]+$/gm, "").replace(/^\n+|\n+$/g, "");
  const lines = clean(promised).split("\n");
  const pattern = lines
    .map((line) => (line === "…" ? "(?:.*\n)*?" : `${line.split("…").map(literally).join(".*")}\n`))
    .join("");
  return new RegExp(`^${pattern}`, "m").test(`${clean(output)}\n`);
}

/** Where a Markdown text's links lead, blocks and code spans left out. */
export function linksIn(markdown: string): string[] {
  const prose = markdown.replace(/^( *)```[\s\S]*?^ *```/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g), ...prose.matchAll(/(?:src|srcset)="([^"\s]+)"/g)].map(
    ([, link = ""]) => link,
  );
}

/** Where a document's links lead. */
export const linksOf = (document: string): string[] => linksIn(readDocument(document));

/** Anchors of a Markdown text: its headings' as GitHub makes them, and older names that others may have linked. */
export const anchorsOf = (markdown: string): string[] => [
  ...[...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  ),
  ...[...markdown.matchAll(/<a id="([\w-]+)"><\/a>/g)].map(([, id = ""]) => id),
];
