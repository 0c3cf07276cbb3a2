import type { Finding } from "../findings/findings.ts";
import { FormatError } from "./format-error.ts";
import { landingOf } from "./landing.ts";
import { allOf, type Headers, oneOf, parseHeaders } from "./metadata.ts";
import { escapeName, expandTags, normalizeName, parseWheelFileName, type WheelFileName } from "./names.ts";
import { parseRecord, type RecordLine } from "./record.ts";
import { decodeText, demandPlainLines } from "./strict-text.ts";
import { compareVersions, isVersion } from "./version.ts";
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

/** @throws FormatError, also where it is too large or readers could differ on its lines */
function textOf(entry: ZipEntry): string {
  if (entry.size > TEXT_LIMIT) throw new FormatError(entry.name, `${entry.size} bytes are too many`);
  const text = decodeText(entry.read(), entry.name);
  demandPlainLines(text, entry.name, entry.name.endsWith("/METADATA"));
  return text;
}

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
    return textOf(entry);
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
  return entry ? textOf(entry) : null;
}

/**
 * True for two spellings of one version: 2024.01.05 and 2024.1.5. A hyphen is an underscore in file names.
 * Source: PEP 440, "Normalization"; binary distribution format, "Escaping and Unicode".
 */
function isSameVersion(escaped: string, version: string): boolean {
  const plain = escaped.replaceAll("_", "-");
  return isVersion(plain) && isVersion(version)
    ? compareVersions(plain, version) === 0
    : escaped === version.replaceAll("-", "_");
}

/** Where file name, METADATA and dist-info folder disagree on name or version. */
export function nameProblems(wheel: WheelFile): Finding[] {
  const problems: Finding[] = [];
  const [name, version] = [oneOf(wheel.metadata, "Name"), oneOf(wheel.metadata, "Version")];
  for (const header of ["Name", "Version", "Metadata-Version"]) {
    const count = allOf(wheel.metadata, header).length;
    if (count !== 1) problems.push({ kind: "header-count", header, found: count });
  }
  if (!isVersion(wheel.name.version)) problems.push({ kind: "version-invalid", found: wheel.name.version });
  if (name === null || version === null) return problems;
  if (normalizeName(wheel.name.distribution) !== normalizeName(name)) {
    problems.push({
      kind: "name-differs",
      field: "name",
      expected: wheel.name.distribution,
      found: name,
    });
  }
  if (!isSameVersion(wheel.name.version, version))
    problems.push({ kind: "name-differs", field: "version", expected: wheel.name.version, found: version });
  const folder = wheel.distInfo.replace(/\.dist-info$/, "");
  const cut = folder.indexOf("-");
  if (
    normalizeName(folder.slice(0, cut)) !== normalizeName(name) ||
    !isSameVersion(folder.slice(cut + 1), version)
  ) {
    problems.push({ kind: "folder-of-another", found: wheel.distInfo, expected: `${name} ${version}` });
  }
  return problems;
}

/** What interpreters call an architecture of platform tags. Source: Debian multiarch tuples, as PEP 3149's suffixes have them. */
const TUPLES: Readonly<Record<string, readonly [machine: string, suffix: string]>> = {
  x86_64: ["x86_64", ""],
  i686: ["i386", ""],
  aarch64: ["aarch64", ""],
  armv7l: ["arm", "eabihf"],
  ppc64le: ["powerpc64le", ""],
  s390x: ["s390x", ""],
  riscv64: ["riscv64", ""],
};

/**
 * Platforms that the suffix of an extension module may name, so that an interpreter of the wheel's platform looks for it:
 * its own and no other (importlib.machinery.EXTENSION_SUFFIXES). Empty where a tag is of a platform that we know no name of.
 */
function tripletsOf(platform: string): Set<string> {
  const triplets = new Set<string>();
  for (const tag of platform.split(".")) {
    const [, system = "", architecture = ""] =
      /^(manylinux|musllinux|linux)(?:_\d+_\d+|\d*)_(\w+)$/.exec(tag) ?? [];
    const [machine, suffix = ""] = TUPLES[architecture] ?? [];
    if (machine === undefined) return new Set();
    const libcs = { manylinux: ["gnu"], musllinux: ["musl"], linux: ["gnu", "musl"] }[system] ?? [];
    for (const libc of libcs) triplets.add(`${machine}-linux-${libc}${suffix}`);
  }
  return triplets;
}

/** Tags of which some may be compressed sets, each by itself. */
function expanded(tags: readonly string[]): string[] {
  const all = tags.flatMap((tag) => {
    const [python = "", abi = "", platform = "", ...rest] = tag.split("-");
    return rest.length > 0 ? [tag] : expandTags({ python, abi, platform });
  });
  return [...new Set(all)].sort();
}

