import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Host } from "../../host/host.ts";
import { cacheWorkerPath } from "../../host/resources.ts";

/** What the worker does; see cache-worker.ts. */
export interface CacheJob {
  operation: "restore" | "save";
  path: string;
  key: string;
}

/**
 * One transfer with the workflow cache. It never throws, because a job goes on without a cache. It runs in a worker,
 * because the client has no way to be stopped, and a server that hangs would hang the job.
 * @param limits timeout in milliseconds; folder for the archive, which the caller removes
 * @returns true where it was done: for restore, where the path now holds what was saved under this very key
 */
export async function cacheTransfer(
  host: Host,
  job: CacheJob,
  limits: { timeout: number; temp: string },
): Promise<boolean> {
  const { timeout, temp } = limits;
  // The client packs its archive below RUNNER_TEMP and leaves it there when it is stopped.
  const worker = new Worker(cacheWorkerPath(), {
    workerData: job,
    env: { ...process.env, RUNNER_TEMP: temp },
  });
  const done = new AbortController();
  try {
    const answer = new Promise<boolean | string>((resolve) => {
      worker.on("message", (message: boolean | string) => resolve(message));
      worker.on("error", (thrown) => resolve(thrown.message));
      worker.on("exit", () => resolve("the transfer ended without an answer"));
      host.signal.addEventListener("abort", () => resolve("interrupted"), { signal: done.signal });
    });
    const limit = sleep(timeout, `no end after ${timeout / 1000} s`, { signal: done.signal }).catch(
      () => "stopped",
    );
    const result = await Promise.race([answer, limit]);
    if (typeof result === "boolean") return result;
    host.log.warn(`The cache did not ${job.operation}: ${result}. Going on without it.`);
    return false;
  } finally {
    done.abort();
    await worker.terminate();
  }
}
