import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { Overrun, startWorkers, type WorkerPool } from "../../src/host/workers.ts";
import { quietHost } from "../support/network-host.ts";
import { removeScratch, scratch } from "../support/run.ts";

interface Job {
  what: "answer" | "write" | "hoard" | "too-many";
  /** Milliseconds before the answer, in which nothing else happens in the worker. */
  ms?: number;
  cell?: Int32Array;
}

const PROGRAM = `
import { writeFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
process.on("exit", () => writeFileSync(new URL("ended", import.meta.url), ""));
parentPort.on("message", (job) => {
  if (job === null) return parentPort.close();
  const { what, ms = 0, cell } = job;
  try {
    const end = performance.now() + ms;
    const kept = [];
    while (performance.now() < end || what === "hoard") {
      if (what === "write") Atomics.add(cell, 0, 1);
      if (what === "hoard") kept.push({ at: kept.length });
    }
    if (what === "too-many") new Array(-1);
    parentPort.postMessage({ ok: what });
  } catch (thrown) {
    parentPort.postMessage({ overrun: thrown.message });
  }
});
`;

const host = quietHost();
const FAR = 60_000;

let pool: WorkerPool<Job, string>;
let file: string;
function workers(count: number, forMs = FAR): WorkerPool<Job, string> {
  file = join(scratch(), "worker.mjs");
  writeFileSync(file, PROGRAM);
  pool = startWorkers(host, file, count, Date.now() + forMs);
  return pool;
}
afterEach(() => pool.close());
afterAll(removeScratch);

test("a worker that has nothing to do ends by itself, one that is at work is ended", async () => {
  for (const [ms, isAtWork] of [
    [0, false],
    [FAR, true],
  ] as const) {
    const { run, close } = workers(1);
    const answer = refusal(run({ what: "answer", ms }, FAR));
    if (!isAtWork) await answer;
    else await sleep(500);
    await close();
    expect(existsSync(join(dirname(file), "ended"))).toBe(!isAtWork);
  }
});

/** Why a job was not answered. */
const refusal = (run: Promise<string>): Promise<string> =>
  run.then(
    (answer) => `answered ${answer}`,
    (thrown: unknown) => (thrown instanceof Overrun ? thrown.message : `no Overrun: ${String(thrown)}`),
  );

test("a job that takes too long is given up, and the next one is answered", async () => {
  const { run } = workers(1);
  const slow = refusal(run({ what: "answer", ms: FAR }, 1000));
  const next = run({ what: "answer" }, FAR);
  expect(await slow).toBe("it takes more than 1 s");
  expect(await next).toBe("answer");
});

test("a job that takes too much memory is given up, and the next one is answered", async () => {
  const { run } = workers(1);
  const large = refusal(run({ what: "hoard" }, FAR));
  const next = run({ what: "answer" }, FAR);
  expect(await large).toBe("it takes more than 512 MiB of memory");
  expect(await next).toBe("answer");
});

test("a bound of the engine is an overrun", async () => {
  const { run } = workers(1);
  expect(await refusal(run({ what: "too-many" }, FAR))).toMatch(/^it takes more than there is: /);
  expect(await run({ what: "answer" }, FAR)).toBe("answer");
});

test("a job that was given up writes to shared memory no more", async () => {
  // Whoever was told too soon saw a write in some tries of ten.
  for (let time = 0; time < 20; time++) {
    const { run } = workers(1);
    await run({ what: "answer" }, FAR);
    const cell = new Int32Array(new SharedArrayBuffer(4));
    const atRefusal = await run({ what: "write", ms: FAR, cell }, 50).then(
      () => Number.NaN,
      () => Atomics.load(cell, 0),
    );
    expect(atRefusal).toBeGreaterThan(0);
    await sleep(20);
    expect(Atomics.load(cell, 0)).toBe(atRefusal);
    await pool.close();
  }
});

test("an answer that comes when its time is over brings no ended worker back", async () => {
  const { run } = workers(1);
  await run({ what: "answer" }, FAR);
  const late = refusal(run({ what: "answer", ms: 50 }, 100));
  // Nothing is received while Node is busy, and of what is due afterwards timers come first.
  setImmediate(() => {
    for (const end = performance.now() + 500; performance.now() < end; );
  });
  expect(await late).toBe("it takes more than 0 s");
  expect(await Promise.all([1, 2, 3].map(() => refusal(run({ what: "answer" }, 5000))))).toEqual(
    Array(3).fill("answered answer"),
  );
});

test("jobs that wait are held to the same end as all others", async () => {
  const { run } = workers(1, 3000);
  await run({ what: "answer" }, FAR);
  const jobs = [FAR, 0, 0].map((ms) => refusal(run({ what: "answer", ms }, FAR)));
  const none = "there was no time left for it";
  expect(await Promise.all(jobs)).toEqual([none, none, none]);
  expect(await refusal(run({ what: "answer" }, FAR))).toBe(none);
});
