import { createHash } from "node:crypto";
import type { ElfAudit, Piece, PieceResult } from "../../elf/audit.ts";
import { type ExecutableData, executableDataOf } from "../../elf/executable-data.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { auditWorkerPath } from "../../host/resources.ts";
import { Overrun, startWorkers, type WorkerPool } from "../../host/workers.ts";
import { namesOf } from "../../variants/alias.ts";
import { type Variant, variantOfDistribution } from "../../variants/manifest.ts";
import type { RuntimeDispatch } from "../../variants/manifest-schema.ts";
import { Arena } from "./arena.ts";
import { type EntryFacts, isDense, looksLikeLibrary, unreadFacts } from "./entry-facts.ts";
import type { Divided, Division, EntryRequest, Job, JobAnswer } from "./entry-jobs.ts";
import type { AuditFacts, LibraryFacts, WheelFacts } from "./facts.ts";
import { gatherFacts, type OpenedWheel, openForFacts, readHere } from "./gather.ts";
import { compileGlob } from "./glob.ts";

/** Inflated bytes of large entries that are in memory at a time, but for a single one that is larger. */
const ROOM = 192 * 1024 ** 2;
/** The same of small ones, which are read beside them. */
const SMALL_ROOM = 32 * 1024 ** 2;
/** What takes an entry that is not looked into, however large: it is read part by part. */
const PASSING = 1024 ** 2;
/** Entries read in one job: bytes inflated, and how many. */
const BATCH = { bytes: 4 * 1024 ** 2, entries: 512 };
/** Below this a wheel without libraries is read here: threads would take longer to start. Bytes, inflated. */
const SMALL_WHEEL = 4 * 1024 ** 2;

/** Bytes, inflated, for which another worker is started. */
const WORTH_A_WORKER = 3 * 1024 ** 2;

interface Batch {
  entries: EntryRequest[];
  /** Bytes of memory that reading it takes. */
  weight: number;
  /** True for one entry whose content gets a place of its own. */
  isLarge: boolean;
}

/** The largest first, so that none is left for the end; small ones together. */
function batches(entries: readonly EntryRequest[]): Batch[] {
  const found: Batch[] = [];
  let small: Batch | null = null;
  let bytes = 0;
  for (const entry of entries.toSorted((a, b) => b.place.size - a.place.size)) {
    const { size } = entry.place;
    const weight = isDense(entry.place) ? PASSING : size;
    if (size > BATCH.bytes / 4) found.push({ entries: [entry], weight, isLarge: weight === size });
    else {
      if (!small || small.entries.length >= BATCH.entries || bytes + size > BATCH.bytes) {
        small = { entries: [], weight: BATCH.bytes, isLarge: false };
        bytes = 0;
        found.push(small);
      }
      small.entries.push(entry);
      bytes += size;
    }
  }
  return found;
}

type Pool = WorkerPool<Job, JobAnswer>;

type LibraryAudit = ElfAudit & { executableData: ExecutableData | null };

/** An audit, or why there is none. */
type Audited<Audit> = { audit: Audit } | { unaudited: string };

const bytesOf = ({ runs }: Piece): number => runs.reduce((sum, [from, to]) => sum + to - from, 0);

async function auditDivision(
  pool: Pool,
  bytes: Uint8Array,
  { prepared, pieces }: Division,
  isData: boolean,
): Promise<Audited<ElfAudit>> {
  try {
    const answers = await Promise.all(
      pieces.map((piece) =>
        pool.run({ kind: "piece", bytes, prepared, piece }, limitFor(bytesOf(piece)), "next"),
      ),
    );
    const results: PieceResult[] = [];
    for (const answer of answers) {
      if (answer.kind === "refused") return { unaudited: answer.problem };
      if (answer.kind === "piece") results.push(answer.result);
    }
    const job = { kind: "finish", bytes, prepared, results, isData } as const;
    const answer = await pool.run(job, limitFor(bytes.length), "next");
    if (answer.kind === "refused") return { unaudited: answer.problem };
    if (answer.kind === "finish") return { audit: answer.audit };
    throw wheelsError("E_INTERNAL", { detail: `a worker answered ${answer.kind}` });
  } catch (thrown) {
    if (thrown instanceof Overrun) return { unaudited: `its code: ${thrown.message}` };
    throw thrown;
  }
}

