// Draws the folders of src/ and who imports whom, from what dependency-cruiser finds in the code.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";

const resultSchema = z.object({
  modules: z.array(
    z.object({ source: z.string(), dependencies: z.array(z.object({ resolved: z.string() })) }),
  ),
});

/** One import between two folders below src/. */
export interface Edge {
  from: string;
  to: string;
}

/** The folder right below src/ that a file is in; null for a file elsewhere. */
function folderOf(path: string): string | null {
  return /^src\/([^/]+)\/.+/.exec(path)?.[1] ?? null;
}

/** Every pair of folders of which one imports the other, types included; each once, in alphabetical order. */
export function importEdges(root: string): Edge[] {
  const program = join(root, "node_modules", ".bin", "depcruise");
  const text = execFileSync(
    program,
    ["--config", ".dependency-cruiser.cjs", "--output-type", "json", "src"],
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    },
  );
  const { modules } = resultSchema.parse(JSON.parse(text));
  const edges = new Map<string, Edge>();
  for (const { source, dependencies } of modules) {
    const from = folderOf(source);
    for (const { resolved } of dependencies) {
      const to = folderOf(resolved);
      if (from !== null && to !== null && from !== to) edges.set(`${from} ${to}`, { from, to });
    }
  }
  return [...edges.keys()].sort().flatMap((key) => edges.get(key) ?? []);
}

/** True where a way leads from one folder to another without this very edge. */
function isImplied({ from, to }: Edge, edges: readonly Edge[]): boolean {
  const seen = new Set<string>();
  const next = edges.filter((edge) => edge.from === from && edge.to !== to).map((edge) => edge.to);
  for (let folder = next.pop(); folder !== undefined; folder = next.pop()) {
    if (folder === to) return true;
    if (seen.has(folder)) continue;
    seen.add(folder);
    for (const edge of edges) if (edge.from === folder) next.push(edge.to);
  }
  return false;
}

/**
 * The map as a Mermaid flow chart. An arrow says "imports"; a dotted one goes to what a chain of solid ones reaches too.
 * Source: mermaid.js.org/syntax/flowchart.html
 */
export function mermaidOf(edges: readonly Edge[]): string {
  const lines = edges.map((edge) => {
    const arrow = isImplied(edge, edges) ? "-.->" : "-->";
    return `  ${edge.from} ${arrow} ${edge.to}`;
  });
  return ["```mermaid", "flowchart TB", ...lines, "```"].join("\n");
}

const BEGIN = "<!-- map: made by scripts/map.ts, npm run generate -->";
const END = "<!-- end of map -->";

/** A document with the map between its two marks. Throws an Error where it has no marks. */
export function withMap(text: string, map: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`no "${BEGIN}" before "${END}"`);
  return `${text.slice(0, begin + BEGIN.length)}\n${map}\n${text.slice(end)}`;
}
