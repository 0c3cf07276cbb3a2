import { Worker } from "node:worker_threads";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "./host.ts";

/** Worker threads that answer jobs; a job waits until one is free. */
export interface WorkerPool<Job, Answer> {
  /** @throws E_INTERRUPTED, E_INTERNAL where a worker dies */
  run(job: Job, urgency?: "next" | "last"): Promise<Answer>;
  close(): Promise<void>;
}

interface Waiting<Job, Answer> {
  job: Job;
  resolve: (answer: Answer) => void;
  reject: (thrown: unknown) => void;
}

/** A worker's heap, MiB: what is large lies outside of it, in array buffers. */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 };

/**
 * Starts worker threads.
 * @param file the workers' program: takes a job as a message, answers `{ok}` or `{error}`
 * @param count at most; jobs are plain data, arrays over shared memory are not copied
 */
export function startWorkers<Job, Answer>(host: Host, file: string, count: number): WorkerPool<Job, Answer> {
  const waiting: Waiting<Job, Answer>[] = [];
  const working = new Map<Worker, Waiting<Job, Answer>>();
  const workers: Worker[] = [];
  const idle: Worker[] = [];
  let broken: unknown = null;

  const fail = (thrown: unknown): void => {
    broken ??= thrown;
    for (const { reject } of [...waiting.splice(0), ...working.values()]) reject(thrown);
    working.clear();
  };
  const onAbort = (): void => fail(wheelsError("E_INTERRUPTED", { during: "the audit" }));
  const next = (): void => {
    for (let worker = idle.at(-1); worker && waiting.length > 0; worker = idle.at(-1)) {
      const one = waiting.shift();
      if (!one) return;
      idle.pop();
      working.set(worker, one);
      worker.postMessage(one.job);
    }
  };
  const start = (): Worker => {
    const worker = new Worker(file, { resourceLimits: LIMITS });
    worker.on("message", (message: { ok: Answer } | { error: string }) => {
      const one = working.get(worker);
      working.delete(worker);
      idle.push(worker);
      if ("ok" in message) one?.resolve(message.ok);
      else one?.reject(wheelsError("E_INTERNAL", { detail: message.error }));
      next();
    });
    worker.on("error", (thrown) => fail(wheelsError("E_INTERNAL", { detail: thrown.message }, thrown)));
    return worker;
  };

  for (let index = 0; index < count; index++) workers.push(start());
  idle.push(...workers);
  if (host.signal.aborted) onAbort();
  else host.signal.addEventListener("abort", onAbort, { once: true });
  return {
    run: (job, urgency = "last") =>
      new Promise((resolve, reject) => {
        if (broken !== null) return reject(broken);
        const one = { job, resolve, reject };
        if (urgency === "next") waiting.unshift(one);
        else waiting.push(one);
        next();
      }),
    close: async () => {
      host.signal.removeEventListener("abort", onAbort);
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