async function auditDivided(pool: Pool, { bytes, code, data }: Divided): Promise<Audited<LibraryAudit>> {
  const [ofCode, ofData] = await Promise.all([
    auditDivision(pool, bytes, code, false),
    data && auditDivision(pool, bytes, data, true),
  ]);
  if ("unaudited" in ofCode) return ofCode;
  if (ofData && "unaudited" in ofData) return ofData;
  return { audit: { ...ofCode.audit, executableData: ofData && executableDataOf(ofData.audit) } };
}

/** Milliseconds that reading so many bytes may take: far more than any honest file needs on a busy machine. */
const limitFor = (bytes: number): number => 120_000 + bytes / 2000;

interface Read {
  entries: Map<string, EntryFacts>;
  audits: Map<string, LibraryAudit>;
  /** Why code was not audited, by path. */
  unaudited: Map<string, string>;
}

async function readBatch(
  pool: Pool,
  archive: Uint8Array,
  batch: Batch,
  memory: SharedArrayBuffer | null,
  read: Read,
): Promise<void> {
  const job = { kind: "read", archive, entries: batch.entries, memory } as const;
  let answer: JobAnswer;
  try {
    answer = await pool.run(job, limitFor(batch.entries.reduce((sum, { place }) => sum + place.size, 0)));
  } catch (thrown) {
    if (!(thrown instanceof Overrun)) throw thrown;
    // One of them was too much; which one is seen where each is read by itself.
    const [only, ...others] = batch.entries;
    if (others.length > 0) {
      for (const entry of batch.entries)
        await readBatch(pool, archive, { ...batch, entries: [entry] }, memory, read);
    } else if (only) read.entries.set(only.place.name, unreadFacts(only.place.name, thrown.message));
    return;
  }
  if (answer.kind !== "read") throw wheelsError("E_INTERNAL", { detail: `a worker answered ${answer.kind}` });
  for (const { facts, audit, unaudited, executableData, divided } of answer.entries) {
    read.entries.set(facts.path, facts);
    const whole: Audited<LibraryAudit> | null = divided
      ? await auditDivided(pool, divided)
      : unaudited !== null
        ? { unaudited }
        : audit && { audit: { ...audit, executableData } };
    if (whole === null) continue;
    if ("audit" in whole) read.audits.set(facts.path, whole.audit);
    else read.unaudited.set(facts.path, whole.unaudited);
  }
}

/** A worker that has little to do costs more than it saves: starting one takes as long as decoding some megabytes. */
function workersFor(host: Host, entries: readonly EntryRequest[]): number {
  const bytes = entries.reduce((sum, { place }) => sum + place.size, 0);
  return Math.max(1, Math.min(host.cores, Math.ceil(bytes / WORTH_A_WORKER)));
}

async function inWorkers(
  host: Host,
  opened: OpenedWheel,
  dispatch: readonly RuntimeDispatch[],
): Promise<Read> {
  const read: Read = { entries: new Map(), audits: new Map(), unaudited: new Map() };
  const requests = opened.entries.map(({ name, method, offset, compressedSize, size, crc32 }) => ({
    place: { name, method, offset, compressedSize, size, crc32 },
    algorithm: opened.algorithms.get(name) ?? ("sha256" as const),
    forLinux: opened.forLinux,
    symbols: symbolsFor(name, dispatch),
  }));
  const work = batches(requests);
  const bytes = requests.reduce((sum, { place }) => sum + place.size, 0);
  const deadline = host.now().getTime() + 2 * limitFor(bytes);
  const pool: Pool = startWorkers(host, auditWorkerPath(), workersFor(host, requests), deadline);
  const [large, small] = [new Arena(ROOM), new Arena(SMALL_ROOM)];
  try {
    await Promise.all(
      work.map(async (batch) => {
        const arena = batch.isLarge ? large : small;
        const place = await arena.take(batch.weight, batch.isLarge);
        try {
          await readBatch(pool, opened.bytes, batch, place.memory, read);
        } finally {
          arena.giveBack(place);
        }
      }),
    );
    return read;
  } finally {
    await pool.close();
  }
}

