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
} from "../../elf/audit.ts";
import type { DispatchGlobs } from "../../elf/audit-plan.ts";
import { type Demangle, withNames } from "../../elf/demangle.ts";
import { type ElfFile, readElf } from "../../elf/elf.ts";
import {
  auditExecutableData,
  dataAsCode,
  type ExecutableData,
  prepareData,
} from "../../elf/executable-data.ts";
import { FormatError } from "../../wheel/format-error.ts";
import { type EntryPlace, inflateWhole, readEntry } from "../../wheel/inflate.ts";
import type { DigestAlgorithm } from "../../wheel/record.ts";
import { contentFacts, denseFacts, type EntryFacts, isDense, unreadFacts } from "./entry-facts.ts";
import { compileGlob } from "./glob.ts";

/** An entry to be read, and what is asked of it; plain data. */
export interface EntryRequest {
  place: EntryPlace;
  algorithm: DigestAlgorithm;
  /** True in a wheel whose tags are Linux's. */
  forLinux: boolean;
  /** Globs over the names of functions whose instructions are counted apart. */
  symbols: string[];
}

/** What a worker is asked. `archive` and `bytes` lie in shared memory, so that no thread copies them. */
export type Job =
  | {
      kind: "read";
      archive: Uint8Array;
      entries: EntryRequest[];
      /** Where the content of a large entry is put, which then is the only one; null for small ones. */
      memory: SharedArrayBuffer | null;
    }
  | { kind: "piece"; bytes: Uint8Array; prepared: PreparedAudit; piece: Piece }
  | { kind: "finish"; bytes: Uint8Array; prepared: PreparedAudit; results: PieceResult[]; isData: boolean };

/** What several workers decode at a time. */
export interface Division {
  prepared: PreparedAudit;
  pieces: Piece[];
}

/** A library that is to be decoded by several workers: its code, and what of its data is mapped executable. */
export interface Divided {
  bytes: Uint8Array;
  code: Division;
  data: Division | null;
}

export interface EntryAnswer {
  facts: EntryFacts;
  /** Why its machine code was not audited though it could be read, or null. */
  unaudited: string | null;
  audit: ElfAudit | null;
  executableData: ExecutableData | null;
  divided: Divided | null;
}

const NOTHING = { unaudited: null, audit: null, executableData: null, divided: null };

export type JobAnswer =
  | { kind: "read"; entries: EntryAnswer[] }
  | { kind: "piece"; result: PieceResult }
  | { kind: "finish"; audit: ElfAudit }
  /** The code is such that its audit has no end. */
  | { kind: "refused"; problem: string };

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
): Promise<Omit<EntryAnswer, "facts">> {
  if (elf.architecture !== "x86_64") return NOTHING;
  try {
    return await audited(bytes, elf, symbols, demangler);
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return { ...NOTHING, unaudited: thrown.message };
  }
}

async function audited(
  bytes: Uint8Array,
  elf: ElfFile,
  symbols: readonly string[],
  demangler: () => Promise<Demangle>,
): Promise<Omit<EntryAnswer, "facts">> {
  const dispatch = await dispatchOf(symbols, demangler);
  const code = elf.code.reduce((sum, { size }) => sum + size, 0);
  if (code < 2 * PIECE) {
    const executableData = auditExecutableData(bytes, elf);
    return { ...NOTHING, audit: await withNames(auditElf(bytes, elf, dispatch), demangler), executableData };
  }
  const data = dataAsCode(elf);
  const divided = {
    bytes,
    code: division(prepareAudit(bytes, elf, dispatch)),
    data: data && division(prepareData(bytes, data)),
  };
  return { ...NOTHING, divided };
}

function division(prepared: PreparedAudit): Division {
  const common = shared(prepared);
  return { prepared: common, pieces: piecesOf(common, PIECE) };
}

async function readOne(
  archive: Uint8Array,
  memory: SharedArrayBuffer | null,
  { place, algorithm, forLinux, symbols }: EntryRequest,
  demangler: () => Promise<Demangle>,
): Promise<EntryAnswer> {
  const { name, size } = place;
  try {
    let content: Uint8Array;
    let digest: string | undefined;
    if (isDense(place)) {
      let head = new Uint8Array();
      const read = await readEntry(archive, place, algorithm, (first) => {
        head = first.slice();
        return null;
      });
      return { facts: denseFacts(place, head, { algorithm, digest: read.digest }, forLinux), ...NOTHING };
    }
    if (size <= SMALL) content = inflateWhole(archive, place);
    else {
      const read = await readEntry(archive, place, algorithm, () => memory ?? new SharedArrayBuffer(size));
      content = read.content ?? new Uint8Array();
      digest = read.digest;
    }
    const { facts, elf } = contentFacts(name, content, algorithm, forLinux, digest);
    return { facts, ...(elf ? await auditOf(content, elf, symbols, demangler) : NOTHING) };
  } catch (thrown) {
    if (thrown instanceof FormatError) return { facts: unreadFacts(name, thrown.problem), ...NOTHING };
    throw thrown;
  }
}

/** The same with its large arrays in shared memory, since every piece's job knows them. */
function shared(prepared: PreparedAudit): PreparedAudit {
  const floats = (one: Float64Array): Float64Array => {
    const copy = new Float64Array(new SharedArrayBuffer(one.byteLength));
    copy.set(one);
    return copy;
  };
  const bytes = (one: Uint8Array | null): Uint8Array | null => {
    if (one === null) return null;
    const copy = new Uint8Array(new SharedArrayBuffer(one.byteLength));
    copy.set(one);
    return copy;
  };
  const { plan, around } = prepared;
  const sections = plan.sections.map((section) => ({
    ...section,
    starts: floats(section.starts),
    reach: floats(section.reach),
    ends: floats(section.ends),
    classes: bytes(section.classes),
  }));
  const { called, taken } = around.entries;
  return {
    plan: { ...plan, sections },
    around: { ...around, entries: { called: floats(called), taken: floats(taken) } },
  };
}

/** Answers one job; an audit that has no end is an answer. @param demangler loads the demangler when it is first needed */
export async function answerJob(job: Job, demangler: () => Promise<Demangle>): Promise<JobAnswer> {
  try {
    return await answerTo(job, demangler);
  } catch (thrown) {
    if (thrown instanceof FormatError) return { kind: "refused", problem: thrown.message };
    throw thrown;
  }
}

async function answerTo(job: Job, demangler: () => Promise<Demangle>): Promise<JobAnswer> {
  switch (job.kind) {
    case "read": {
      const entries: EntryAnswer[] = [];
      for (const entry of job.entries) entries.push(await readOne(job.archive, job.memory, entry, demangler));
      return { kind: "read", entries };
    }
    case "piece":
      return { kind: "piece", result: auditPiece(job.bytes, job.prepared, job.piece) };
    case "finish": {
      const { bytes, prepared, results, isData } = job;
      const whole = readElf(bytes);
      const elf = (isData ? dataAsCode(whole) : null) ?? whole;
      const audit = finishAudit(bytes, elf, prepared, results, !isData);
      return { kind: "finish", audit: await withNames(audit, demangler) };
    }
  }
}
