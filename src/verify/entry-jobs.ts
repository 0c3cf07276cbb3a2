import { createHash } from "node:crypto";
import {
  auditElf,
  auditPiece,
  type ElfAudit,
  finishAudit,
  type Piece,
  type PieceResult,
  type PreparedAudit,
  piecesOf,
  prepareAudit,
} from "../elf/audit.ts";
import type { DispatchGlobs } from "../elf/audit-plan.ts";
import { type Demangle, withNames } from "../elf/demangle.ts";
import { type ElfFile, isElf, readElf } from "../elf/elf.ts";
import { FormatError } from "../wheel/format-error.ts";
import { type EntryPlace, inflateWhole, readEntry } from "../wheel/inflate.ts";
import type { DigestAlgorithm } from "../wheel/record.ts";
import {
  type EntryFacts,
  isDense,
  isLibrary,
  libraryFacts,
  unreadFacts,
  unreadLibrary,
} from "./entry-facts.ts";
import { compileGlob } from "./glob.ts";

/** An entry to be read, and what is asked of it; plain data. */
export interface EntryRequest {
  place: EntryPlace;
  algorithm: DigestAlgorithm;
  /** Globs over the names of functions whose instructions are counted apart. */
  symbols: string[];
}

/** What a worker is asked. `archive` and `bytes` lie in shared memory, so that no thread copies them. */
export type Job =
  | {
      kind: "read";
      archive: Uint8Array;
      entries: EntryRequest[];
      /** Where a library's content is put, if it has room; null for small entries. */
      memory: SharedArrayBuffer | null;
    }
  | { kind: "piece"; bytes: Uint8Array; prepared: PreparedAudit; piece: Piece }
  | { kind: "finish"; bytes: Uint8Array; prepared: PreparedAudit; results: PieceResult[] };

/** A library whose code is to be decoded by several workers. */
export interface Divided {
  bytes: Uint8Array;
  prepared: PreparedAudit;
  pieces: Piece[];
}

export interface EntryAnswer {
  facts: EntryFacts;
  audit: ElfAudit | null;
  divided: Divided | null;
}

export type Answer =
  | { kind: "read"; entries: EntryAnswer[] }
  | { kind: "piece"; result: PieceResult }
  | { kind: "finish"; audit: ElfAudit };

/** Entries up to here are inflated in one go, which is quicker; bytes. */
const SMALL = 256 * 1024;
/** Bytes of code that a worker decodes at a time where a library is divided; about 50 ms of work. */
const PIECE = 3 * 1024 ** 2;

async function dispatchOf(
  symbols: readonly string[],
  demangler: () => Promise<Demangle>,
): Promise<DispatchGlobs> {
  if (symbols.length === 0) return { globs: [], matches: () => 0 };
  // The bits of a number are the room there is.
  const globs = symbols.slice(0, 31);
  const patterns = globs.map(compileGlob);
  const demangle = await demangler();
  return {
    globs,
    matches: (name) => {
      const text = demangle(name);
      return patterns.reduce((mask, pattern, bit) => (pattern.test(text) ? mask | (1 << bit) : mask), 0);
    },
  };
}

async function auditOf(
  bytes: Uint8Array,
  elf: ElfFile,
  symbols: readonly string[],
  demangler: () => Promise<Demangle>,
): Promise<Pick<EntryAnswer, "audit" | "divided">> {
  if (elf.architecture !== "x86_64") return { audit: null, divided: null };
  const dispatch = await dispatchOf(symbols, demangler);
  const code = elf.code.reduce((sum, { size }) => sum + size, 0);
  if (code < 2 * PIECE)
    return { audit: await withNames(auditElf(bytes, elf, dispatch), demangler), divided: null };
  const prepared = prepareAudit(bytes, elf, dispatch);
  return { audit: null, divided: { bytes, prepared, pieces: piecesOf(prepared, PIECE) } };
}

/** An entry as it was read: its digest, and its content where it is a library that is looked into. */
interface Content {
  digest: string;
  library: Uint8Array | null;
  /** Why a library is not looked into, or null. */
  problem: string | null;
}

async function readContent(
  archive: Uint8Array,
  memory: SharedArrayBuffer | null,
  place: EntryPlace,
  algorithm: DigestAlgorithm,
): Promise<Content> {
  if (place.size <= SMALL) {
    const content = inflateWhole(archive, place);
    const digest = createHash(algorithm).update(content).digest("base64url");
    return { digest, library: isLibrary(place.name, content) ? content : null, problem: null };
  }
  let problem: string | null = null;
  const { digest, content } = await readEntry(archive, place, algorithm, (head) => {
    if (!isLibrary(place.name, head)) return null;
    if (!isElf(head)) problem = "library: it is no ELF file";
    else if (isDense(place)) problem = `library: its ${place.size} bytes compress as those of a bomb`;
    return problem === null ? (memory ?? new SharedArrayBuffer(place.size)) : null;
  });
  return { digest, library: content, problem };
}

async function readOne(
  archive: Uint8Array,
  memory: SharedArrayBuffer | null,
  { place, algorithm, symbols }: EntryRequest,
  demangler: () => Promise<Demangle>,
): Promise<EntryAnswer> {
  const path = place.name;
  const nothing = { audit: null, divided: null };
  try {
    const { digest, library, problem } = await readContent(archive, memory, place, algorithm);
    const file = { size: place.size, algorithm, digest };
    if (!library) {
      const unread = problem === null ? null : unreadLibrary(path, problem);
      return { facts: { path, problem: null, file, library: unread }, ...nothing };
    }
    const { facts, elf } = libraryFacts(path, library);
    return {
      facts: { path, problem: null, file, library: facts },
      ...(elf ? await auditOf(library, elf, symbols, demangler) : nothing),
    };
  } catch (thrown) {
    if (thrown instanceof FormatError) return { facts: unreadFacts(path, thrown.message), ...nothing };
    throw thrown;
  }
}

/** Answers one job. @param demangler loads the demangler when it is first needed */
export async function answerJob(job: Job, demangler: () => Promise<Demangle>): Promise<Answer> {
  switch (job.kind) {
    case "read": {
      const entries: EntryAnswer[] = [];
      for (const entry of job.entries) entries.push(await readOne(job.archive, job.memory, entry, demangler));
      return { kind: "read", entries };
    }
    case "piece":
      return { kind: "piece", result: auditPiece(job.bytes, job.prepared, job.piece) };
    case "finish": {
      const { bytes, prepared, results } = job;
      const audit = finishAudit(bytes, readElf(bytes), prepared, results);
      return { kind: "finish", audit: await withNames(audit, demangler) };
    }
  }
}
