import { FormatError } from "./format-error.ts";
import { formatHeaders, type Headers, oneOf, withHeader } from "./metadata.ts";
import { compressTags, escapeName, expandTags, formatWheelFileName } from "./names.ts";
import { formatRecord, recordHash } from "./record.ts";
import { distInfoName, type WheelFile } from "./wheel-file.ts";
import { type NewEntry, writeZip } from "./zip-writer.ts";

export interface WheelChange {
  /** New distribution name. */
  name?: string;
  version?: string;
  /** Applied to METADATA after name and version. */
  metadata?: (metadata: Headers) => Headers;
  tags?: readonly string[];
  /** Applied to everything outside the dist-info folder, after renaming. */
  files?: (files: NewEntry[]) => NewEntry[];
  /** Level of deflate, 9 where left out; 0 for a wheel that is soon written anew. */
  level?: number;
  /** Time of every entry. */
  mtime: Date;
}

/** Made by installers or for other bytes; they have no place in a new wheel. */
const DROPPED = new Set([
  "RECORD",
  "RECORD.jws",
  "RECORD.p7s",
  "INSTALLER",
  "REQUESTED",
  "direct_url.json",
  "METADATA",
  "WHEEL",
]);

const permissions = (mode: number): number => (mode & 0o111 ? 0o755 : 0o644);

/**
 * A wheel with another name, version, metadata or tags, in which file name, folders, METADATA, WHEEL and RECORD agree.
 * Files are sorted, dist-info last and RECORD at the very end (binary distribution format, "Recommended archiver
 * features"); equal arguments give equal bytes.
 * @throws FormatError
 */
export function rewriteWheel(wheel: WheelFile, change: WheelChange): { fileName: string; bytes: Uint8Array } {
  const name = change.name ?? oneOf(wheel.metadata, "Name");
  const version = change.version ?? oneOf(wheel.metadata, "Version");
  if (name === null || version === null) throw new FormatError("METADATA", "Name or Version is missing");
  const tags = change.tags ?? expandTags(wheel.name);
  const folder = distInfoName(name, version);
  const dataFolder = distInfoName(name, version, "data");
  const oldData = `${wheel.distInfo.replace(/\.dist-info$/, "")}.data/`;
  const renamed = withHeader(withHeader(wheel.metadata, "Name", [name]), "Version", [version]);
  const metadata = change.metadata ? change.metadata(renamed) : renamed;

  const content: NewEntry[] = [];
  const info: NewEntry[] = [];
  for (const entry of wheel.entries) {
    if (entry.isFolder) continue;
    const own = { data: entry.read(), mode: permissions(entry.mode) };
    if (!entry.name.startsWith(`${wheel.distInfo}/`)) {
      const moved = entry.name.startsWith(oldData)
        ? `${dataFolder}/${entry.name.slice(oldData.length)}`
        : entry.name;
      content.push({ name: moved, ...own });
    } else {
      const file = entry.name.slice(wheel.distInfo.length + 1);
      if (!DROPPED.has(file)) info.push({ name: `${folder}/${file}`, ...own });
    }
  }
  const text = (file: string, body: string): NewEntry => ({
    name: `${folder}/${file}`,
    data: Buffer.from(body),
    mode: 0o644,
  });
  info.push(text("METADATA", formatHeaders(metadata)));
  info.push(text("WHEEL", formatHeaders(withHeader(wheel.wheel, "Tag", tags))));
  const byName = (a: NewEntry, b: NewEntry): number => (a.name < b.name ? -1 : 1);
  const files = change.files ? change.files(content) : content;
  const entries = [...files.sort(byName), ...info.sort(byName)];
  const record = entries.map(({ name: path, data }) => ({
    path,
    hash: recordHash(data),
    size: String(data.length),
  }));
  const recordPath = `${folder}/RECORD`;
  entries.push(text("RECORD", formatRecord([...record, { path: recordPath, hash: "", size: "" }])));
  const fileName = formatWheelFileName({
    ...wheel.name,
    ...compressTags(tags),
    distribution: escapeName(name),
    version: version.replaceAll("-", "_"),
  });
  return { fileName, bytes: writeZip(entries, change.mtime, change.level) };
}
