import { createHash } from "node:crypto";
import { isElf, readElf } from "../elf/elf.ts";
import { FormatError } from "../wheel/format-error.ts";
import { linuxEnvironment, type MarkerEnvironment, markerHolds } from "../wheel/marker.ts";
import { allOf, descriptionOf, type Headers, oneOf } from "../wheel/metadata.ts";
import { expandTags, normalizeName, parseWheelFileName } from "../wheel/names.ts";
import { recordProblems } from "../wheel/record.ts";
import { isFor, parseRequirement, pinnedVersion } from "../wheel/requirement.ts";
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
import type { LibraryFacts, TorchRequirement, WheelFacts } from "./facts.ts";

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
};

function libraryFacts(path: string, bytes: Uint8Array): LibraryFacts {
  const { value: elf, problem } = problemOf(() => readElf(bytes));
  if (!elf) return { path, problem, ...UNREAD };
  const { code: _code, functions: _functions, veiled: _veiled, ...rest } = elf;
  return { path, problem: null, ...rest };
}

const looksLikeLibrary = (path: string): boolean => /\.(so(\.\d+)*|pyd|dll|dylib)$/.test(path);

/** Environments that the wheel's tags let it be installed in: CPython on Linux, by architecture and minor version. */
function environmentsOf(tags: readonly string[]): MarkerEnvironment[] {
  const minors = new Set<number>();
  const architectures = new Set<string>();
  for (const tag of tags) {
    const [, minor, abi] = /^cp3(\d+)-([^-]+)-/.exec(tag) ?? [];
    const first = minor === undefined ? OLDEST_MINOR : Number(minor);
    const last = minor === undefined || abi === "abi3" ? Math.max(first, NEWEST_MINOR) : first;
    for (let one = first; one <= last; one++) minors.add(one);
    architectures.add(/_(x86_64|aarch64|ppc64le|s390x|riscv64)$/.exec(tag)?.[1] ?? "x86_64");
  }
  return [...architectures].flatMap((architecture) =>
    [...minors].map((minor) => linuxEnvironment(architecture, `3.${minor}`)),
  );
}

/** Minor versions of Python 3 that a tag such as py3 or abi3 is asked for. */
const [OLDEST_MINOR, NEWEST_MINOR] = [8, 14];

/** A marker that can't be read counts as holding, so that none hides a requirement. */
function mayHold(marker: string, environments: readonly MarkerEnvironment[]): boolean {
  const { value } = problemOf(() => environments.some((one) => markerHolds(marker, one)));
  return value ?? true;
}

const harm = ({ isDirect, isLocal, pinned }: TorchRequirement): number =>
  isDirect ? 3 : isLocal ? 2 : pinned === null ? 1 : 0;

/** Of the requirements on torch that hold somewhere the wheel goes, the one that harms most. */
function torchRequirementOf(lines: readonly string[], tags: readonly string[]): TorchRequirement | null {
  const environments = environmentsOf(tags);
  const found = lines.flatMap((line): TorchRequirement[] => {
    const { value } = problemOf(() => parseRequirement(line));
    if (!value || !isFor(value, "torch") || !mayHold(value.marker, environments)) return [];
    const isLocal = value.specifier.includes("+");
    return [{ line, pinned: pinnedVersion(value), isLocal, isDirect: value.url !== null }];
  });
  return found.sort((a, b) => harm(b) - harm(a))[0] ?? null;
}

const GPU_REQUIREMENT = /^\s*(nvidia|cuda)[-_.]/i;

/** True for what only `pip install name[extra]` brings: whoever asks for a GPU's decoder by name wants it. */
function isOfAnExtra(line: string): boolean {
  const { value } = problemOf(() => parseRequirement(line));
  return value !== null && /\bextra\b/.test(value.marker);
}

interface Opened {
  wheel: WheelFile | null;
  problem: string | null;
}

function metadataFacts(
  metadata: Headers | null,
  tags: readonly string[],
): Pick<WheelFacts, "torch" | "gpuRequirements" | "description" | "version" | "distribution"> {
  const requirements = metadata ? allOf(metadata, "Requires-Dist") : [];
  const name = metadata && oneOf(metadata, "Name");
  return {
    torch: torchRequirementOf(requirements, tags),
    gpuRequirements: requirements.filter((line) => GPU_REQUIREMENT.test(line) && !isOfAnExtra(line)),
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
  const { entries, problems } = inspectZip(bytes);
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
    .filter(([path, data]) => isElf(data) || looksLikeLibrary(path))
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
      recordProblems: wheel ? recordProblems(wheel.record, files, wheel.distInfo) : unopened,
      recordFiles: wheel?.record.length ?? 0,
      nameProblems: wheel ? nameProblems(wheel) : unopened,
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