function symbolsFor(path: string, dispatch: readonly RuntimeDispatch[]): string[] {
  const globs = dispatch.flatMap(({ file, symbol }) =>
    symbol !== undefined && compileGlob(file).test(path) ? [symbol] : [],
  );
  return [...new Set(globs)];
}

/** What a wheel's name and dist-info folder say it is, known before its entries are read. */
type Identity = Pick<WheelFacts, "fileName" | "distribution" | "platformTags">;

/**
 * The variant that a wheel is held to: that of its file name, by which users and indexes know it, be it an alias; where that is
 * none's, that of METADATA.
 */
export function variantOfWheel(
  variants: Iterable<Variant>,
  { fileName, distribution, platformTags }: Identity,
): Variant | null {
  // A wheel whose METADATA can't be read holds nothing that could be held to a contract.
  if (distribution === null) return null;
  const all = [...variants];
  for (const name of namesOf(fileName, distribution)) {
    const variant = variantOfDistribution(all, name, platformTags);
    if (variant) return variant;
  }
  return null;
}

function auditFacts(
  { path, problem, architecture }: LibraryFacts,
  audit: LibraryAudit | undefined,
  unaudited: string | undefined,
): AuditFacts {
  if (audit) return { path, problem: null, ...audit };
  const none = { method: "none", bytes: 0, instructions: 0, found: {}, samples: [] };
  return { path, problem: problem ?? unaudited ?? `${architecture} machine code is not decoded`, ...none };
}

/** Bytes hashed before other work gets its turn. */
const TURN = 4 * 1024 ** 2;

async function sha256Of(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < bytes.length; at += TURN) {
    hash.update(bytes.subarray(at, at + TURN));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return hash.digest("hex");
}

function isSmall({ entries }: OpenedWheel): boolean {
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  return bytes <= SMALL_WHEEL && !entries.some(({ name }) => looksLikeLibrary(name));
}

async function readEntries(
  host: Host,
  opened: OpenedWheel,
  dispatch: readonly RuntimeDispatch[],
): Promise<Read> {
  if (isSmall(opened)) {
    const entries = readHere(opened);
    if (![...entries.values()].some(({ library }) => library))
      return { entries, audits: new Map(), unaudited: new Map() };
  }
  return inWorkers(host, opened, dispatch);
}

/**
 * All static facts of a wheel, and the variant it is held to. Entries are inflated, hashed and decoded by workers, on all
 * cores; the inflated wheel is never in memory as a whole.
 * @param bytes of the wheel, in shared memory
 * @param variantOf its run-time dispatch says which functions are counted apart
 */
export async function wheelFacts(
  host: Host,
  fileName: string,
  bytes: Uint8Array,
  variantOf: (identity: Identity) => Variant | null,
): Promise<{ facts: WheelFacts; variant: Variant | null }> {
  const opened = openForFacts(fileName, bytes);
  const variant = variantOf({ fileName, ...opened.facts });
  const [{ entries, audits, unaudited }, sha256] = await Promise.all([
    readEntries(host, opened, variant?.isa.dispatch ?? []),
    sha256Of(bytes),
  ]);
  const facts = gatherFacts(opened, sha256, entries);
  return {
    facts: {
      ...facts,
      audits: facts.libraries.map((library) =>
        auditFacts(library, audits.get(library.path), unaudited.get(library.path)),
      ),
    },
    variant,
  };
}
