import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import { messageOf } from "../../errors/thrown.ts";
import {
  copyAtomic,
  exists,
  lastChange,
  makeDir,
  readText,
  statPath,
  touch,
  writeFile,
} from "../../host/files.ts";
import type { FolderStore, StoreKeys } from "../../host/folder-store.ts";
import { fileSha256 } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { copyFiles, listFiles } from "../../host/source-copy.ts";
import { formatBytes } from "../../host/terminal.ts";
import { SOURCE_TIME } from "../source/source.ts";
import type { Inputs } from "./keys.ts";

/** Base name of the folder that is kept; the store finds it by that. */
const NAME = "vllm-cpu-objects";
const LIST = "archive.json";

/** Bytes of an archive at most: GitHub keeps 10 GB for a repository, and older archives go for newer ones. */
const MOST_BYTES = 2 * 1024 ** 3;
const LONGEST_LIST = 64 * 1024 ** 2;

const DAY_MS = 86_400_000;
/** File systems tell times by a clock that lags behind. */
const CLOCK_LAG_MS = 1000;

/** A result or a manifest of ccache, of any of the levels that it may use. Source: ccache 4.14, "Cache directory layout". */
const OBJECT = /^(?:[0-9a-f]\/){1,8}[0-9a-z]{16,64}$/;

const listSchema = z.object({
  schema: z.literal(1),
  key: z.string(),
  /** Digest by path. */
  files: z.record(z.string(), z.string()),
  /** HMAC-SHA256 of the key and the files; null where there was no secret. */
  mac: z.string().nullable(),
});
type ArchiveList = z.infer<typeof listSchema>;

/** Where compiled objects go between the runs of a workflow, and who is believed. */
export interface ObjectStore {
  store: FolderStore;
  /** Signs archives; with it, no archive that it has not signed is taken. Null for none. */
  secret: string | null;
  /** Hears at the end what became of it. */
  told(report: ObjectCacheReport): void;
}

/** What became of the archive of a job's compiled objects. */
export interface ObjectCacheReport {
  /** Empty where nothing was compiled. */
  key: string;
  /** Whether the archive of this very key was there. */
  hit: boolean;
}

/** One job's archive of compiled objects. */
export interface ObjectCache {
  /** Before a compile: brings what earlier runs have left, once a job. */
  restore(inputs: Inputs, fresh: boolean): Promise<void>;
  /** After the last compile: keeps what this job made and used, where it is another set than before. */
  save(): Promise<void>;
}

/** What an archive has brought: its objects, and the key that it was found by. */
interface Brought {
  had: ReadonlySet<string>;
  found: string | null;
}

const NOTHING: Brought = { had: new Set(), found: null };

const short = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);

/**
 * Keys of a job's archive: what it compiles and by which compiler comes first, since no object is of use to another
 * one; torch and the source last, because most objects of a release serve the next one.
 * @param what names of the units and Pythons of the job
 */
export function objectKeys(
  what: readonly string[],
  { request, compiler, torch, sourceDigest }: Inputs,
): StoreKeys {
  const common = `${NAME}-1-${request.architecture}-${short(what)}-${short([compiler.programs, compiler.system])}-`;
  const ofTorch = `${common}${torch.torchVersion.replace(/[^\w.+-]/g, "_")}-`;
  return { key: `${ofTorch}${sourceDigest.slice(0, 16)}`, prefixes: [ofTorch, common] };
}

const macOf = (secret: string, { key, files }: Pick<ArchiveList, "key" | "files">): string =>
  createHmac("sha256", secret)
    .update(JSON.stringify([key, Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))]))
    .digest("hex");

function isSigned(list: ArchiveList, secret: string): boolean {
  const [given, own] = [list.mac ?? "", macOf(secret, list)];
  return given.length === own.length && timingSafeEqual(Buffer.from(given), Buffer.from(own));
}

/** The list of an archive that is what it says. Throws an Error that says what is wrong with it. */
async function readList(folder: string, key: string, secret: string | null): Promise<ArchiveList> {
  const path = join(folder, LIST);
  const stat = await statPath(path);
  if (!stat?.isFile || stat.size > LONGEST_LIST) throw new Error("it has no list of what it holds");
  const list = listSchema.parse(JSON.parse(await readText(path)));
  if (list.key !== key) throw new Error(`it was kept as ${list.key}`);
  if (secret !== null && !isSigned(list, secret)) throw new Error("it is not signed with this cache-secret");
  for (const [name, sha256] of Object.entries(list.files)) {
    const file = join(folder, name);
    if (!OBJECT.test(name)) throw new Error(`it lists ${JSON.stringify(name.slice(0, 100))}`);
    if (!(await statPath(file))?.isFile) throw new Error(`${name} is missing`);
    if ((await fileSha256(file)) !== sha256) throw new Error(`${name} was changed`);
  }
  return list;
}

