import { createHash } from "node:crypto";
import { codeSha256 } from "../elf/code-digest.ts";
import { readElf } from "../elf/elf.ts";
import type { Variant } from "../variants/manifest.ts";
import { type WheelContents, wheelContents } from "../verify/facts/contents.ts";
import type { WheelFacts } from "../verify/facts/facts.ts";
import { FormatError } from "../wheel/format-error.ts";
import type { Headers } from "../wheel/metadata.ts";
import { openWheel } from "../wheel/wheel-file.ts";
import { readZip } from "../wheel/zip-reader.ts";

/** One library of a wheel that is compared. */
export interface Library {
  path: string;
  /** Bytes of machine code. */
  bytes: number;
  /** Digest of the machine code; of the whole file where it can't be told apart. */
  codeSha256: string;
  /** Instructions by feature; empty where they were not decoded. */
  found: Record<string, number>;
}

/** All that a comparison knows of one wheel. */
export interface Side {
  fileName: string;
  sha256: string;
  /** Bytes. */
  size: number;
  variant: Variant | null;
  contents: WheelContents;
  metadata: Headers;
  libraries: Library[];
  /** Digest of every other file by path, the dist-info folder left out. */
  others: Map<string, string>;
}

/** For a library that was not decoded, of another architecture for instance. */
function codeDigest(data: Uint8Array): string | null {
  try {
    return codeSha256(data, readElf(data));
  } catch (thrown) {
    if (thrown instanceof FormatError) return null;
    throw thrown;
  }
}

/**
 * What a comparison looks at.
 * @param facts of the same bytes
 * @throws FormatError where the archive is broken: what can't be read can't be compared
 */
export function sideOf(bytes: Uint8Array, facts: WheelFacts, variant: Variant | null): Side {
  const { metadata, distInfo, entries } = openWheel(facts.fileName, readZip(bytes));
  const audits = new Map(facts.audits.map((audit) => [audit.path, audit]));
  const libraries: Library[] = [];
  const others = new Map<string, string>();
  for (const entry of entries) {
    if (entry.isFolder || entry.name.startsWith(`${distInfo}/`)) continue;
    const data = entry.read();
    const digest = (): string => createHash("sha256").update(data).digest("hex");
    const audit = audits.get(entry.name);
    if (audit)
      libraries.push({
        path: entry.name,
        bytes: audit.bytes,
        codeSha256: audit.codeSha256 ?? codeDigest(data) ?? digest(),
        found: audit.found,
      });
    else others.set(entry.name, digest());
  }
  return {
    fileName: facts.fileName,
    sha256: facts.sha256,
    size: facts.size,
    variant,
    contents: wheelContents(bytes),
    metadata,
    libraries,
    others,
  };
}
