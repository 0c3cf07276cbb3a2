import { createHash } from "node:crypto";
import { FormatError } from "../wheel/format-error.ts";
import { linuxEnvironment, type MarkerEnvironment, markerHolds } from "../wheel/marker.ts";
import { allOf, descriptionOf, type Headers, oneOf } from "../wheel/metadata.ts";
import { expandTags, normalizeName, parseWheelFileName } from "../wheel/names.ts";
import { algorithmOf, type DigestAlgorithm, type FileDigest, recordProblems } from "../wheel/record.ts";
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
import { contentFacts, type EntryFacts, unreadFacts } from "./entry-facts.ts";
import type { TorchRequirement, WheelFacts } from "./facts.ts";

/** Entry-point group by which a wheel declares its kernel checks. */
export const KERNEL_CHECKS = "cpu_wheel.kernel_checks";

function problemOf<T>(work: () => T): { value: T | null; problem: string | null } {
  try {
    return { value: work(), problem: null };
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return { value: null, problem: thrown.message };
  }
}

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

/** A wheel of which the directory and the dist-info folder are read, and what is left to read of it. */
export interface OpenedWheel {
  fileName: string;
  bytes: Uint8Array;
  wheel: WheelFile | null;
  /** Why the dist-info folder could not be read. */
  unopened: string[];
  zipProblems: string[];
  /** What is to be inflated; nothing of an archive that is itself suspect, since its sizes may be a bomb's. */
  entries: ZipEntry[];
  /** How RECORD hashes each file. */
  algorithms: ReadonlyMap<string, DigestAlgorithm>;
  facts: Pick<
    WheelFacts,
    | "nameProblems"
    | "tagProblems"
    | "tags"
    | "platformTags"
    | "torch"
    | "gpuRequirements"
    | "description"
    | "version"
    | "distribution"
    | "packages"
    | "kernelChecks"
  >;
}

/** Reads a wheel's directory and dist-info folder; what is wrong with them becomes problems. */
export function openForFacts(fileName: string, bytes: Uint8Array): OpenedWheel {
  const { entries, problems } = inspectZip(bytes);
  const named = problemOf(() => parseWheelFileName(fileName)).value;
  const trusted = problems.length === 0 && entries !== null;
  const opened: Opened = trusted
    ? (({ value, problem }) => ({ wheel: value, problem }))(problemOf(() => openWheel(fileName, entries)))
    : { wheel: null, problem: "the archive is broken" };
  const { wheel } = opened;
  const unopened = opened.problem === null ? [] : [opened.problem];
  const points = wheel ? problemOf(() => distInfoText(wheel, "entry_points.txt")).value : null;
  const tags = named ? expandTags(named) : [];
  return {
    fileName,
    bytes,
    wheel,
    unopened,
    zipProblems: problems.map(({ entry, problem }) => (entry === null ? problem : `${entry}: ${problem}`)),
    entries: trusted ? entries.filter(({ isFolder }) => !isFolder) : [],
    algorithms: new Map((wheel?.record ?? []).map(({ path, hash }) => [path, algorithmOf(hash)])),
    facts: {
      nameProblems: wheel ? nameProblems(wheel) : unopened,
      tagProblems: wheel ? tagProblems(wheel) : unopened,
      tags,
      platformTags: named?.platform.split(".") ?? [],
      ...metadataFacts(wheel?.metadata ?? null, tags),
      packages: wheel ? importableNames(wheel) : [],
      kernelChecks: points ? entryPoints(points, KERNEL_CHECKS) : [],
    },
  };
}

/**
 * The facts of a wheel whose entries have been read.
 * @param read what reading each entry gave, by its name
 */
export function gatherFacts(
  { fileName, bytes, wheel, unopened, zipProblems, entries, facts }: OpenedWheel,
  sha256: string,
  read: ReadonlyMap<string, EntryFacts>,
): Omit<WheelFacts, "audits"> {
  const inOrder = entries.flatMap(({ name }) => read.get(name) ?? []);
  const good = inOrder.flatMap(({ path, file }): [string, FileDigest][] => (file ? [[path, file]] : []));
  return {
    fileName,
    size: bytes.length,
    sha256,
    zipProblems: [...zipProblems, ...inOrder.flatMap(({ problem }) => problem ?? [])],
    recordProblems: wheel ? recordProblems(wheel.record, new Map(good)) : unopened,
    recordFiles: wheel?.record.length ?? 0,
    ...facts,
    libraries: inOrder.flatMap(({ library }) => library ?? []),
  };
}

/** Reads every entry in this thread. */
export function readHere({ entries, algorithms }: OpenedWheel): Map<string, EntryFacts> {
  return new Map(
    entries.map((entry) => {
      const { value, problem } = problemOf(() => entry.read());
      const algorithm = algorithms.get(entry.name) ?? "sha256";
      const facts = value ? contentFacts(entry.name, value, algorithm) : unreadFacts(entry.name, problem);
      return [entry.name, facts];
    }),
  );
}

/**
 * Reads a wheel's bytes into what the static checks look at, but for its machine code. Never throws for what is in the
 * bytes: every defect becomes a problem that a check reports.
 */
export function gather(fileName: string, bytes: Uint8Array): { facts: Omit<WheelFacts, "audits"> } {
  const opened = openForFacts(fileName, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { facts: gatherFacts(opened, sha256, readHere(opened)) };
}
