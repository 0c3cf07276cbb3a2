import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Inputs } from "../../src/build/compile/keys.ts";
import { objectCache } from "../../src/build/compile/object-cache.ts";
import type { FolderStore } from "../../src/host/folder-store.ts";
import { runner, type Step, step } from "../support/action.ts";
import { type CacheService, startCacheService } from "../support/cache-service.ts";
import { quietHost } from "../support/network-host.ts";
import { answers, freePort } from "../support/publish.ts";
import { removeScratch, root, scratch, torchFolder } from "../support/run.ts";

// Each job builds, and some tests have two.
jest.setTimeout(400_000);

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

async function job(
  inputs: Record<string, string> = {},
  env: Record<string, string> = {},
  where = on,
): Promise<Built> {
  // The tools and packages that a hosted runner would fetch again stay: they have nothing to do with the objects.
  for (const name of ["ccache", "compiled", "build", "sources", "materials"])
    rmSync(join(where.folder, "tools", "vllm-cpu-wheels", name), { recursive: true, force: true });
  for (const name of ["GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"])
    writeFileSync(join(where.folder, name), "");
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
    { ...cache.env, CCACHE_DIR: undefined, CCACHE_STATSLOG: stats, ...env },
    where,
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
    const trace = JSON.parse(
      readFileSync(join(on.folder, "tools", "vllm-cpu-wheels", "logs", "trace.json"), "utf8"),
    ) as { traceEvents: { name: string; cat: string; dur?: number }[] };
    const steps = trace.traceEvents.filter(({ cat, dur }) => cat === "compile step" && dur !== undefined);
    expect(steps.map(({ name }) => name)).toContainEqual(expect.stringMatching(/module\.cpp\.o$/));
    expect(cold.summary).toMatch(/Where the time went:[\s\S]*Building wheel/);
    expect(cache.entries.map(({ key, done }) => [key, done])).toEqual([[cold.outputs["cache-key"], true]]);
  });

  test("serve the same source, and nothing is kept again", async () => {
    const again = await job();
    expect([again.outputs["cache-hit"], again.misses, again.sha256]).toEqual(["true", 0, cold.sha256]);
    expect(cache.entries).toHaveLength(1);
  });

  test("serve a runner whose folders have other names", async () => {
    const elsewhere = await job({}, {}, runner());
    // cmake asks what the compiler can do in folders of random names.
    expect([elsewhere.outputs["cache-hit"], elsewhere.misses <= 1]).toEqual(["true", true]);
    expect(elsewhere.hits).toBeGreaterThanOrEqual(cold.misses - 1);
    expect(elsewhere.sha256).toBe(cold.sha256);
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
    expect(ran.log).toContain("files of vllm-cpu-objects-");
    expect(ran.hits).toBeGreaterThan(0);
    expect(cache.entries).toHaveLength(before);
  });

  test("are done without where the server limits the rate, at the first call or in the middle", async () => {
    const before = cache.entries.filter(({ done }) => done).length;
    cache.refuse = (call) => (call === "GET cache" || call === "PATCH caches" ? 429 : null);
    const ran = await job();
    expect(ran.hits).toBe(0);
    expect(ran.log).toMatch(/::warning::.*429/);
    expect(cache.entries.filter(({ done }) => done)).toHaveLength(before);
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
  }, 600_000);
});

