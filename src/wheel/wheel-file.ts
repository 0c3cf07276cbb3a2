import { FormatError } from "./format-error.ts";
import { allOf, type Headers, oneOf, parseHeaders } from "./metadata.ts";
import { escapeName, expandTags, normalizeName, parseWheelFileName, type WheelFileName } from "./names.ts";
import { parseRecord, type RecordLine } from "./record.ts";
import { isVersion } from "./version.ts";
import type { ZipEntry } from "./zip-reader.ts";

/** A wheel's inside, read far enough to check or rewrite it. */
export interface WheelFile {
  fileName: string;
  name: WheelFileName;
  /** NAME-VERSION.dist-info, without a slash. */
  distInfo: string;
  entries: ZipEntry[];
  metadata: Headers;
  wheel: Headers;
  record: RecordLine[];
}

const decode = (entry: ZipEntry): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(entry.read());
  } catch (thrown) {
    if (thrown instanceof FormatError) throw thrown;
    throw new FormatError(entry.name, "it is no UTF-8 text");
  }
};

/** Text files of a dist-info folder have no business being larger; bytes. */
const TEXT_LIMIT = 16 * 1024 ** 2;

/**
 * Reads a wheel's dist-info.
 * @param entries of its archive
 * @throws FormatError where there is no single dist-info folder with METADATA, WHEEL and RECORD
 */
export function openWheel(fileName: string, entries: ZipEntry[]): WheelFile {
  const name = parseWheelFileName(fileName);
  const folders = new Set(
    entries
      .map((entry) => /^([^/]+\.dist-info)\//.exec(entry.name)?.[1])
      .filter((folder) => folder !== undefined),
  );
  const [distInfo, ...others] = folders;
  if (!distInfo || others.length > 0)
    throw new FormatError(fileName, `it has ${folders.size} dist-info folders, not one`);
  const text = (file: string): string => {
    const entry = entries.find((candidate) => candidate.name === `${distInfo}/${file}`);
    if (!entry) throw new FormatError(fileName, `there is no ${distInfo}/${file}`);
    if (entry.size > TEXT_LIMIT) throw new FormatError(entry.name, `${entry.size} bytes are too many`);
    return decode(entry);
  };
  return {
    fileName,
    name,
    distInfo,
    entries,
    metadata: parseHeaders(text("METADATA"), "METADATA"),
    wheel: parseHeaders(text("WHEEL"), "WHEEL"),
    record: parseRecord(text("RECORD")),
  };
}

/** A text file of the dist-info folder, or null where there is none. @throws FormatError, also where it is too large */
export function distInfoText(wheel: WheelFile, file: string): string | null {
  const entry = wheel.entries.find(({ name }) => name === `${wheel.distInfo}/${file}`);
  if (entry && entry.size > TEXT_LIMIT) throw new FormatError(entry.name, `${entry.size} bytes are too many`);
  return entry ? decode(entry) : null;
}

/** Where file name, METADATA and dist-info folder disagree on name or version. */
export function nameProblems(wheel: WheelFile): string[] {
  const problems: string[] = [];
  const [name, version] = [oneOf(wheel.metadata, "Name"), oneOf(wheel.metadata, "Version")];
  for (const header of ["Name", "Version", "Metadata-Version"]) {
    const count = allOf(wheel.metadata, header).length;
    if (count !== 1) problems.push(`METADATA has ${count} lines ${header}`);
  }
  if (!isVersion(wheel.name.version))
    problems.push(`the version ${wheel.name.version} of the file name is none that PEP 440 knows`);
  if (name === null || version === null) return problems;
  if (normalizeName(wheel.name.distribution) !== normalizeName(name)) {
    problems.push(`the file name says ${wheel.name.distribution}, METADATA ${name}`);
  }
  const escaped = (text: string): string => text.replaceAll("-", "_");
  if (escaped(wheel.name.version) !== escaped(version))
    problems.push(`the file name says ${wheel.name.version}, METADATA ${version}`);
  const folder = wheel.distInfo.replace(/\.dist-info$/, "");
  const cut = folder.indexOf("-");
  if (
    normalizeName(folder.slice(0, cut)) !== normalizeName(name) ||
    escaped(folder.slice(cut + 1)) !== escaped(version)
  ) {
    problems.push(`the folder ${wheel.distInfo} does not belong to ${name} ${version}`);
  }
  return problems;
}

/** Where file name and WHEEL disagree on tags, or a library's suffix contradicts them. */
export function tagProblems(wheel: WheelFile): string[] {
  const stated = allOf(wheel.wheel, "Tag").toSorted();
  const named = expandTags(wheel.name);
  const problems: string[] = [];
  if (stated.join() !== named.join())
    problems.push(`the file name says ${named.join(", ")}; WHEEL says ${stated.join(", ") || "nothing"}`);
  const build = oneOf(wheel.wheel, "Build");
  if ((build ?? null) !== wheel.name.build)
    problems.push(`the file name has build ${wheel.name.build}, WHEEL ${build}`);
  const version = oneOf(wheel.wheel, "Wheel-Version") ?? "";
  if (!/^1\.\d+$/.test(version)) problems.push(`Wheel-Version is ${version || "missing"}, not 1.x`);
  const libraries = wheel.entries.map(({ name }) => name).filter((name) => /\.(so|pyd)$/.test(name));
  const isPure = /^true$/i.test(oneOf(wheel.wheel, "Root-Is-Purelib") ?? "");
  if (libraries.length > 0 && wheel.name.platform.split(".").includes("any"))
    problems.push(`platform any, yet it holds ${libraries[0]}`);
  if (libraries.length > 0 && isPure) problems.push(`Root-Is-Purelib, yet it holds ${libraries[0]}`);
  const abis = wheel.name.abi.split(".");
  // A suffix such as .cpython-312-x86_64-linux-gnu.so is looked for by that Python alone (PEP 3149).
  if (abis.every((abi) => /^cp\d+t?$/.test(abi)))
    for (const name of libraries) {
      const own = /\.cpython-(\d+t?)[^/]*\.so$/.exec(name)?.[1];
      if (own !== undefined && !abis.includes(`cp${own}`))
        problems.push(`tagged ${abis.join(", ")}, yet ${name} is for cp${own} alone`);
    }
  if (abis.includes("abi3")) {
    const tied = libraries.filter((name) => /\.cpython-\d+/.test(name));
    if (tied.length > 0) problems.push(`tagged abi3, yet ${tied[0]} is for one Python version`);
  }
  return problems;
}

/** Top-level names that `import` finds in the wheel: packages and single modules. */
export function importableNames(wheel: WheelFile): string[] {
  const names = wheel.entries.flatMap(({ name }) => {
    const match = /^([A-Za-z_]\w*)(?:\/__init__\.py|\.py|(?:\.[\w-]+)?\.so)$/.exec(name);
    return match?.[1] ? [match[1]] : [];
  });
  return [...new Set(names)].sort();
}

/** Names in a group of entry_points.txt. Source: entry points specification, "File format". */
export function entryPoints(text: string, group: string): string[] {
  const names: string[] = [];
  let inGroup = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[(.*)\]\s*$/.exec(line);
    if (section) inGroup = section[1]?.trim() === group;
    else if (inGroup && /^[^#;=]+=/.test(line)) names.push(line.slice(0, line.indexOf("=")).trim());
  }
  return names;
}

/** The folder name for a distribution and version. Source: binary distribution format. */
export function distInfoName(
  distribution: string,
  version: string,
  suffix: "dist-info" | "data" = "dist-info",
): string {
  return `${escapeName(distribution)}-${version.replaceAll("-", "_")}.${suffix}`;
}
