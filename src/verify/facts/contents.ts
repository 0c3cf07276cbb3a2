import { z } from "zod";
import { FormatError } from "../../wheel/format-error.ts";
import { allOf, type Headers, oneOf, parseHeaders } from "../../wheel/metadata.ts";
import { decodeText } from "../../wheel/strict-text.ts";
import { inspectZip, type ZipEntry } from "../../wheel/zip-reader.ts";
import type { AuditFacts } from "./facts.ts";
import { lackSchema, lacksOf } from "./parts.ts";

/** The part of `verify --json` that tells what is in a wheel. */
export const contentsSchema = z.object({
  files: z.number().describe("Files in the archive"),
  unpacked: z.number().describe("Bytes of all files, inflated"),
  folders: z
    .array(
      z.object({
        path: z.string().describe("Folder, two levels deep at most; empty for the archive's top"),
        files: z.number(),
        bytes: z.number().describe("Inflated"),
        packed: z.number().describe("Compressed"),
      }),
    )
    .describe("The largest first"),
  requiresPython: z.string().nullable(),
  requires: z.array(z.string()).describe("Requires-Dist, as METADATA has them"),
  lacks: z
    .array(lackSchema)
    .describe("Parts of vLLM's own CPU wheel that it does not bring; empty for what is not vLLM"),
});

/** What is in a wheel, by size, and what it asks of others. */
export type WheelContents = z.infer<typeof contentsSchema>;

/** Folders that are told one by one; an archive may hold tens of thousands. */
const MOST_FOLDERS = 100;
/** METADATA of real wheels has some hundred lines. */
const MOST_REQUIREMENTS = 1000;
/** Characters of a requirement that are told; real ones have some dozens. */
const TOLD = 500;
const MOST_METADATA_BYTES = 16 * 1024 ** 2;

/** The first two folders of a path; all of a `.libs` or dist-info folder is one. */
function folderOf(path: string): string {
  const folders = path.split("/").slice(0, -1);
  return folders.slice(0, /\.(libs|dist-info|data)$/.test(folders[0] ?? "") ? 1 : 2).join("/");
}

function metadataOf(entries: readonly ZipEntry[]): Headers | null {
  const entry = entries.find(({ name }) => /^[^/]+\.dist-info\/METADATA$/.test(name));
  if (!entry || entry.size > MOST_METADATA_BYTES) return null;
  try {
    return parseHeaders(decodeText(entry.read(), entry.name), "METADATA");
  } catch (thrown) {
    if (thrown instanceof FormatError) return null;
    throw thrown;
  }
}

/** Sizes by folder and METADATA's requirements; what can't be read is left out, the checks tell of it. */
export function wheelContents(bytes: Uint8Array): WheelContents {
  const { entries, problems } = inspectZip(bytes);
  const files = (entries ?? []).filter(({ isFolder }) => !isFolder);
  const folders = new Map<string, WheelContents["folders"][number]>();
  for (const { name, size, compressedSize } of files) {
    const path = folderOf(name);
    const folder = folders.get(path) ?? { path, files: 0, bytes: 0, packed: 0 };
    folder.files++;
    folder.bytes += size;
    folder.packed += compressedSize;
    folders.set(path, folder);
  }
  // Nothing of a suspect archive is inflated.
  const metadata = problems.length === 0 ? metadataOf(files) : null;
  const requires = metadata ? allOf(metadata, "Requires-Dist").slice(0, MOST_REQUIREMENTS) : [];
  return {
    files: files.length,
    unpacked: files.reduce((sum, { size }) => sum + size, 0),
    folders: [...folders.values()].sort((a, b) => b.packed - a.packed).slice(0, MOST_FOLDERS),
    requiresPython: metadata && oneOf(metadata, "Requires-Python"),
    requires: requires.map((line) => line.slice(0, TOLD)),
    lacks: lacksOf(
      files.map(({ name }) => name),
      metadata && oneOf(metadata, "Version"),
      requires,
    ),
  };
}

/** The part of `verify --json` that tells where a feature is first used. */
export const firstUseSchema = z.object({
  path: z.string().describe("The library"),
  feature: z.string(),
  address: z.string().describe("In the library, hexadecimal"),
  symbol: z.string().nullable(),
  instruction: z.string(),
});

/** The first instruction of a feature in a library. */
export type FirstUse = z.infer<typeof firstUseSchema>;

/** Where each library first uses each feature, for whoever wants to look with a disassembler. */
export function firstUses(audits: readonly AuditFacts[]): FirstUse[] {
  return audits.flatMap(({ path, samples }) => {
    const seen = new Set<string>();
    return samples.flatMap(({ feature, address, symbol, instruction }) => {
      if (seen.has(feature)) return [];
      seen.add(feature);
      return [{ path, feature, address, symbol, instruction }];
    });
  });
}
