import { FormatError } from "./format-error.ts";
import { formatHeaders, type Headers, oneOf, withHeader } from "./metadata.ts";
import { compressTags, escapeName, expandTags, formatWheelFileName } from "./names.ts";
import { formatRecord, recordHash } from "./record.ts";
import { distInfoName, type WheelFile } from "./wheel-file.ts";
import type { ZipEntry } from "./zip-reader.ts";
import { type NewEntry, writeZip } from "./zip-writer.ts";

export interface WheelChange {
  /** New distribution name. */
  name?: string;
  version?: string;
  /** Applied to METADATA after name and version. */
  metadata?: (metadata: Headers) => Headers;
  tags?: readonly string[];
  /** What stands outside the dist-info folder, in place of what the wheel has there, which is not read then. */
  content?: readonly NewEntry[];
  /** Files of the dist-info folder by name, in place of what the wheel has there; null for one that is left out. */
  info?: Readonly<Record<string, string | null>>;
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

const inflated = ({ name, read, mode }: ZipEntry): NewEntry => ({
  name,
  data: read(),
  mode: permissions(mode),
});

/** What stands outside a wheel's dist-info folder, inflated, with the permissions that installers keep. @throws FormatError */
export function contentOf(wheel: WheelFile): NewEntry[] {
  return wheel.entries
    .filter(({ name, isFolder }) => !isFolder && !name.startsWith(`${wheel.distInfo}/`))
    .map(inflated);
}

/** The files of the dist-info folder that a rewritten wheel takes over. */
function infoOf(wheel: WheelFile, folder: string): NewEntry[] {
  const prefix = `${wheel.distInfo}/`;
  return wheel.entries
    .filter(
      ({ name, isFolder }) => !isFolder && name.startsWith(prefix) && !DROPPED.has(name.slice(prefix.length)),
    )
    .map((entry) => ({ ...inflated(entry), name: `${folder}/${entry.name.slice(prefix.length)}` }));
}

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

  const moved = (entry: NewEntry): NewEntry =>
    entry.name.startsWith(oldData)
      ? { ...entry, name: `${dataFolder}/${entry.name.slice(oldData.length)}` }
      : entry;
  const content = (change.content ?? contentOf(wheel)).map(moved);
  const changed = new Map(Object.entries(change.info ?? {}));
  const info = infoOf(wheel, folder).filter(({ name: path }) => !changed.has(path.slice(folder.length + 1)));
  const text = (file: string, body: string): NewEntry => ({
    name: `${folder}/${file}`,
    data: Buffer.from(body),
    mode: 0o644,
  });
  for (const [file, body] of changed) if (body !== null) info.push(text(file, body));
  info.push(text("METADATA", formatHeaders(metadata)));
  info.push(text("WHEEL", formatHeaders(withHeader(wheel.wheel, "Tag", tags))));
  const byName = (a: NewEntry, b: NewEntry): number => (a.name < b.name ? -1 : 1);
  const entries = [...content.sort(byName), ...info.sort(byName)];
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
