import { createHash } from "node:crypto";
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

/** One line of CSV in fields; quotes double inside quoted fields (RFC 4180). */
function fields(line: string): string[] {
  const found: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (!match) throw new FormatError("RECORD", `bad line: ${line.slice(0, 100)}`);
    found.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return found;
  }
}

/** @throws FormatError for a line that is no triple */
export function parseRecord(text: string): RecordLine[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => {
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

/**
 * What is wrong between RECORD and the files: each must stand there once with its hash, and nothing else may.
 * RECORD itself and its signatures carry no hash; a file of that name in another folder does.
 * @param distInfo the dist-info folder
 * @param files content by path
 */
export function recordProblems(
  record: readonly RecordLine[],
  files: ReadonlyMap<string, Uint8Array>,
  distInfo: string,
): string[] {
  const problems: string[] = [];
  const signatures = ["RECORD.jws", "RECORD.p7s"].map((file) => `${distInfo}/${file}`);
  const unhashed = new Set([`${distInfo}/RECORD`, ...signatures]);
  const listed = new Set<string>();
  for (const { path, hash, size } of record) {
    if (listed.has(path)) problems.push(`${path} is listed twice`);
    listed.add(path);
    const data = files.get(path);
    if (!data) {
      problems.push(`${path} is listed, but not in the wheel`);
    } else if (!unhashed.has(path)) {
      if (hash === "") problems.push(`${path} has no hash`);
      else if (WEAK.test(hash)) problems.push(`${path} has a weak hash (${hash.split("=")[0]})`);
      else if (
        hash.startsWith("sha256=") ? hash.replace(/=+$/, "") !== recordHash(data) : !otherHashFits(hash, data)
      ) {
        problems.push(`${path} has another hash than RECORD says`);
      }
      if (size !== "" && size !== String(data.length))
        problems.push(`${path} has ${data.length} bytes, RECORD says ${size}`);
    }
  }
  for (const path of files.keys()) {
    if (!listed.has(path) && !signatures.includes(path)) problems.push(`${path} is not in RECORD`);
  }
  return problems;
}

function otherHashFits(hash: string, data: Uint8Array): boolean {
  const [algorithm = "", digest = ""] = [hash.slice(0, hash.indexOf("=")), hash.slice(hash.indexOf("=") + 1)];
  if (algorithm !== "sha384" && algorithm !== "sha512") return false;
  return createHash(algorithm).update(data).digest("base64url") === digest.replace(/=+$/, "");
}
