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

/** Who imports whom, file by file. */
export function importsOf(root: string): z.infer<typeof resultSchema>["modules"] {
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
  return resultSchema.parse(JSON.parse(text)).modules;
}

/** Every pair of folders of which one imports the other, types included; each once, in alphabetical order. */
export function importEdges(root: string): Edge[] {
  const edges = new Map<string, Edge>();
  for (const { source, dependencies } of importsOf(root)) {
    const from = folderOf(source);
    for (const { resolved } of dependencies) {
      const to = folderOf(resolved);
      if (from !== null && to !== null && from !== to) edges.set(`${from} ${to}`, { from, to });
    }
  }
  return [...edges.keys()].sort().flatMap((key) => edges.get(key) ?? []);
}

/** True where a way of these arrows leads from one folder to another. */
function leadsTo({ from, to }: Edge, arrows: readonly Edge[]): boolean {
  const seen = new Set<string>();
  const next = [from];
  for (let folder = next.pop(); folder !== undefined; folder = next.pop()) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    for (const arrow of arrows) if (arrow.from === folder) next.push(arrow.to);
  }
  seen.delete(from);
  return seen.has(to);
}

/** The arrows that are left when every one is taken away that a chain of the others stands for. */
function indispensable(edges: readonly Edge[]): Edge[] {
  let kept = [...edges];
  for (const edge of edges) {
    const others = kept.filter((one) => one !== edge);
    // One by one, so that two folders which import each other don't both lose their ways.
    if (leadsTo(edge, others)) kept = others;
  }
  return kept;
}

/** The layers of src/, highest first, with the folders in each: imports go down. Source: .dependency-cruiser.cjs */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "ways in": ["faces"],
  "one job a command": ["options", "jobs"],
  "use cases": ["build", "torch", "verify", "publish", "compare", "report"],
  "pure, over values and bytes": ["findings", "variants", "elf", "wheel"],
  "the world": ["host"],
  "the catalogue": ["errors"],
};

/**
 * The map as a Mermaid flow chart, a box a layer. An arrow says "imports"; a dotted one goes to what a chain of solid
 * ones reaches too. Throws an Error for a folder that is in no layer.
 * Source: mermaid.js.org/syntax/flowchart.html
 */
export function mermaidOf(
  edges: readonly Edge[],
  layers: Readonly<Record<string, readonly string[]>> = LAYERS,
): string {
  const known = new Set(Object.values(layers).flat());
  const stray = edges.flatMap(({ from, to }) => [from, to]).find((folder) => !known.has(folder));
  if (stray !== undefined) throw new Error(`src/${stray} is in no layer of scripts/map.ts`);
  const solid = new Set(indispensable(edges));
  const boxes = Object.entries(layers).flatMap(([title, folders], at) => [
    `  subgraph layer${at} ["${title}"]`,
    ...folders.map((folder) => `    ${folder}`),
    "  end",
  ]);
  const arrows = edges.map((edge) => `  ${edge.from} ${solid.has(edge) ? "-->" : "-.->"} ${edge.to}`);
  return ["```mermaid", "flowchart TB", ...boxes, ...arrows, "```"].join("\n");
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