describe("an archive of compiled objects", () => {
  const name = `a/b/${"0".repeat(20)}`;
  const inputs = {
    request: { architecture: "x86_64" },
    compiler: { programs: {}, system: "" },
    torch: { torchVersion: "2.13.0+cpu" },
    sourceDigest: "0".repeat(64),
  } as unknown as Inputs;
  let kept: string;

  /** Keeps one object, lets the archive be changed, and gives what the next job then has of it. */
  async function nextJob(
    change: (folder: string) => void,
    secrets: [string | null, string | null] = [null, null],
  ): Promise<{ had: boolean; warnings: string[] }> {
    const store: FolderStore = {
      restore: async ({ key }, folder) => {
        cpSync(kept, folder, { recursive: true });
        return key;
      },
      save: async (_key, folder) => {
        kept = join(scratch(), "kept");
        cpSync(folder, kept, { recursive: true });
        return true;
      },
    };
    const warnings: string[] = [];
    const quiet = quietHost();
    const host = { ...quiet, log: { ...quiet.log, warn: (message: string) => void warnings.push(message) } };
    const from = scratch();
    const made = objectCache(host, { store, secret: secrets[0], told: () => undefined }, from, ["x"]);
    await made.restore(inputs, true);
    mkdirSync(join(from, "a", "b"), { recursive: true });
    writeFileSync(join(from, name), "object");
    await made.save();
    change(kept);
    const to = scratch();
    const next = objectCache(host, { store, secret: secrets[1], told: () => undefined }, to, ["x"]);
    await next.restore(inputs, false);
    return { had: existsSync(join(to, name)), warnings };
  }

  function changeList(folder: string, change: object): void {
    const list = join(folder, "archive.json");
    writeFileSync(list, JSON.stringify({ ...(JSON.parse(readFileSync(list, "utf8")) as object), ...change }));
  }
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

  test("comes back as it was", async () => {
    expect(await nextJob(() => undefined)).toEqual({ had: true, warnings: [] });
    expect(await nextJob(() => undefined, ["a", "a"])).toEqual({ had: true, warnings: [] });
  });

  test.each<[string, RegExp, (folder: string) => void]>([
    ["an object of which was changed", / was changed$/, (folder) => appendFileSync(join(folder, name), "x")],
    ["that lacks an object", / is missing$/, (folder) => rmSync(join(folder, name))],
    [
      "that is kept for another key",
      /it was kept as other$/,
      (folder) => changeList(folder, { key: "other" }),
    ],
    [
      "without its list",
      /it has no list of what it holds$/,
      (folder) => rmSync(join(folder, "archive.json")),
    ],
    ["whose list is none", /is not taken: /, (folder) => writeFileSync(join(folder, "archive.json"), "[")],
    [
      "that holds what is no object",
      /it lists "ccache.conf"$/,
      (folder) => changeList(folder, { files: { "ccache.conf": sha256("") } }),
    ],
    [
      "that holds a path out of it",
      /it lists "..\/..\/x"$/,
      (folder) => changeList(folder, { files: { "../../x": sha256("") } }),
    ],
    [
      "whose object is a link",
      / is missing$/,
      (folder) => {
        rmSync(join(folder, name));
        symlinkSync("/etc/hostname", join(folder, name));
      },
    ],
  ])("%s is not taken", async (_what, said, change) => {
    const { had, warnings } = await nextJob(change);
    expect([had, warnings]).toEqual([false, [expect.stringMatching(said)]]);
  });

  test.each<[string, [string | null, string | null], (folder: string) => void]>([
    ["nobody signed", [null, "secret"], () => undefined],
    ["another secret signed", ["other", "secret"], () => undefined],
    [
      "was signed, and whose object and list were changed",
      ["secret", "secret"],
      (folder) => {
        writeFileSync(join(folder, name), "poison");
        changeList(folder, { files: { [name]: sha256("poison") } });
      },
    ],
  ])("that %s is not taken where there is a secret", async (_who, secrets, change) => {
    const { had, warnings } = await nextJob(change, secrets);
    expect([had, warnings]).toEqual([
      false,
      [expect.stringContaining("it is not signed with this cache-secret")],
    ]);
  });
});

/** Servers that ccache speaks with, each as its users run it. */
const SERVERS: [string, (port: number, folder: string) => { url: string; command: string[] }][] = [
  [
    "Redis",
    (port) => ({
      url: `redis://127.0.0.1:${port}`,
      command: ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", ""],
    }),
  ],
  [
    "nginx",
    (port, folder) => {
      const [config, kept] = [join(folder, "nginx.conf"), join(folder, "kept")];
      mkdirSync(kept);
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `${name}_temp_path ${folder}/${name};`)
        .join(" ");
      // Whoever runs the tests runs it, and its workers: they share one folder.
      const { uid, username } = userInfo();
      writeFileSync(
        config,
        `${uid === 0 ? `user ${username};` : ""} daemon off; pid ${folder}/pid; error_log stderr; events {}
http { access_log off; ${temporary} server { listen 127.0.0.1:${port}; location / {
root ${kept}; dav_methods PUT DELETE; create_full_put_path on; client_max_body_size 1g; } } }`,
      );
      return { url: `http://127.0.0.1:${port}/objects`, command: ["nginx", "-c", config] };
    },
  ],
];

test.each(SERVERS)(
  "%s shares compiled objects, and takes none of a pull request",
  async (_name, make) => {
    const port = await freePort();
    const folder = scratch();
    const { url, command } = make(port, folder);
    const [program = "", ...args] = command;
    const server = spawn(program, args, { cwd: folder, stdio: "ignore" });
    try {
      while (!(await answers(port))) {
        expect(server.exitCode).toBeNull();
        await sleep(100);
      }
      const inputs = { cache: "false", "compiler-cache": url };
      const cold = await job(inputs, { GITHUB_EVENT_NAME: "pull_request" });
      const left = await job(inputs);
      const warm = await job(inputs, { GITHUB_EVENT_NAME: "pull_request" });
      expect([cold.hits, left.hits, warm.misses]).toEqual([0, 0, 0]);
      expect(warm.sha256).toBe(cold.sha256);
    } finally {
      server.kill();
    }
  },
  600_000,
);