/** Where file name and WHEEL disagree on tags, or a library's suffix contradicts them. */
export function tagProblems(wheel: WheelFile): Finding[] {
  const stated = allOf(wheel.wheel, "Tag").toSorted();
  const named = expandTags(wheel.name);
  const problems: Finding[] = [];
  if (stated.join() !== named.join())
    problems.push(
      expanded(stated).join() === named.join()
        ? { kind: "tags-unexpanded", found: stated }
        : { kind: "tags-differ", expected: named, found: stated },
    );
  const build = oneOf(wheel.wheel, "Build");
  if ((build ?? null) !== wheel.name.build)
    problems.push({ kind: "build-differs", expected: wheel.name.build, found: build ?? null });
  const version = oneOf(wheel.wheel, "Wheel-Version") ?? "";
  if (!/^1\.\d+$/.test(version)) problems.push({ kind: "wheel-version", found: version });
  const libraries = wheel.entries.map(({ name }) => name).filter((name) => /\.(so|pyd)$/.test(name));
  const isPure = /^true$/i.test(oneOf(wheel.wheel, "Root-Is-Purelib") ?? "");
  const [first] = libraries;
  if (first !== undefined && wheel.name.platform.split(".").includes("any"))
    problems.push({ kind: "library-in-pure-wheel", file: first, claim: "platform any" });
  if (first !== undefined && isPure)
    problems.push({ kind: "library-in-pure-wheel", file: first, claim: "Root-Is-Purelib" });
  const abis = wheel.name.abi.split(".");
  // A suffix such as .cpython-312-x86_64-linux-gnu.so is looked for by that Python alone (PEP 3149).
  if (abis.every((abi) => /^cp\d+t?$/.test(abi)))
    for (const name of libraries) {
      const own = /\.cpython-(\d+t?)[^/]*\.so$/.exec(name)?.[1];
      if (own !== undefined && !abis.includes(`cp${own}`))
        problems.push({ kind: "library-for-one-python", file: name, expected: abis, found: `cp${own}` });
    }
  const triplets = tripletsOf(wheel.name.platform);
  for (const name of libraries) {
    const own = /\.(?:cpython-\d+[a-z]*|pypy\d+-pp\d+)-([\w-]+)\.so$/.exec(name)?.[1];
    if (own !== undefined && triplets.size > 0 && !triplets.has(own))
      problems.push({
        kind: "library-for-other-platform",
        file: name,
        expected: [...triplets].sort(),
        found: own,
      });
  }
  if (abis.includes("abi3")) {
    const tied = libraries.find((name) => /\.cpython-\d+/.test(name));
    if (tied !== undefined)
      problems.push({ kind: "library-for-one-python", file: tied, expected: ["abi3"], found: null });
  }
  return problems;
}

/** Paths of its files in site-packages. */
const inPackages = ({ entries }: WheelFile): string[] =>
  entries
    .map(({ name }) => landingOf(name))
    .filter(({ place }) => place === "packages")
    .map(({ path }) => path);

/**
 * Top-level names that `import` finds once it is installed: packages and single modules, as source, bytecode or library.
 * Source: Python, importlib.machinery, `all_suffixes()`; language reference, "Identifiers".
 */
export function importableNames(wheel: WheelFile): string[] {
  const names = inPackages(wheel).flatMap(
    (path) =>
      /^([\p{XID_Start}_]\p{XID_Continue}*)(?:\/__init__)?\.(?:py|pyc|(?:[\w-]+\.)?so)$/u.exec(path)?.[1] ??
      [],
  );
  return [...new Set(names)].sort();
}

/**
 * Top-level names that it puts beside other distributions' packages: what lies in NAME.dist-info, or is installed elsewhere, left
 * out. Source: binary distribution format, "The .data directory".
 */
export function installedNames(wheel: WheelFile): string[] {
  const tops = inPackages(wheel).map((path) => {
    const [top = "", ...below] = path.split("/");
    return below.length > 0 ? top : top.replace(/\.(py|pyc|pyi|so|[\w-]+\.so)$/, "");
  });
  return [...new Set(tops)].filter((top) => top !== "" && top !== wheel.distInfo).sort();
}

/** No regular expression: a line may have megabytes of brackets. */
function withoutBrackets(line: string): string {
  let [from, to] = [0, line.length];
  while (from < to && "[]".includes(line[from] ?? "")) from++;
  while (to > from && "[]".includes(line[to - 1] ?? "")) to--;
  return line.slice(from, to);
}

/** Names in a group of entry_points.txt. Source: entry points specification, "File format". */
export function entryPoints(text: string, group: string): string[] {
  const names: string[] = [];
  let inGroup = false;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    // As Python's importlib.metadata reads it, which takes any number of brackets, and `#` in a name.
    if (line.startsWith("[") && line.endsWith("]")) inGroup = withoutBrackets(line).trim() === group;
    else if (inGroup && !line.startsWith("#") && line.indexOf("=") > 0)
      names.push(line.slice(0, line.indexOf("=")).trim());
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
