import { spawn } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { runner, type Step, step } from "../support/action.ts";
import { type CacheService, startCacheService } from "../support/cache-service.ts";
import { exec, removeScratch, root, scratch, torchFolder } from "../support/run.ts";

/** One machine whose disk is empty before every job, and whose paths are always the same: a hosted runner's. */
const on = runner();
const source = join(scratch(), "source");
const module = join(source, "vllm_cpu_sample", "__init__.py");
let cache: CacheService;

beforeAll(async () => {
  cpSync(join(root, "test", "fixtures", "sample"), source, { recursive: true });
  cache = await startCacheService();
});
beforeEach(() => {
  cache.refuse = () => null;
});
afterAll(async () => {
  await cache.close();
  removeScratch();
});

interface Built extends Step {
  /** Of the wheel. */
  sha256: string;
  /** Calls of the compiler that were answered from the cache, and that were not. */
  hits: number;
  misses: number;
}

async function job(inputs: Record<string, string> = {}, env: Record<string, string> = {}): Promise<Built> {
  for (const name of ["workspace", "temp", "tools"]) {
    rmSync(join(on.folder, name), { recursive: true, force: true });
    mkdirSync(join(on.folder, name));
  }
  for (const name of ["GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"])
    writeFileSync(join(on.folder, name), "");
  const stats = join(scratch(), "stats");
  const ran = await step(
    "build-variant",
    {
      variant: "vllm-cpu",
      source,
      level: "static",
      upload: "false",
      "torch-index-url": torchFolder,
      ...inputs,
    },
    { ...cache.env, CCACHE_STATSLOG: stats, ...env },
    on,
  );
  expect(ran.status === 0 ? "" : ran.log).toBe("");
  const lines = readFileSync(stats, "utf8").split("\n");
  const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
  return {
    ...ran,
    sha256: ran.outputs["sha256"] ?? "",
    hits: count(/^(direct|preprocessed)_cache_hit$/),
    misses: count(/^cache_miss$/),
  };
}

/** Opens the archive that was kept last, lets it be changed, and puts it back as its own. */
function forge(change: (folder: string) => void): void {
  const entry = cache.entries.at(-1);
  if (!entry) throw new Error("nothing was kept");
  const folder = scratch();
  const archive = join(folder, "archive");
  writeFileSync(archive, entry.bytes);
  exec("tar", ["--zstd", "-xf", archive, "-C", folder]);
  change(join(folder, "vllm-cpu-objects"));
  exec("tar", ["--zstd", "-cf", archive, "-C", folder, "vllm-cpu-objects"]);
  entry.bytes = readFileSync(archive);
}

const objectsIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && /^[0-9a-z]{16,}$/.test(basename(path)));

