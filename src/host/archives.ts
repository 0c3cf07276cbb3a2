import { dirname, join, normalize } from "node:path/posix";
import { extract } from "tar";
import { makeDir } from "./files.ts";

/** Bounds on what is believed of a source archive. */
const MOST_ENTRIES = 200_000;
const MOST_BYTES = 4 * 1024 ** 3;

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
  let entries = 0;
  let bytes = 0;
  await extract({
    file: archive,
    cwd: to,
    strip,
    strict: true,
    filter(path, entry) {
      entries++;
      bytes += entry.size ?? 0;
      if (entries > MOST_ENTRIES) throw new Error(`it has more than ${MOST_ENTRIES} entries`);
      if (bytes > MOST_BYTES) throw new Error(`it unpacks to more than ${MOST_BYTES} bytes`);
      if (path.split("/").includes("..") || path.startsWith("/"))
        throw new Error(`it holds ${JSON.stringify(path)}, which leaves its folder`);
      const type = "type" in entry ? entry.type : "File";
      if (!["File", "OldFile", "ContiguousFile", "Directory", "SymbolicLink", "Link"].includes(type))
        throw new Error(`it holds ${JSON.stringify(path)}, a ${type}`);
      if (type === "SymbolicLink" || type === "Link") {
        const target = "linkpath" in entry ? (entry.linkpath ?? "") : "";
        const inside = path.split("/").slice(strip).join("/");
        const leads =
          type === "Link" ? target.split("/").slice(strip).join("/") : join(dirname(inside), target);
        if (target.startsWith("/") || normalize(leads).split("/")[0] === "..")
          throw new Error(`it holds ${JSON.stringify(path)}, a link to ${JSON.stringify(target)}`);
      }
      return true;
    },
  });
}
