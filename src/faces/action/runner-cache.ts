import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { messageOf } from "../../errors/thrown.ts";
import { WheelsError } from "../../errors/wheels-error.ts";
import { unpackTar } from "../../host/archives.ts";
import { exists, makeDir, moveInto, remove, writeFile } from "../../host/files.ts";
import type { FolderStore, StoreKeys } from "../../host/folder-store.ts";
import type { Host } from "../../host/host.ts";
import { run } from "../../host/process.ts";
import { cacheWorkerPath } from "../../host/resources.ts";

/** What the client is asked for; see cache-worker.ts. */
export interface CacheJob {
  operation: "restore" | "save";
  /** Name of the folder below the client's working folder. */
  name: string;
  keys: StoreKeys;
}

const answerSchema = z.object({ key: z.string().nullable(), problem: z.string().nullable() });
export type CacheAnswer = z.infer<typeof answerSchema>;

/** Where the stand-in for tar leaves an archive, in the client's working folder. */
const UNOPENED = "unopened.tar";

/** Bytes of an archive that are taken at most; what it unpacks to has a bound of its own. */
const MOST_BYTES = 4 * 1024 ** 3;

/**
 * The client opens archives with `tar -P`, which writes wherever the archive says. It finds tar on PATH: this one
 * decompresses an archive and opens none. Source: @actions/cache 6.3.0, lib/internal/tar.js.
 */
const tarStandIn = (path: string): string => `#!/bin/sh
PATH=${`'${path.replaceAll("'", "'\\''")}'`}
[ "$1" = -xf ] || exec tar "$@"
case "$*" in
  *zstd*) unzstd --long=30 --stdout -- "$2" ;;
  *) gzip --decompress --stdout -- "$2" ;;
esac | head --bytes=${MOST_BYTES} > ${UNOPENED}
`;

async function ask(
  host: Host,
  env: NodeJS.ProcessEnv,
  job: CacheJob,
  cwd: string,
  temp: string,
  timeout: number,
): Promise<string | null> {
  const path = env["PATH"] ?? "";
  const programs = join(temp, "programs");
  await makeDir(programs);
  await writeFile(join(programs, "tar"), tarStandIn(path), 0o755);
  const result = await run(host, process.execPath, [cacheWorkerPath(), JSON.stringify(job)], {
    cwd,
    env: { ...env, PATH: `${programs}:${path}`, GITHUB_WORKSPACE: cwd, RUNNER_TEMP: temp },
    // What the client says are workflow commands, and its alone.
    onLine: (line) => void process.stdout.write(`${line}\n`),
    wantsFd3: true,
    timeout,
  });
  if (result.timedOut) throw new Error(`no end after ${timeout / 1000} s`);
  const text = result.fd3.trim();
  if (text === "") throw new Error("the transfer ended without an answer");
  const { key, problem } = answerSchema.parse(JSON.parse(text));
  if (problem !== null) throw new Error(problem);
  return key;
}

/** Opens what came, if it is one folder of this name, and gives it its place. */
async function open(archive: string, name: string, temp: string, folder: string): Promise<void> {
  const opened = join(temp, "opened");
  // An environment has links to the Python that it was made of.
  await unpackTar(archive, opened, { linksMayLeave: true });
  await remove(archive);
  if (!(await exists(join(opened, name)))) throw new Error(`it holds no ${name}`);
  await makeDir(dirname(folder));
  await moveInto(join(opened, name), folder);
}

/**
 * The workflow's cache. The client runs in a process of its own, because it has no way to be stopped and a server that
 * hangs would hang the job.
 * @param env of the step, which holds the token
 * @param timeout milliseconds for one transfer
 */
export function workflowCache(host: Host, env: NodeJS.ProcessEnv, timeout: number): FolderStore {
  /** Does one transfer; null after a warning where it failed. */
  const transfer = async (
    job: CacheJob,
    cwdOf: (own: string) => string,
    then: (key: string, own: string) => Promise<void>,
  ): Promise<string | null> => {
    try {
      return await host.scratch.withFolder("vllm-cpu-cache", async (own) => {
        const key = await ask(host, env, job, cwdOf(own), own, timeout);
        if (key !== null) await then(key, own);
        return key;
      });
    } catch (thrown) {
      if (thrown instanceof WheelsError && thrown.code === "E_INTERRUPTED") throw thrown;
      host.log.warn(`The cache did not ${job.operation}: ${messageOf(thrown)}. Going on without it.`);
      return null;
    }
  };
  return {
    restore: async (keys, folder) => {
      const name = basename(folder);
      return transfer(
        { operation: "restore", name, keys },
        (own) => own,
        (_key, own) => open(join(own, UNOPENED), name, own, folder),
      );
    },
    save: async (key, folder) => {
      const job: CacheJob = { operation: "save", name: basename(folder), keys: { key, prefixes: [] } };
      const saved = await transfer(
        job,
        () => dirname(folder),
        async () => undefined,
      );
      return saved !== null;
    },
  };
}