describe("compiled objects of a runner that keeps nothing", () => {
  let cold: Built;

  test("are kept under a key that says of what they are", async () => {
    cold = await job();
    expect(cold.outputs["cache-key"]).toMatch(
      /^vllm-cpu-objects-1-x86_64-\w{16}-\w{16}-2\.13\.0\+cpu-\w{16}$/,
    );
    expect([cold.outputs["cache-hit"], cold.hits]).toEqual(["false", 0]);
    expect(cold.misses).toBeGreaterThan(3);
    expect(cache.entries.map(({ key, done }) => [key, done])).toEqual([[cold.outputs["cache-key"], true]]);
  });

  test("serve the same source, and nothing is kept again", async () => {
    const again = await job();
    expect([again.outputs["cache-hit"], again.misses, again.sha256]).toEqual(["true", 0, cold.sha256]);
    expect(cache.entries).toHaveLength(1);
  });

  test("serve another source of the same compiler: a changed module compiles nothing", async () => {
    appendFileSync(module, "# changed\n");
    const changed = await job();
    expect([changed.outputs["cache-hit"], changed.misses]).toEqual(["false", 0]);
    expect(changed.outputs["cache-key"]).not.toBe(cold.outputs["cache-key"]);
    expect(changed.sha256).not.toBe(cold.sha256);
    expect(changed.log).toContain("would be the same: it is not saved again");
  });

  test.each<[string, RegExp, (folder: string) => void]>([
    [
      "an object of which was changed",
      /is not taken: .* was changed/,
      (folder) => appendFileSync(objectsIn(folder)[0] ?? "", "x"),
    ],
    ["that lacks an object", /is not taken: .* is missing/, (folder) => rmSync(objectsIn(folder)[0] ?? "")],
    [
      "of another key",
      /is not taken: it was kept as other/,
      (folder) => {
        const list = join(folder, "archive.json");
        const document = JSON.parse(readFileSync(list, "utf8")) as object;
        writeFileSync(list, JSON.stringify({ ...document, key: "other" }));
      },
    ],
    ["without its list", /is not taken: it has no list/, (folder) => rmSync(join(folder, "archive.json"))],
  ])("are not taken from an archive %s", async (_what, said, change) => {
    const [kept] = cache.entries;
    const { bytes } = kept ?? { bytes: Buffer.alloc(0) };
    forge(change);
    const ran = await job({ "save-cache": "false" });
    if (kept) kept.bytes = bytes;
    expect(ran.log).toMatch(said);
    expect(ran.hits).toBe(0);
  });

  test("are taken from those alone who have the secret, if there is one", async () => {
    const unsigned = await job({ "cache-secret": "s3cret-of-the-repository" });
    expect(unsigned.log).toContain("is not taken: it is not signed with this cache-secret");
    expect(unsigned.log.replaceAll("::add-mask::s3cret-of-the-repository", "")).not.toContain("s3cret-of");
    expect(unsigned.hits).toBe(0);
    expect(cache.entries).toHaveLength(2);
    const signed = await job({ "cache-secret": "s3cret-of-the-repository" });
    expect([signed.outputs["cache-hit"], signed.misses, signed.sha256]).toEqual(["true", 0, unsigned.sha256]);
  });

  test("are taken by a pull request of a fork, which leaves none", async () => {
    const event = join(scratch(), "event.json");
    const repo = (full_name: string): object => ({ repo: { full_name } });
    writeFileSync(event, JSON.stringify({ pull_request: { head: repo("stranger/x"), base: repo("me/x") } }));
    appendFileSync(join(source, "csrc", "module.cpp"), "\n// changed\n");
    const before = cache.entries.length;
    const ran = await job({}, { GITHUB_EVENT_NAME: "pull_request", GITHUB_EVENT_PATH: event });
    expect(ran.hits).toBeGreaterThan(0);
    expect(cache.entries).toHaveLength(before);
  });

  test("are done without where the server limits the rate, at the first call or in the middle", async () => {
    cache.refuse = (call) => (call === "GET cache" || call === "PATCH caches" ? 429 : null);
    const ran = await job();
    expect(ran.hits).toBe(0);
    expect(ran.log).toMatch(/::warning::.*429/);
  });

  test("of a disk that lies are compiled anew, and the wheel is the same", async () => {
    const objects = scratch();
    const first = await job({ cache: "false" }, { CCACHE_DIR: objects });
    for (const path of objectsIn(objects)) {
      const bytes = readFileSync(path);
      const at = bytes.length >> 1;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      writeFileSync(path, bytes);
    }
    const second = await job({ cache: "false" }, { CCACHE_DIR: objects });
    expect([second.hits, second.sha256]).toEqual([0, first.sha256]);
    expect([first.outputs["cache-key"], second.outputs["cache-key"]]).toEqual([undefined, undefined]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a Redis server shares compiled objects, and takes none of a pull request", async () => {
  const port = await freePort();
  const server = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", ""], {
    cwd: scratch(),
    stdio: "ignore",
  });
  try {
    await sleep(1000);
    const inputs = { cache: "false", "compiler-cache": `redis://127.0.0.1:${port}` };
    const cold = await job(inputs, { GITHUB_EVENT_NAME: "pull_request" });
    const left = await job(inputs);
    const warm = await job(inputs, { GITHUB_EVENT_NAME: "pull_request" });
    expect([cold.hits, left.hits, warm.misses]).toEqual([0, 0, 0]);
    expect(warm.sha256).toBe(cold.sha256);
  } finally {
    server.kill();
  }
});
