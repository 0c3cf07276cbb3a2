import { createHash } from "node:crypto";
import type { FindingOf } from "../findings/findings.ts";
import { FormatError } from "./format-error.ts";

export interface RecordLine {
  path: string;
  /** `sha256=…` in URL-safe base64 without padding; empty for RECORD itself. */
  hash: string;
  size: string;
}

/** RECORD's form of a hash. Source: binary distribution format, "The .dist-info directory"; PEP 376. */
export function recordHash(data: Uint8Array): string {
  return `sha256=${createHash("sha256").update(data).digest("base64url")}`;
}

/** Where the quote lies that ends a quoted field; quotes double inside it. @returns -1 where none does */
function endOfQuoted(line: string, from: number): number {
  let at = line.indexOf('"', from);
  while (at >= 0 && line[at + 1] === '"') at = line.indexOf('"', at + 2);
  return at;
}

/** One line of CSV in fields; quotes double inside quoted fields (RFC 4180). No regular expression: a line may have megabytes. */
function fields(line: string): string[] {
  const found: string[] = [];
  const bad = (): never => {
    throw new FormatError("RECORD", `bad line: ${line.slice(0, 100)}`);
  };
  for (let at = 0; ; ) {
    if (found.length > 3) bad();
    let end: number;
    if (line[at] === '"') {
      const quote = endOfQuoted(line, at + 1);
      if (quote < 0) bad();
      found.push(line.slice(at + 1, quote).replaceAll('""', '"'));
      end = quote + 1;
    } else {
      const comma = line.indexOf(",", at);
      end = comma < 0 ? line.length : comma;
      const text = line.slice(at, end);
      if (text.includes('"')) bad();
      found.push(text);
    }
    if (end >= line.length) return found;
    if (line[end] !== ",") bad();
    at = end + 1;
  }
}

/** An archive has at most 65,535 files. */
const MOST_LINES = 100_000;

/** @throws FormatError for a line that is no triple, or too many */
export function parseRecord(text: string): RecordLine[] {
  const lines = text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/);
  if (lines.length > MOST_LINES) throw new FormatError("RECORD", `${lines.length} lines are too many`);
  return lines.map((line) => {
    const [path, hash, size, ...rest] = fields(line);
    if (path === undefined || hash === undefined || size === undefined || rest.length > 0) {
      throw new FormatError("RECORD", `bad line: ${line.slice(0, 100)}`);
    }
    return { path, hash, size };
  });
}

export function formatRecord(lines: readonly RecordLine[]): string {
  const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return lines.map(({ path, hash, size }) => `${[path, hash, size].map(quoted).join(",")}\n`).join("");
}

const WEAK = /^(md5|sha1)=/;

/** What RECORD can be held against: a file's size and digest. */
export interface FileDigest {
  /** Bytes. */
  size: number;
  algorithm: DigestAlgorithm;
  /** URL-safe base64 without padding. */
  digest: string;
}

export type DigestAlgorithm = "sha256" | "sha384" | "sha512";

const ALGORITHM = /^(sha256|sha384|sha512)=/;

/** The algorithm in which RECORD states a hash; sha256 where it states none that is strong. */
export function algorithmOf(hash: string): DigestAlgorithm {
  const [, algorithm] = ALGORITHM.exec(hash) ?? [];
  return algorithm === "sha384" || algorithm === "sha512" ? algorithm : "sha256";
}

/**
 * What is wrong between RECORD and the files: each must stand there once with its hash, and nothing else may.
 * RECORD itself and its signatures carry no hash; a file of that name in another folder does.
 * @param distInfo the dist-info folder
 * @param files digests by path, each in the algorithm that RECORD states for it
 */
export function recordProblems(
  record: readonly RecordLine[],
  files: ReadonlyMap<string, FileDigest>,
  distInfo: string,
): FindingOf<"record-entry" | "record-size">[] {
  const problems: FindingOf<"record-entry" | "record-size">[] = [];
  const report = (
    file: string,
    problem: FindingOf<"record-entry">["problem"],
    found: string | null = null,
  ): number => problems.push({ kind: "record-entry", file, problem, found });
  const signatures = ["RECORD.jws", "RECORD.p7s"].map((file) => `${distInfo}/${file}`);
  const unhashed = new Set([`${distInfo}/RECORD`, ...signatures]);
  const listed = new Set<string>();
  for (const { path, hash, size } of record) {
    if (listed.has(path)) report(path, "listed-twice");
    listed.add(path);
    const file = files.get(path);
    if (!file) {
      report(path, "not-in-the-wheel");
    } else if (!unhashed.has(path)) {
      if (hash === "") report(path, "no-hash");
      else if (WEAK.test(hash)) report(path, "weak-hash", hash.split("=")[0]);
      else if (hash.replace(/=+$/, "") !== `${file.algorithm}=${file.digest}`) report(path, "other-hash");
      // The specification lets it be empty in an installation; `installer` demands it of a wheel.
      if (size === "") report(path, "no-size");
      else if (size !== String(file.size))
        problems.push({ kind: "record-size", file: path, expected: size, found: file.size });
    }
  }
  for (const path of files.keys()) {
    if (!listed.has(path) && !signatures.includes(path)) report(path, "not-listed");
  }
  return problems;
}
