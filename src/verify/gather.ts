import { createHash } from "node:crypto";
import { foreignFormat, isElf, readElf } from "../elf/elf.ts";
import { licenseProblems, ownNameProblems } from "../wheel/dist-info-rules.ts";
import { FormatError } from "../wheel/format-error.ts";
import { indexZipProblems } from "../wheel/index-rules.ts";
import { allOf, descriptionOf, type Headers, oneOf } from "../wheel/metadata.ts";
import { expandTags, normalizeName, parseWheelFileName } from "../wheel/names.ts";
import { recordProblems } from "../wheel/record.ts";
import {
  distInfoText,
  entryPoints,
  importableNames,
  nameProblems,
  openWheel,
  tagProblems,
  type WheelFile,
} from "../wheel/wheel-file.ts";
import { inspectZip, type ZipEntry } from "../wheel/zip-reader.ts";
import type { LibraryFacts, WheelFacts } from "./facts.ts";
import { hiddenIn } from "./hidden.ts";
import { type RequirementFacts, requirementFacts } from "./requirements.ts";

/** Entry-point group by which a wheel declares its kernel checks. */
export const KERNEL_CHECKS = "cpu_wheel.kernel_checks";

/** Facts without the audits, which run elsewhere, and the libraries to audit. */
export interface Gathered {
  facts: Omit<WheelFacts, "audits">;
  libraries: { path: string; bytes: Uint8Array }[];
}

function problemOf<T>(work: () => T): { value: T | null; problem: string | null } {
  try {
    return { value: work(), problem: null };
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return { value: null, problem: thrown.message };
  }
}

const UNREAD: Omit<LibraryFacts, "path" | "problem"> = {
  architecture: "unknown",
  needed: [],
  soname: null,
  searchPaths: [],
  wantedVersions: [],
  undefinedSymbols: [],
  executableStack: false,
  textRelocations: false,
  packedRelocations: false,
  writableCode: false,
  gpuCode: false,
};

function libraryFacts(path: string, bytes: Uint8Array): LibraryFacts {
  const { value: elf, problem } = problemOf(() => readElf(bytes));
  if (!elf) return { path, problem, ...UNREAD };
  const { code: _code, functions: _functions, veiled: _veiled, ...rest } = elf;
  return { path, problem: null, ...rest };
}

/** Libraries by name; in a wheel for Linux also what Windows and macOS run, under any name. */
const isLibrary = (path: string, bytes: Uint8Array, platform: string): boolean =>
  isElf(bytes) ||
  /\.(so(\.\d+)*|pyd|dll|dylib)$/.test(path) ||
  (platform.includes("linux") && foreignFormat(bytes) !== null);

interface Opened {
  wheel: WheelFile | null;
  problem: string | null;
}

function metadataFacts(
  metadata: Headers | null,
  tags: readonly string[],
): Pick<WheelFacts, "description" | "version" | "distribution" | keyof RequirementFacts> {
  const name = metadata && oneOf(metadata, "Name");
  return {
    ...requirementFacts(metadata ? allOf(metadata, "Requires-Dist") : [], tags),
    description: metadata ? descriptionOf(metadata) : "",
    version: metadata && oneOf(metadata, "Version"),
    distribution: name ? normalizeName(name) : null,
  };
}

/** Every entry, read once: RECORD's hashes and the zip's CRCs are checked on the same bytes. */
function readAll(entries: readonly ZipEntry[]): { files: Map<string, Uint8Array>; problems: string[] } {
  const files = new Map<string, Uint8Array>();
  const problems: string[] = [];
  for (const entry of entries) {
    if (entry.isFolder) continue;
    const { value, problem } = problemOf(() => entry.read());
    if (value) files.set(entry.name, value);
    else problems.push(problem ?? entry.name);
  }
  return { files, problems };
}

/**
 * Reads a wheel's bytes into what the static checks look at. Never throws for what is in the bytes: every defect
 * becomes a problem that a check reports.
 */
export function gather(fileName: string, bytes: Uint8Array): Gathered {
  const { entries, problems: unsound } = inspectZip(bytes);
  const problems = [...unsound, ...indexZipProblems(bytes, entries ?? [])];
  const named = problemOf(() => parseWheelFileName(fileName));
  // An archive that is itself suspect is not inflated: its sizes may be a bomb's.
  const trusted = problems.length === 0 && entries !== null;
  const { files, problems: unread } = trusted
    ? readAll(entries)
    : { files: new Map<string, Uint8Array>(), problems: [] };
  const opened: Opened = trusted
    ? (({ value, problem }) => ({ wheel: value, problem }))(problemOf(() => openWheel(fileName, entries)))
    : { wheel: null, problem: "the archive is broken" };
  const { wheel } = opened;
  const unopened = opened.problem === null ? [] : [opened.problem];
  const libraries = [...files]
    .filter(([path, data]) => isLibrary(path, data, named.value?.platform ?? ""))
    .map(([path, data]) => ({ path, bytes: data }));
  const points = wheel ? problemOf(() => distInfoText(wheel, "entry_points.txt")).value : null;
  return {
    facts: {
      fileName,
      size: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      zipProblems: [
        ...problems.map(({ entry, problem }) => (entry === null ? problem : `${entry}: ${problem}`)),
        ...unread,
      ],
      hidden: hiddenIn(files),
      recordProblems: wheel
        ? [...recordProblems(wheel.record, files, wheel.distInfo), ...licenseProblems(wheel)]
        : unopened,
      recordFiles: wheel?.record.length ?? 0,
      nameProblems: wheel ? [...nameProblems(wheel), ...ownNameProblems(wheel)] : unopened,
      tagProblems: wheel ? tagProblems(wheel) : unopened,
      tags: named.value ? expandTags(named.value) : [],
      platformTags: named.value?.platform.split(".") ?? [],
      ...metadataFacts(wheel?.metadata ?? null, named.value ? expandTags(named.value) : []),
      packages: wheel ? importableNames(wheel) : [],
      kernelChecks: points ? entryPoints(points, KERNEL_CHECKS) : [],
      libraries: libraries.map(({ path, bytes: data }) => libraryFacts(path, data)),
    },
    libraries,
  };
}
