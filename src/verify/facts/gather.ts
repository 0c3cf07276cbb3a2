import type { Finding } from "../../findings/findings.ts";
import { licenseProblems, ownNameProblems, programsOf } from "../../wheel/dist-info-rules.ts";
import { fieldProblems } from "../../wheel/fields.ts";
import { FormatError } from "../../wheel/format-error.ts";
import { indexFileProblems, indexZipProblems } from "../../wheel/index-rules.ts";
import { landingOf } from "../../wheel/landing.ts";
import { allOf, descriptionOf, type Headers, oneOf } from "../../wheel/metadata.ts";
import { expandTags, normalizeName, parseWheelFileName } from "../../wheel/names.ts";
import { readOrigin } from "../../wheel/origin.ts";
import { algorithmOf, type DigestAlgorithm, type FileDigest, recordProblems } from "../../wheel/record.ts";
import { readSbom } from "../../wheel/sbom.ts";
import {
  distInfoText,
  entryPoints,
  importableNames,
  installedNames,
  nameProblems,
  openWheel,
  tagProblems,
  type WheelFile,
} from "../../wheel/wheel-file.ts";
import { inspectZip, type ZipEntry } from "../../wheel/zip-reader.ts";
import { type RequirementFacts, requirementFacts } from "../checks/requirements.ts";
import { contentFacts, type EntryFacts, unreadFacts } from "./entry-facts.ts";
import type { WheelFacts } from "./facts.ts";

/** Entry-point group by which a wheel declares its kernel checks. */
export const KERNEL_CHECKS = "cpu_wheel.kernel_checks";

/** Names of the files that are installed as programs. */
const scriptsOf = ({ entries }: WheelFile): string[] =>
  entries
    .filter(({ isFolder }) => !isFolder)
    .map(({ name }) => landingOf(name))
    .filter(({ place }) => place === "programs")
    .map(({ path }) => path);

function problemOf<T>(work: () => T): { value: T | null; problem: string | null } {
  try {
    return { value: work(), problem: null };
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return { value: null, problem: thrown.message };
  }
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

/** A wheel may have thousands of requirements by URL. */
const MOST_INDEX_RULES = 20;

const indexProblems = (fileName: string, { metadata }: WheelFile): string[] =>
  indexFileProblems({ fileName, version: oneOf(metadata, "Version") ?? "", document: metadata }).slice(
    0,
    MOST_INDEX_RULES,
  );

/** A wheel of which the directory and the dist-info folder are read, and what is left to read of it. */
export interface OpenedWheel {
  fileName: string;
  bytes: Uint8Array;
  wheel: WheelFile | null;
  /** Why the dist-info folder could not be read. */
  unopened: Finding[];
  zipProblems: Finding[];
  /** What is to be inflated; nothing of an archive that is itself suspect, since its sizes may be a bomb's. */
  entries: ZipEntry[];
  /** True where its tags are Linux's. */
  forLinux: boolean;
  /** How RECORD hashes each file. */
  algorithms: ReadonlyMap<string, DigestAlgorithm>;
  facts: Pick<
    WheelFacts,
    | "nameProblems"
    | "tagProblems"
    | "tags"
    | "platformTags"
    | keyof RequirementFacts
    | "description"
    | "version"
    | "distribution"
    | "packages"
    | "installedNames"
    | "programs"
    | "indexProblems"
    | "origin"
    | "sbom"
    | "kernelChecks"
  >;
}

/** Reads a wheel's directory and dist-info folder; what is wrong with them becomes problems. */
export function openForFacts(fileName: string, bytes: Uint8Array): OpenedWheel {
  const { entries, problems: unsound } = inspectZip(bytes);
  const problems = [...unsound, ...indexZipProblems(bytes, entries ?? [])];
  // An archive that is itself suspect is not inflated: its sizes may be a bomb's.
  const named = problemOf(() => parseWheelFileName(fileName)).value;
  const trusted = problems.length === 0 && entries !== null;
  const { value: wheel, problem } = trusted
    ? problemOf(() => openWheel(fileName, entries))
    : { value: null, problem: "the archive is broken" };
  const unopened: Finding[] = problem === null ? [] : [{ kind: "unreadable-package", problem }];
  const points = wheel ? problemOf(() => distInfoText(wheel, "entry_points.txt")).value : null;
  const tags = named ? expandTags(named) : [];
  const bad = wheel ? fieldProblems(wheel.metadata, wheel.wheel) : { metadata: [], wheel: [] };
  return {
    fileName,
    bytes,
    wheel,
    unopened,
    zipProblems: problems.map((one) => ({ kind: "archive-defect", file: one.entry, problem: one.problem })),
    entries: trusted ? entries.filter(({ isFolder }) => !isFolder) : [],
    forLinux: named?.platform.includes("linux") ?? false,
    algorithms: new Map((wheel?.record ?? []).map(({ path, hash }) => [path, algorithmOf(hash)])),
    facts: {
      nameProblems: wheel ? [...nameProblems(wheel), ...ownNameProblems(wheel), ...bad.metadata] : unopened,
      tagProblems: wheel ? [...tagProblems(wheel), ...bad.wheel] : unopened,
      tags,
      platformTags: named?.platform.split(".") ?? [],
      ...metadataFacts(wheel?.metadata ?? null, tags),
      packages: wheel ? importableNames(wheel) : [],
      installedNames: wheel ? installedNames(wheel) : [],
      programs: wheel ? [...scriptsOf(wheel), ...programsOf(wheel)] : [],
      indexProblems: wheel ? indexProblems(fileName, wheel) : [],
      origin: wheel ? readOrigin(wheel) : null,
      sbom: wheel ? readSbom(wheel) : null,
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
    files: inOrder.length,
    sha256,
    zipProblems: [
      ...zipProblems,
      ...inOrder.flatMap(({ path, problem }): Finding[] =>
        problem === null ? [] : [{ kind: "archive-defect", file: path, problem }],
      ),
    ],
    hidden: inOrder.flatMap(({ hidden }) => hidden),
    recordProblems: wheel
      ? [...recordProblems(wheel.record, new Map(good), wheel.distInfo), ...licenseProblems(wheel)]
      : unopened,
    recordFiles: wheel?.record.length ?? 0,
    ...facts,
    libraries: inOrder.flatMap(({ library }) => library ?? []),
  };
}

function factsHere(entry: ZipEntry, algorithm: DigestAlgorithm, forLinux: boolean): EntryFacts {
  try {
    return contentFacts(entry.name, entry.read(), algorithm, forLinux).facts;
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return unreadFacts(entry.name, thrown.problem);
  }
}

/** Reads every entry in this thread. */
export function readHere({ entries, algorithms, forLinux }: OpenedWheel): Map<string, EntryFacts> {
  return new Map(
    entries.map((entry) => {
      return [entry.name, factsHere(entry, algorithms.get(entry.name) ?? "sha256", forLinux)];
    }),
  );
}