/**
 * The compile cache of a job that starts with an empty disk: one archive of ccache's objects.
 * ccache has a digest in each object and looks it up by what it compiles; what it can't see is told apart here: an
 * archive that was cut short, is another's, or, with a secret, was made by somebody else.
 * @param folder ccache's
 * @param what names of the units and Pythons of the job
 */
export function objectCache(
  host: Host,
  { store, secret, told }: ObjectStore,
  folder: string,
  what: readonly string[],
): ObjectCache {
  let begun: (Brought & { keys: StoreKeys; at: Date }) | null = null;

  const take = async (kept: string, key: string, at: Date): Promise<Set<string>> => {
    const { files } = await readList(kept, key, secret);
    for (const name of Object.keys(files)) {
      const place = join(folder, name);
      if (await exists(place)) continue;
      await makeDir(dirname(place));
      await copyAtomic(join(kept, name), place);
      // What this job uses is told by its time.
      await touch(place, new Date(at.getTime() - DAY_MS));
    }
    return new Set(Object.keys(files));
  };

  const restored = async (keys: StoreKeys, at: Date): Promise<Brought> => {
    const stage = host.log.stage("Looking for compiled objects of earlier runs...");
    return host.scratch.withFolder("vllm-cpu-objects", async (scratch) => {
      const kept = join(scratch, NAME);
      const found = await store.restore(keys, kept);
      if (found === null) {
        stage.done(`none for ${keys.key}`);
        return NOTHING;
      }
      try {
        const had = await take(kept, found, at);
        stage.done(`${had.size} files of ${found}`);
        return { had, found };
      } catch (thrown) {
        stage.failed();
        host.log.warn(`The archive ${found} of the cache is not taken: ${messageOf(thrown)}`);
        return NOTHING;
      }
    });
  };

  return {
    async restore(inputs, fresh) {
      if (begun !== null) return;
      const keys = objectKeys(what, inputs);
      const at = new Date(host.now().getTime() - CLOCK_LAG_MS);
      begun = { keys, at, ...(fresh ? NOTHING : await restored(keys, at)) };
    },
    async save() {
      if (begun === null) {
        told({ key: "", hit: false });
        return;
      }
      const { keys, at, had, found } = begun;
      const hit = found === keys.key;
      told({ key: keys.key, hit });
      if (hit) return;
      const used = await usedSince(folder, at);
      if (used.every((name) => had.has(name))) {
        host.log.info("The archive of compiled objects would be the same: it is not saved again");
        return;
      }
      await host.scratch.withFolder("vllm-cpu-objects", async (scratch) => {
        const kept = join(scratch, NAME);
        const size = await pack(folder, kept, used, keys.key, secret);
        if (size > MOST_BYTES) {
          host.log.warn(
            `The compiled objects are not kept: ${formatBytes(size)} are more than ${formatBytes(MOST_BYTES)}`,
          );
          return;
        }
        const stage = host.log.stage(`Keeping ${formatBytes(size)} of compiled objects for the next run...`);
        if (await store.save(keys.key, kept)) stage.done(keys.key);
        else stage.done("not kept");
      });
    },
  };
}

/** Objects that were made or used since: ccache gives a file that it uses a new time. */
async function usedSince(folder: string, since: Date): Promise<string[]> {
  const used: string[] = [];
  for (const name of await listFiles(folder, () => true)) {
    if (!OBJECT.test(name)) continue;
    const changed = await lastChange(join(folder, name));
    if (changed !== null && changed.getTime() >= since.getTime()) used.push(name);
  }
  return used;
}

/**
 * Makes the folder that is kept.
 * @returns bytes of the files; where they are too many, none was copied
 */
async function pack(
  folder: string,
  kept: string,
  names: readonly string[],
  key: string,
  secret: string | null,
): Promise<number> {
  let size = 0;
  for (const name of names) size += (await statPath(join(folder, name)))?.size ?? 0;
  if (size > MOST_BYTES) return size;
  // Another build on this machine may clean its cache up meanwhile.
  const gone = new Set(await copyFiles(folder, kept, names, SOURCE_TIME));
  const files: Record<string, string> = {};
  for (const name of names) if (!gone.has(name)) files[name] = await fileSha256(join(kept, name));
  const mac = secret === null ? null : macOf(secret, { key, files });
  await writeFile(join(kept, LIST), JSON.stringify({ schema: 1, key, files, mac } satisfies ArchiveList));
  return size;
}
