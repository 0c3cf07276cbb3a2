import { attempt } from "./format-error.ts";
import { allOf, descriptionOf, type Headers, oneOf } from "./metadata.ts";
import { expandTags, normalizeName, parseWheelFileName } from "./names.ts";
import { isUploadTag } from "./platform-tags.ts";
import { parseRequirement } from "./requirement.ts";
import { isVersion } from "./version.ts";
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

/** Source: core metadata specification; 2.0 was never adopted. */
const METADATA_VERSIONS = ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"];
const SUMMARY_CHARACTERS = 512;
/** Fields by the Metadata-Version that brought them. Source: core metadata specification, "History"; packaging, metadata.py. */
const SINCE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "1.0":
      "metadata-version name version platform summary description keywords home-page author author-email license",
    "1.1": "supported-platform download-url classifier requires provides obsoletes",
    "1.2":
      "maintainer maintainer-email requires-dist provides-dist obsoletes-dist requires-python requires-external project-url",
    "2.1": "description-content-type provides-extra",
    "2.2": "dynamic",
    "2.4": "license-expression license-file",
    "2.5": "import-name import-namespace",
  }).flatMap(([version, fields]) => fields.split(" ").map((field) => [field, version] as const)),
);
const NEVER_DYNAMIC: ReadonlySet<string> = new Set(["name", "version", "metadata-version"]);

function metadataProblems(document: Headers): string[] {
  const problems: string[] = [];
  const version = oneOf(document, "Metadata-Version") ?? "none";
  if (!METADATA_VERSIONS.includes(version))
    problems.push(`Metadata-Version ${version} is not one of ${METADATA_VERSIONS.join(", ")}`);
  const summary = oneOf(document, "Summary") ?? "";
  if (summary.length > SUMMARY_CHARACTERS)
    problems.push(`Summary has ${summary.length} characters; ${SUMMARY_CHARACTERS} are the most`);
  if (summary.includes("\n")) problems.push("Summary has more than one line");
  const order = METADATA_VERSIONS.indexOf(version);
  for (const name of new Set(document.headers.map((header) => header.name.toLowerCase()))) {
    const since = SINCE.get(name);
    if (since === undefined) problems.push(`${name.slice(0, 80)} is no field of core metadata`);
    else if (order >= 0 && METADATA_VERSIONS.indexOf(since) > order)
      problems.push(`${name} came with Metadata-Version ${since}; METADATA says ${version}`);
  }
  for (const name of allOf(document, "Dynamic"))
    if (NEVER_DYNAMIC.has(name.toLowerCase()) || !SINCE.has(name.toLowerCase()))
      problems.push(`Dynamic names ${name.slice(0, 80)}, which can't be`);
  return problems;
}

/** Source: core metadata specification, "Description-Content-Type". */
function descriptionProblems(document: Headers): string[] {
  const stated = oneOf(document, "Description-Content-Type");
  if (stated === null) return [];
  const [type = "", ...parameters] = stated.split(";").map((part) => part.trim());
  const problems: string[] = [];
  if (!["text/plain", "text/x-rst", "text/markdown"].includes(type.toLowerCase()))
    problems.push(`Description-Content-Type ${type} is not text/plain, text/x-rst or text/markdown`);
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=").map((part) => part.trim().replaceAll('"', ""));
    if (name.toLowerCase() === "charset" && value.toUpperCase() !== "UTF-8")
      problems.push(`the description's charset is ${value}, not UTF-8`);
    if (name.toLowerCase() === "variant" && !["GFM", "CommonMark"].includes(value))
      problems.push(`the description's variant is ${value}, not GFM or CommonMark`);
  }
  if (descriptionOf(document).trim() === "") problems.push("the description is empty");
  return problems;
}

/** True for a requirement by URL, and for one that can't be read, which may be one. */
function isDirect(line: string): boolean {
  const requirement = attempt(() => parseRequirement(line));
  return requirement === null || requirement.url !== null;
}

/** What an upload index goes by. */
export interface IndexedFile {
  fileName: string;
  version: string;
  /** METADATA. */
  document: Headers;
}

/**
 * What an upload index refuses in a wheel's name, version and metadata, whatever was proven of it.
 * Source: warehouse, forklift/legacy.py; core metadata specification; PEP 440, PEP 600, PEP 656.
 * @returns one text a rule that is broken
 * @throws FormatError where the file name is no wheel's
 */
export function indexFileProblems({ fileName, version, document }: IndexedFile): string[] {
  const problems: string[] = [];
  const name = parseWheelFileName(fileName);
  if (!isVersion(version)) problems.push(`${version} is no version that PEP 440 knows`);
  if (version.includes("+"))
    problems.push(`${version} has a local part (+…), which a public index does not take (PEP 440)`);
  const escaped = normalizeName(name.distribution).replaceAll("-", "_");
  if (name.distribution !== escaped)
    problems.push(`the file name begins with ${name.distribution}, its normalised form is ${escaped}`);
  const platforms = new Set(expandTags(name).map((tag) => tag.split("-")[2] ?? ""));
  for (const platform of platforms)
    if (!isUploadTag(platform))
      problems.push(
        `the platform tag ${platform} is not taken; a Linux wheel needs manylinux or musllinux (PEP 600, PEP 656)`,
      );
  for (const line of allOf(document, "Requires-Dist"))
    if (isDirect(line))
      problems.push(`${line.slice(0, 200)} names a URL, which a public index does not take (PEP 440)`);
  return [...problems, ...metadataProblems(document), ...descriptionProblems(document)];
}
