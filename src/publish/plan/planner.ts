import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import type { WheelContents } from "../../verify/facts/contents.ts";
import type { Verdict } from "../../verify/verdict/verdict.ts";
import { attempt } from "../../wheel/format-error.ts";
import type { Headers } from "../../wheel/metadata.ts";
import { architectureOf, normalizeName, parseWheelFileName } from "../../wheel/names.ts";
import type { Origin } from "../../wheel/origin.ts";
import { compareVersions, isVersion } from "../../wheel/version.ts";
import type { Proof } from "../gate/gate.ts";
import { type Limits, ruleProblems } from "../gate/rules.ts";
import type { Signatures } from "../signing/signatures.ts";

/** A wheel that may be published, with what an index tells about it. */
export interface Candidate {
  path: string;
  fileName: string;
  /** Normalised distribution name. */
  project: string;
  version: string;
  sha256: string;
  /** Bytes. */
  size: number;
  requiresPython: string | null;
  /** METADATA as it stands in the wheel. */
  metadata: Uint8Array;
  document: Headers;
  verdict: Verdict;
  /** The SBOM in it, as it stands there; null or left out where it has none of ours. */
  sbom?: string | null;
  /** The wheel that it says it was made of under another name; null for none. */
  origin?: Origin | null;
  /** Digest of all that it brings beside its dist-info folder. */
  payload?: string;
  /** Sizes and requirements, for the page that an index shows of it. */
  contents?: WheelContents;
  proof: Proof;
  signatures: Signatures;
}

/** A file that a target has already. */
export interface Existing {
  sha256: string;
  /** Bytes; 0 where the target does not tell. */
  size: number;
}

export interface UploadPlan {
  upload: Candidate[];
  /** Already there with the same bytes. */
  skip: Candidate[];
  refuse: WheelsError[];
}

/** One spelling for all file names that an index takes for the same file. Source: PEP 503, PEP 440, PEP 425. */
function identity(fileName: string): string {
  const [distribution = "", ...rest] = fileName.toLowerCase().split("-");
  return [normalizeName(distribution), ...rest].join("-");
}

/** The next free `.postN` for a file name of this version. */
function nextPost(candidate: Candidate, taken: ReadonlyMap<string, unknown>): string {
  const [, base = candidate.version, own] = /^(.*?)(?:\.post(\d+))?$/.exec(candidate.version) ?? [];
  let number = own === undefined ? 1 : Number(own) + 1;
  const named = (post: number): string =>
    identity(candidate.fileName.replace(`-${candidate.version}-`, `-${base}.post${post}-`));
  while (taken.has(named(number))) number++;
  return `.post${number}`;
}

/**
 * Compares what is to be published with what is there, and with the target's rules.
 * @param existing by file name, of all projects concerned
 * @param target its name, for messages, and what it refuses
 */
export function planPublish(
  candidates: readonly Candidate[],
  existing: ReadonlyMap<string, Existing>,
  target: { name: string; limits: Limits },
): UploadPlan {
  const planned: UploadPlan = { upload: [], skip: [], refuse: [] };
  const there = new Map([...existing].map(([name, file]) => [identity(name), { name, ...file }]));
  const given = new Map<string, Candidate>();
  const bytes = new Map<string, number>();
  for (const { name, size } of there.values()) {
    const project = projectOf(name);
    bytes.set(project, (bytes.get(project) ?? 0) + size);
  }
  for (const candidate of candidates) {
    const { fileName, project, sha256, size } = candidate;
    const key = identity(fileName);
    const twin = given.get(key);
    const old = there.get(key);
    if (twin?.sha256 === sha256 && twin.fileName === fileName) continue;
    if (twin || (old && (old.sha256 !== sha256 || old.name !== fileName))) {
      const next = nextPost(candidate, there);
      const holder = twin ? "This very request" : target.name;
      const taken = twin?.fileName ?? old?.name ?? fileName;
      planned.refuse.push(wheelsError("E_PUBLISH_CONFLICT", { file: taken, target: holder, next }));
      continue;
    }
    given.set(key, candidate);
    if (old) {
      planned.skip.push(candidate);
      continue;
    }
    const problems = ruleProblems(candidate, target.limits, bytes.get(project) ?? 0);
    bytes.set(project, (bytes.get(project) ?? 0) + size);
    if (problems.length > 0)
      planned.refuse.push(wheelsError("E_PUBLISH_RULES", { file: fileName, target: target.name, problems }));
    else planned.upload.push(candidate);
  }
  return planned;
}

/** A file of an earlier release, as an index lists it. */
export interface EarlierFile {
  file: string;
  version: string;
  /** Bytes. */
  size: number;
}

/**
 * The largest wheel of the newest release before this one, for the same architecture: what its users have now.
 * @param existing what the target has, of all projects concerned
 * @returns null where the target has none, or does not tell its size
 */
export function lastRelease(
  { fileName, project, version }: Pick<Candidate, "fileName" | "project" | "version">,
  existing: ReadonlyMap<string, Existing>,
): EarlierFile | null {
  const own = architectureOf(fileName);
  const earlier = [...existing].flatMap(([file, { size }]): EarlierFile[] => {
    const name = attempt(() => parseWheelFileName(file));
    if (name === null || size === 0 || !isVersion(name.version)) return [];
    if (normalizeName(name.distribution) !== project || architectureOf(file) !== own) return [];
    return compareVersions(name.version, version) < 0 ? [{ file, version: name.version, size }] : [];
  });
  const [first = null] = earlier.sort(
    (one, other) => compareVersions(other.version, one.version) || other.size - one.size,
  );
  return first;
}

/** The project that a file belongs to; an sdist's name has its version behind the last dash. */
export function projectOf(fileName: string): string {
  const cut = fileName.endsWith(".whl") ? fileName.indexOf("-") : fileName.lastIndexOf("-");
  return normalizeName(fileName.slice(0, Math.max(0, cut)));
}

/**
 * One error for each version that would not have every distribution, neither of these wheels nor at the target.
 * @param existing file names at the target
 * @param distributions what a release must have; empty where that does not matter
 */
export function missingVariants(
  candidates: readonly Candidate[],
  existing: readonly string[],
  distributions: readonly string[],
): WheelsError[] {
  const there = new Set([...existing, ...candidates.map(({ fileName }) => fileName)].map(releaseOf));
  const versions = [...new Set(candidates.map(({ version }) => version))];
  return versions.flatMap((version) => {
    const missing = distributions.filter(
      (one) => !there.has(`${normalizeName(one)} ${version.toLowerCase()}`),
    );
    return missing.length > 0 ? [wheelsError("E_PUBLISH_PARTIAL_RELEASE", { version, missing })] : [];
  });
}

const releaseOf = (fileName: string): string =>
  `${projectOf(fileName)} ${fileName.toLowerCase().split("-")[1] ?? ""}`;
