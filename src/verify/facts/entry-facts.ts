import { createHash } from "node:crypto";
import { type ElfFile, foreignFormat, holdsGpuCode, isElf, readElf } from "../../elf/elf.ts";
import { FormatError } from "../../wheel/format-error.ts";
import type { EntryPlace } from "../../wheel/inflate.ts";
import type { DigestAlgorithm, FileDigest } from "../../wheel/record.ts";
import type { LibraryFacts } from "./facts.ts";
import { type HiddenFacts, hiddenIn } from "./hidden.ts";

/** What reading one entry of a wheel gave; plain data. */
export interface EntryFacts {
  path: string;
  /** Why it could not be read; null where it could. */
  problem: string | null;
  file: FileDigest | null;
  /** Null where it is no library, by its first bytes and its name. */
  library: LibraryFacts | null;
  /** Machine code where no library check looks. */
  hidden: HiddenFacts[];
}

const UNREAD: Omit<LibraryFacts, "path" | "problem"> = {
  architecture: "unknown",
  needed: [],
  soname: null,
  searchPaths: [],
  hasRunpath: false,
  wantedVersions: [],
  undefinedSymbols: [],
  executableStack: false,
  textRelocations: false,
  packedRelocations: false,
  writableCode: false,
  gpuCode: false,
};

/** True for what is named as shared libraries are, on any system. */
export const looksLikeLibrary = (path: string): boolean => /\.(so(\.\d+)*|pyd|dll|dylib)$/.test(path);

/**
 * True for what is looked at as a library: ELF files, and whatever is named like a library; in a wheel for Linux also
 * what Windows and macOS run, under any name.
 */
function isLibrary(path: string, content: Uint8Array, forLinux: boolean): boolean {
  return isElf(content) || looksLikeLibrary(path) || (forLinux && foreignFormat(content) !== null);
}

/** Bytes of an entry from which its compression is looked at, and how many times it may be compressed then. */
const DENSE = { bytes: 256 * 1024 ** 2, ratio: 50 };

/** True for what is large and compresses as no code does: it would only fill the memory, and is not looked into. */
export function isDense({ size, compressedSize }: EntryPlace): boolean {
  return size > DENSE.bytes && size > compressedSize * DENSE.ratio;
}

/**
 * Facts of an entry that is not looked into.
 * @param head its first bytes
 */
export function denseFacts(
  { name, size }: EntryPlace,
  head: Uint8Array,
  digest: Omit<FileDigest, "size">,
  forLinux: boolean,
): EntryFacts {
  const problem = `its ${size} bytes compress as those of a bomb`;
  const library = isLibrary(name, head, forLinux)
    ? { path: name, problem: `library: ${problem}`, ...UNREAD }
    : null;
  const hidden: HiddenFacts[] = library ? [] : [{ kind: "opaque-file", file: name, problem }];
  return { path: name, problem: null, file: { size, ...digest }, library, hidden };
}

/** What a library says of itself, and the file as read where it could be. */
function libraryFacts(path: string, bytes: Uint8Array): { facts: LibraryFacts; elf: ElfFile | null } {
  try {
    const elf = readElf(bytes);
    const {
      code: _c,
      executableData: _v,
      functions: _f,
      objects: _o,
      unwind: _u,
      entries: _e,
      loads: _l,
      ...rest
    } = elf;
    return { facts: { path, problem: null, ...rest, gpuCode: holdsGpuCode(bytes) }, elf };
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return { facts: { path, problem: thrown.message, ...UNREAD }, elf: null };
  }
}

/** Facts of an entry that can't be inflated. */
export function unreadFacts(path: string, problem: string): EntryFacts {
  return { path, problem, file: null, library: null, hidden: [] };
}

/**
 * Facts of an entry by its content, and the file as read where it is a library that can be.
 * @param forLinux true in a wheel whose tags are Linux's
 * @param digest of the content, where it is known
 */
export function contentFacts(
  path: string,
  content: Uint8Array,
  algorithm: DigestAlgorithm,
  forLinux: boolean,
  digest = createHash(algorithm).update(content).digest("base64url"),
): { facts: EntryFacts; elf: ElfFile | null } {
  const file = { size: content.length, algorithm, digest };
  const { facts: library, elf } = isLibrary(path, content, forLinux)
    ? libraryFacts(path, content)
    : { facts: null, elf: null };
  return { facts: { path, problem: null, file, library, hidden: hiddenIn(path, content) }, elf };
}
