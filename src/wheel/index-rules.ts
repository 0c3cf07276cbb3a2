import type { ZipEntry, ZipProblem } from "./zip-reader.ts";

const MIB = 1024 ** 2;
/** An archive that inflates beyond this is held to the ratio below. Source: warehouse, forklift/legacy.py. */
const RATIO_FREE_BYTES = 64 * MIB;
const RATIO = 50;

/** True for bytes that a tar reader takes as well: a header block with its checksum right (POSIX ustar). */
function isTarToo(bytes: Uint8Array): boolean {
  if (bytes.length < 512) return false;
  const stated = /^ *([0-7]+)[ \0]*$/.exec(Buffer.from(bytes.subarray(148, 156)).toString("latin1"))?.[1];
  if (stated === undefined) return false;
  // The checksum's own eight bytes count as blanks.
  let sum = 8 * 32;
  for (let at = 0; at < 512; at++) if (at < 148 || at >= 156) sum += bytes[at] ?? 0;
  return sum === Number.parseInt(stated, 8);
}

/**
 * What a package index refuses in an archive beyond what makes a zip unsound; looked at before anything is inflated.
 * Source: warehouse, forklift/legacy.py (`_is_valid_dist_file`) and utils/zipfiles.py.
 * @param bytes the archive
 */
export function indexZipProblems(bytes: Uint8Array, entries: readonly ZipEntry[]): ZipProblem[] {
  const problems: ZipProblem[] = [];
  for (const { name, isStreamed, comment } of entries) {
    if (isStreamed) problems.push({ entry: name, problem: "it has a data descriptor, which indexes refuse" });
    if (comment > 0) problems.push({ entry: name, problem: "it has a comment, which indexes refuse" });
  }
  const inflated = entries.reduce((sum, { size }) => sum + size, 0);
  if (inflated > RATIO_FREE_BYTES && inflated > RATIO * bytes.length)
    problems.push({
      entry: null,
      problem: `it inflates ${Math.round(inflated / bytes.length)}-fold, to ${Math.round(inflated / MIB)} MiB; that is a bomb's ratio`,
    });
  if (isTarToo(bytes)) problems.push({ entry: null, problem: "it is a tar archive too" });
  return problems;
}
