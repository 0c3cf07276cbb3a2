import { Worker } from "node:worker_threads";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "./host.ts";

/** A job took more time or memory than it may. What it was about is to be said by whoever asked. */
export class Overrun extends Error {}

/** Worker threads that answer jobs; a job waits until one is free. */
export interface WorkerPool<Job, Answer> {
  /**
   * @param limitMs milliseconds from when a worker takes the job
   * @throws Overrun, E_INTERRUPTED, E_INTERNAL where a worker dies of something else
   */
  run(job: Job, limitMs: number, urgency?: "next" | "last"): Promise<Answer>;
  close(): Promise<void>;
}

interface Waiting<Job, Answer> {
  job: Job;
  limitMs: number;
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
  const timers = new Map<Worker, NodeJS.Timeout>();
  const workers = new Set<Worker>();
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
      const seconds = Math.round(one.limitMs / 1000);
      timers.set(
        worker,
        setTimeout(() => replace(worker, `it takes more than ${seconds} s`), one.limitMs),
      );
      worker.postMessage(one.job);
    }
  };
  /** Takes what a worker was at from it, and the worker out of the pool. */
  const release = (worker: Worker): Waiting<Job, Answer> | undefined => {
    const one = working.get(worker);
    clearTimeout(timers.get(worker));
    timers.delete(worker);
    working.delete(worker);
    return one;
  };
  const replace = (worker: Worker, why: string): void => {
    const one = release(worker);
    workers.delete(worker);
    void worker.terminate();
    idle.push(start());
    one?.reject(new Overrun(why));
    next();
  };
  const start = (): Worker => {
    const worker = new Worker(file, { resourceLimits: LIMITS });
    workers.add(worker);
    worker.on("message", (message: { ok: Answer } | { error: string } | { overrun: string }) => {
      const one = release(worker);
      idle.push(worker);
      if ("ok" in message) one?.resolve(message.ok);
      else if ("overrun" in message)
        one?.reject(new Overrun(`it takes more than there is: ${message.overrun}`));
      else one?.reject(wheelsError("E_INTERNAL", { detail: message.error }));
      next();
    });
    worker.on("error", (thrown) => {
      if ((thrown as { code?: string }).code === "ERR_WORKER_OUT_OF_MEMORY")
        replace(worker, `it takes more than ${LIMITS.maxOldGenerationSizeMb} MiB of memory`);
      else fail(wheelsError("E_INTERNAL", { detail: thrown.message }, thrown));
    });
    return worker;
  };

  for (let index = 0; index < count; index++) idle.push(start());
  if (host.signal.aborted) onAbort();
  else host.signal.addEventListener("abort", onAbort, { once: true });
  return {
    run: (job, limitMs, urgency = "last") =>
      new Promise((resolve, reject) => {
        if (broken !== null) return reject(broken);
        const one = { job, limitMs, resolve, reject };
        if (urgency === "next") waiting.unshift(one);
        else waiting.push(one);
        next();
      }),
    close: async () => {
      host.signal.removeEventListener("abort", onAbort);
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all([...workers].map((worker) => worker.terminate()));
    },
  };
}
