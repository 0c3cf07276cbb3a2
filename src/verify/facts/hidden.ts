import { gunzipSync } from "node:zlib";
import { isElf } from "../../elf/elf.ts";
import type { FindingOf } from "../../findings/findings.ts";
import { FormatError } from "../../wheel/format-error.ts";
import { inspectZip, type ZipEntry } from "../../wheel/zip-reader.ts";

/**
 * What a file hides from the checks that read libraries: code that no library check sees, an archive that is nested
 * too deeply, something that can't be looked into.
 */
export type HiddenFacts = FindingOf<"hidden-code" | "nested-archive" | "opaque-file">;

const MIB = 1024 ** 2;
const DEEPEST = 3;
/** Bytes that nested archives of one file may inflate to: so much, and so many times its own, up to a bound. */
const BUDGET = { least: MIB, ratio: 100, most: 256 * MIB };

/** Magic of a 64-bit little-endian ELF file (gABI, "ELF Identification"). */
const ELF_MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
/** The same in base64, as Python sources carry it. */
const ELF_BASE64 = Buffer.from("f0VMRgIBAQ", "latin1");
const ZIP_MAGIC = Buffer.from([0x50, 0x4b, 0x03, 0x04]);
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);
/** The packer's own mark, near the start of what it packed (upx.github.io). */
const UPX_MAGIC = Buffer.from("UPX!", "latin1");
const UPX_WITHIN = 4096;
/** Compressed forms that are not looked into, by the hexadecimal form of their first bytes. */
const OPAQUE: readonly (readonly [string, RegExp])[] = [
  ["xz", /^fd377a585a00/],
  ["bzip2", /^425a683.314159265359/],
  ["Zstandard", /^28b52ffd/],
  ["7z", /^377abcaf271c/],
  ["LZ4", /^04224d18/],
  ["RAR", /^526172211a07/],
];

const begins = (bytes: Buffer, magic: Buffer): boolean => bytes.subarray(0, magic.length).equals(magic);

const ET_EXEC = 2;
const ET_DYN = 3;
const MACHINES = new Set([62, 183]);

/** Offset of a program or library that begins inside these bytes, or -1. Object files (.o in .a) can't be loaded. */
function elfInside(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(ELF_MAGIC, from); at >= 0; at = bytes.indexOf(ELF_MAGIC, at + 1)) {
    if (at + 64 > bytes.length) return -1;
    const [type, machine] = [bytes.readUInt16LE(at + 16), bytes.readUInt16LE(at + 18)];
    const isWhole = bytes.readUInt32LE(at + 20) === 1 && bytes.readUInt16LE(at + 52) === 64;
    if (isWhole && (type === ET_EXEC || type === ET_DYN) && MACHINES.has(machine)) return at;
  }
  return -1;
}

/** Looks for what no other check sees; archives inside are opened as far as it is safe. */
class Search {
  readonly found: HiddenFacts[] = [];
  #left: number;

  /** @param budget bytes that archives may inflate to in all */
  constructor(budget: number) {
    this.#left = budget;
  }

  /** @param depth number of archives around the file; at 0 an ELF file is read by the other checks */
  look(path: string, content: Uint8Array, depth: number): void {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const code = (how: FindingOf<"hidden-code">["how"], offset: number | null = null): number =>
      this.found.push({ kind: "hidden-code", file: path, how, offset });
    const elf = isElf(bytes);
    if (elf && depth > 0) code("in-archive");
    if (elf && bytes.subarray(0, UPX_WITHIN).includes(UPX_MAGIC)) code("packed");
    const at = elfInside(bytes, elf ? 1 : 0);
    if (at > 0) code("after-other-bytes", at);
    if (!elf && bytes.includes(ELF_BASE64)) code("base64");
    const isZip = begins(bytes, ZIP_MAGIC);
    const isGzip = begins(bytes, GZIP_MAGIC);
    if ((isZip || isGzip) && depth >= DEEPEST)
      this.found.push({ kind: "nested-archive", file: path, deepest: DEEPEST });
    else if (isZip) this.#archive(path, bytes, depth);
    else if (isGzip) this.#gzip(path, bytes, depth);
    else {
      const start = bytes.toString("hex", 0, 16);
      const [form] = OPAQUE.find(([, magic]) => magic.test(start)) ?? [];
      if (form !== undefined) this.#opaque(path, `it is ${form}, which is not looked into`);
    }
  }

  #opaque(file: string, problem: string): void {
    this.found.push({ kind: "opaque-file", file, problem });
  }

  #archive(path: string, bytes: Buffer, depth: number): void {
    const { entries, problems } = inspectZip(bytes);
    const [first] = problems;
    // Others write zips in their own ways, so a reader as strict as ours only knows that it can't look into them.
    if (first || !entries)
      this.#opaque(path, `it is a zip that can't be looked into: ${first?.problem ?? "it can't be read"}`);
    else for (const entry of entries) if (!entry.isFolder) this.#entry(path, entry, depth);
  }

  #entry(path: string, entry: ZipEntry, depth: number): void {
    if (!this.#takes(entry.size)) {
      this.#opaque(path, `${entry.name} in it is too large to look into`);
      return;
    }
    try {
      this.look(`${path}!${entry.name}`, entry.read(), depth + 1);
    } catch (thrown) {
      if (!(thrown instanceof FormatError)) throw thrown;
      this.#opaque(path, `${entry.name} in it can't be looked into: ${thrown.problem}`);
    }
  }

  #gzip(path: string, bytes: Buffer, depth: number): void {
    try {
      const inside = gunzipSync(bytes, { maxOutputLength: Math.max(1, Math.min(this.#left, 64 * MIB)) });
      if (this.#takes(inside.length)) this.look(`${path}!`, inside, depth + 1);
    } catch (thrown) {
      const isLarge = (thrown as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
      this.#opaque(
        path,
        isLarge ? "it inflates to more than is looked into" : "it is gzip that can't be read",
      );
    }
  }

  #takes(size: number): boolean {
    if (size > this.#left) return false;
    this.#left -= size;
    return true;
  }
}

/**
 * Machine code that a file of a wheel carries where no library check looks: behind other bytes, in base64, in archives.
 * It can't find everything: code may be made or fetched at run time, which only a run shows.
 */
export function hiddenIn(path: string, content: Uint8Array): HiddenFacts[] {
  const search = new Search(Math.min(BUDGET.least + BUDGET.ratio * content.length, BUDGET.most));
  search.look(path, content, 0);
  return search.found;
}
