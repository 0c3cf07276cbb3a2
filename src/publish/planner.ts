import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import type { Verdict } from "../verify/verdict.ts";
import type { Proof } from "./gate.ts";

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
  verdict: Verdict;
  proof: Proof;
}

export interface Planned {
  upload: Candidate[];
  /** Already there with the same bytes. */
  skip: Candidate[];
  refuse: WheelsError[];
}

/** The next free `.postN` for a file name of this version. */
function nextPost(candidate: Candidate, taken: ReadonlyMap<string, string>): string {
  const [, base = candidate.version, own] = /^(.*?)(?:\.post(\d+))?$/.exec(candidate.version) ?? [];
  let number = own === undefined ? 1 : Number(own) + 1;
  const named = (post: number): string =>
    candidate.fileName.replace(`-${candidate.version}-`, `-${base}.post${post}-`);
  while (taken.has(named(number))) number++;
  return `.post${number}`;
}

/**
 * Compares what is to be published with what is there.
 * @param existing sha256 by file name, of all projects concerned
 * @param target its name, for messages
 */
export function planPublish(
  candidates: readonly Candidate[],
  existing: ReadonlyMap<string, string>,
  target: string,
): Planned {
  const planned: Planned = { upload: [], skip: [], refuse: [] };
  const given = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const twin = given.get(candidate.fileName.toLowerCase());
    const there = existing.get(candidate.fileName);
    if (twin?.sha256 === candidate.sha256) continue;
    if (twin || (there !== undefined && there !== candidate.sha256)) {
      const next = nextPost(candidate, existing);
      planned.refuse.push(
        wheelsError("E_PUBLISH_CONFLICT", {
          file: candidate.fileName,
          target: twin ? "This very request" : target,
          next,
        }),
      );
      continue;
    }
    given.set(candidate.fileName.toLowerCase(), candidate);
    (there === undefined ? planned.upload : planned.skip).push(candidate);
  }
  return planned;
}
