import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "./host.ts";

/** A job took more time or memory than it may. What it was about is to be said by whoever asked. */
export class Overrun extends Error {}

/** Worker threads that answer jobs; a job waits until one is free. */
export interface WorkerPool<Job, Answer> {
  /**
   * @param limitMs milliseconds from when a worker takes the job
   * @throws Overrun once the worker has ended, E_INTERRUPTED, E_INTERNAL where a worker dies of something else
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

/** How long a worker may take to end by itself, milliseconds. */
const END_MS = 2000;

/**
 * Lets a worker that has nothing to do end by itself, since Node.js may crash where a thread is torn down, of its
 * WebAssembly above all; one that does not is ended.
 */
async function endOf(worker: Worker): Promise<void> {
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.postMessage(null);
  const late = new AbortController();
  const limit = sleep(END_MS, undefined, { signal: late.signal }).then(() => worker.terminate());
  await Promise.race([ended, limit.catch(() => undefined)]);
  late.abort();
}

const NO_TIME = "there was no time left for it";

/** A worker's heap, MiB: what is large lies outside of it, in array buffers. */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 };

/**
 * Worker threads, each started when a job has none to wait for.
 * @param file the workers' program: takes a job as a message, answers `{ok}`, `{overrun}` or `{error}`; lets go of its port at `null`, which is no job
 * @param count at most; jobs are plain data, arrays over shared memory are not copied
 * @param deadline no job begins or goes on after it, however many wait; milliseconds since the epoch
 */
export function startWorkers<Job, Answer>(
  host: Host,
  file: string,
  count: number,
  deadline: number,
): WorkerPool<Job, Answer> {
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
    const left = deadline - host.now().getTime();
    if (left <= 0) for (const { reject } of waiting.splice(0)) reject(new Overrun(NO_TIME));
    while (waiting.length > 0) {
      // None is started for nothing: Node.js may crash where one is ended that has not quite begun.
      const worker = idle.pop() ?? (workers.size < count ? start() : undefined);
      const one = worker && waiting.shift();
      if (!one) return;
      working.set(worker, one);
      const { limitMs } = one;
      const why = left < limitMs ? NO_TIME : `it takes more than ${Math.round(limitMs / 1000)} s`;
      timers.set(
        worker,
        setTimeout(() => replace(worker, why), Math.min(limitMs, left)),
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
    if (!workers.delete(worker)) return;
    // Until it has ended it may write into memory that whoever asked gives to the next job.
    void worker.terminate().then(() => one?.reject(new Overrun(why)));
    next();
  };
  const start = (): Worker => {
    const worker = new Worker(file, { resourceLimits: LIMITS });
    workers.add(worker);
    worker.on("message", (message: { ok: Answer } | { error: string } | { overrun: string }) => {
      // An answer that was under way when its time was over; the worker has been stopped.
      if (!workers.has(worker)) return;
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
      else if (workers.has(worker)) fail(wheelsError("E_INTERNAL", { detail: thrown.message }, thrown));
    });
    return worker;
  };

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
      const isIdle = new Set(idle);
      await Promise.all(
        [...workers].map((worker) => (isIdle.has(worker) ? endOf(worker) : worker.terminate())),
      );
    },
  };
}
