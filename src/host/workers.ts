import { Worker } from "node:worker_threads";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "./host.ts";

/**
 * Runs jobs in worker threads, at most one a core; a worker takes the next job as it becomes free.
 * @param file the worker's program: takes a job as a message, answers `{ok}` or `{error}`
 * @param jobs plain data; byte arrays are copied into the worker
 * @returns answers in the order of the jobs
 * @throws E_INTERRUPTED, E_INTERNAL where a worker dies
 */
export async function inWorkers<Job, Answer>(
  host: Host,
  file: string,
  jobs: readonly Job[],
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const queue = [...jobs.entries()];
  const lane = async (): Promise<void> => {
    if (queue.length === 0) return;
    const worker = new Worker(file);
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [index, job] = next;
        answers[index] = await ask<Job, Answer>(host, worker, job);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(host.cores, jobs.length) }, lane));
  return answers;
}

function ask<Job, Answer>(host: Host, worker: Worker, job: Job): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => settle(() => reject(wheelsError("E_INTERRUPTED", { during: "the audit" })));
    const onMessage = (message: { ok: Answer } | { error: string }): void =>
      settle(() =>
        "ok" in message ? resolve(message.ok) : reject(wheelsError("E_INTERNAL", { detail: message.error })),
      );
    const onError = (thrown: Error): void =>
      settle(() => reject(wheelsError("E_INTERNAL", { detail: thrown.message }, thrown)));
    const settle = (finish: () => void): void => {
      worker.off("message", onMessage);
      worker.off("error", onError);
      host.signal.removeEventListener("abort", onAbort);
      finish();
    };
    if (host.signal.aborted) return onAbort();
    worker.on("message", onMessage);
    worker.on("error", onError);
    host.signal.addEventListener("abort", onAbort, { once: true });
    worker.postMessage(job);
  });
}
