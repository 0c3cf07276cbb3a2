import { dirname, join, normalize } from "node:path/posix";
import { makeDir } from "./files.ts";

/** Bounds on what is believed of a source archive. */
const MOST_ENTRIES = 200_000;
const MOST_BYTES = 4 * 1024 ** 3;

const KINDS = new Set(["File", "OldFile", "ContiguousFile", "Directory", "SymbolicLink", "Link"]);

/**
 * Unpacks a tar archive, compressed or not, without its first folder level where asked to.
 * Nothing is written outside the folder: an archive with `..`, an absolute name, a device, a link that leaves the
 * folder, more than 200,000 entries or 4 GiB is refused. Source: PEP 721 (what an sdist may hold).
 * @param to made if absent; empty before
 * @param strip leading folders that are cut off
 * Throws an Error that says what is wrong with the archive.
 */
export async function unpackTar(archive: string, to: string, strip: number): Promise<void> {
  await makeDir(to);
  // Only builds of fetched sources need it.
  const { extract } = await import("tar");
  let entries = 0;
  let bytes = 0;
  let problem: string | null = null;
  const problemOf = (path: string, entry: object & { size?: number }): string | null => {
    entries++;
    bytes += entry.size ?? 0;
    if (entries > MOST_ENTRIES) return `it has more than ${MOST_ENTRIES} entries`;
    if (bytes > MOST_BYTES) return `it unpacks to more than ${MOST_BYTES} bytes`;
    if (path.split("/").includes("..") || path.startsWith("/"))
      return `it holds ${JSON.stringify(path)}, which leaves its folder`;
    const type = "type" in entry ? String(entry.type) : "File";
    if (!KINDS.has(type)) return `it holds ${JSON.stringify(path)}, a ${type}`;
    if (type !== "SymbolicLink" && type !== "Link") return null;
    const target = "linkpath" in entry ? String(entry.linkpath ?? "") : "";
    const inside = path.split("/").slice(strip).join("/");
    const leads = type === "Link" ? target.split("/").slice(strip).join("/") : join(dirname(inside), target);
    return target.startsWith("/") || normalize(leads).split("/")[0] === ".."
      ? `it holds ${JSON.stringify(path)}, a link to ${JSON.stringify(target)}`
      : null;
  };
  await extract({
    file: archive,
    cwd: to,
    strip,
    strict: true,
    preservePaths: true,
    // An error thrown here would be nobody's to catch: the archive is read by events.
    filter(path, entry) {
      problem ??= problemOf(path, entry);
      return problem === null;
    },
  });
  if (problem !== null) throw new Error(problem);
  if (entries === 0) throw new Error("it holds nothing");
}
