import { attempt } from "../../wheel/format-error.ts";
import { allOf, descriptionOf, type Headers, oneOf } from "../../wheel/metadata.ts";
import { expandTags, normalizeName, parseWheelFileName } from "../../wheel/names.ts";
import { isUploadTag } from "../../wheel/platform-tags.ts";
import { parseRequirement } from "../../wheel/requirement.ts";
import { isVersion } from "../../wheel/version.ts";

/** What a kind of target refuses whatever a wheel's proof says. */
export interface Limits {
  /** Bytes of one file. */
  file: number;
  /** Bytes of all files of a project; null where the target has no such limit. */
  project: number | null;
  /** True for an upload index: its rules on versions, tags and metadata count. */
  isUploadIndex: boolean;
}

const MIB = 1024 ** 2;

/** PyPI's default limits: 100 MiB a file, 10 GiB a project; it grants more on request (its help, "Storage Limits"). */
export const PYPI_LIMITS: Limits = { file: 100 * MIB, project: 10 * 1024 * MIB, isUploadIndex: true };

/** Other servers have each their own limits of size, if any. */
export const UPLOAD_LIMITS: Limits = { file: Number.MAX_SAFE_INTEGER, project: null, isUploadIndex: true };

/** A target's limits with what a project was granted. @param mib of a file @param gib of a project */
export function withGranted(limits: Limits, mib: number | null, gib: number | null): Limits {
  return {
    ...limits,
    file: mib === null ? limits.file : mib * MIB,
    project: gib === null ? limits.project : gib * 1024 * MIB,
  };
}

/** GitHub takes assets below 2 GiB. Source: GitHub documentation, "About releases", "Storage and bandwidth quotas". */
export const RELEASE_LIMITS: Limits = { file: 2 * 1024 * MIB - 1, project: null, isUploadIndex: false };

export const FOLDER_LIMITS: Limits = { file: Number.MAX_SAFE_INTEGER, project: null, isUploadIndex: false };

/** Source: core metadata specification; 2.0 was never adopted. */
const METADATA_VERSIONS = ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"];
const SUMMARY_CHARACTERS = 512;
export interface Subject {
  fileName: string;
  version: string;
  /** Bytes. */
  size: number;
  /** METADATA. */
  document: Headers;
}

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

function metadataProblems(document: Headers): string[] {
  const problems: string[] = [];
  const version = oneOf(document, "Metadata-Version") ?? "none";
  if (!METADATA_VERSIONS.includes(version))
    problems.push(`Metadata-Version ${version} is not one of ${METADATA_VERSIONS.join(", ")}`);
  const summary = oneOf(document, "Summary") ?? "";
  if (summary.length > SUMMARY_CHARACTERS)
    problems.push(`Summary has ${summary.length} characters; ${SUMMARY_CHARACTERS} are the most`);
  if (summary.includes("\n")) problems.push("Summary has more than one line");
  for (const name of ["License-File", "Dynamic"])
    if (allOf(document, name).length > 0 && Number(version) < 2.2)
      problems.push(`${name} needs a later Metadata-Version than ${version}`);
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

function indexProblems({ fileName, version, document }: Subject): string[] {
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

/**
 * Every rule of the target that a wheel breaks, so that all are known before the first byte goes.
 * @param projectBytes what the project's files take already, bytes
 */
export function ruleProblems(subject: Subject, limits: Limits, projectBytes: number): string[] {
  const problems = limits.isUploadIndex ? indexProblems(subject) : [];
  if (subject.size > limits.file)
    problems.push(`it has ${mib(subject.size)}; the target takes ${mib(limits.file)} a file`);
  if (limits.project !== null && projectBytes + subject.size > limits.project)
    problems.push(`the project would have ${mib(projectBytes + subject.size)} of ${mib(limits.project)}`);
  return problems;
}
