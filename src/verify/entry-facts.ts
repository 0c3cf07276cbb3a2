import { createHash } from "node:crypto";
import { type ElfFile, isElf, readElf } from "../elf/elf.ts";
import { FormatError } from "../wheel/format-error.ts";
import type { EntryPlace } from "../wheel/inflate.ts";
import type { DigestAlgorithm, FileDigest } from "../wheel/record.ts";
import type { LibraryFacts } from "./facts.ts";

/** What reading one entry of a wheel gave; plain data. */
export interface EntryFacts {
  path: string;
  /** Why it could not be read, or null. */
  problem: string | null;
  file: FileDigest | null;
  /** Null where it is no library, by its first bytes and its name. */
  library: LibraryFacts | null;
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

const looksLikeLibrary = (path: string): boolean => /\.(so(\.\d+)*|pyd|dll|dylib)$/.test(path);

/** True for what is looked at as a library: ELF files, and whatever is named like a library. */
export function isLibrary(path: string, head: Uint8Array): boolean {
  return isElf(head) || looksLikeLibrary(path);
}

/** Bytes of a library from which its compression is looked at, and how many times it may be compressed then. */
const DENSE = { bytes: 256 * 1024 ** 2, ratio: 50 };

/** True for what claims to be a large library and compresses as no code does: it would only fill the memory. */
export function isDense({ size, compressedSize }: EntryPlace): boolean {
  return size > DENSE.bytes && size > compressedSize * DENSE.ratio;
}

/** Facts of a library whose inside is not read. */
export function unreadLibrary(path: string, problem: string): LibraryFacts {
  return { path, problem, ...UNREAD };
}

/** What a library says of itself, and the file as read where it could be. */
export function libraryFacts(path: string, bytes: Uint8Array): { facts: LibraryFacts; elf: ElfFile | null } {
  try {
    const elf = readElf(bytes);
    const { code: _code, functions: _functions, objects: _objects, unwind: _unwind, ...rest } = elf;
    return { facts: { path, problem: null, ...rest }, elf };
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return { facts: unreadLibrary(path, thrown.message), elf: null };
  }
}

/** Facts of an entry that can't be inflated. */
export function unreadFacts(path: string, problem: string | null): EntryFacts {
  return { path, problem: problem ?? path, file: null, library: null };
}

/** Facts of an entry by its content. */
export function contentFacts(path: string, content: Uint8Array, algorithm: DigestAlgorithm): EntryFacts {
  const digest = createHash(algorithm).update(content).digest("base64url");
  return {
    path,
    problem: null,
    file: { size: content.length, algorithm, digest },
    library: isLibrary(path, content) ? libraryFacts(path, content).facts : null,
  };
}
