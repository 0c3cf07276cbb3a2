import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { type FakeGitHub, fakeGitHub } from "../support/github-api.ts";
import { proved, proxy, pypiserver } from "../support/publish.ts";
import { cli, exec, type Ran, removeScratch, scratch, start } from "../support/run.ts";
import type { Server } from "../support/server.ts";

const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
afterAll(removeScratch);

interface Page {
  files: {
    filename: string;
    url: string;
    size: number;
    hashes: { sha256: string };
    "core-metadata": { sha256: string };
    _proof: { verdict: string };
  }[];
}

const sha256Of = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** What a reader finds at this moment: every page is whole, and every file that a page names is there with its hash. */
function expectSound(index: string): void {
  if (!existsSync(index)) return;
  for (const project of readdirSync(index).filter((name) => statSync(join(index, name)).isDirectory())) {
    const folder = join(index, project);
    if (!existsSync(join(folder, "index.json"))) continue;
    const page = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as Page;
    for (const file of page.files) {
      expect(sha256Of(join(folder, file.url))).toBe(file.hashes.sha256);
      expect(statSync(join(folder, file.url)).size).toBe(file.size);
      expect(sha256Of(join(folder, `${file.url}.metadata`))).toBe(file["core-metadata"].sha256);
      JSON.parse(readFileSync(join(folder, file._proof.verdict), "utf8"));
    }
  }
  for (const folder of ["", ...readdirSync(index)].map((name) => join(index, name))) {
    const html = join(folder, "index.html");
    if (!existsSync(html)) continue;
    const text = readFileSync(html, "utf8");
    expect(text.trimEnd()).toMatch(/<\/html>$/);
    for (const [, href = ""] of text.matchAll(/<(?:a href|form action)="([^"#]+)/g))
      expect([href, existsSync(join(folder, decodeURIComponent(href)))]).toEqual([href, true]);
  }
}

/** Names and contents of a tree; times of uploading aside. */
function treeOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name);
    if (!statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    found[name] = name.endsWith(".json")
      ? bytes.toString().replace(/"upload-time": "[^"]*"/g, "")
      : createHash("sha256").update(bytes).digest("hex");
  }
  return found;
}

describe("index:DIR, killed at each step of its writing", () => {
  const folder = scratch();
  const wheels = ["tiny-a", "tiny-b"].map((name) => proved(folder, { name }));
  const publish = (index: string, ...strace: string[]): Ran => {
    const words = [cli, "publish", ...wheels, `--to=index:${index}`, "--torch-index-url=none", "--json"];
    const program = strace.length === 0 ? [] : ["strace", "-f", "-qq", "-o", "/dev/null", ...strace];
    const [command = "", ...args] = [...program, process.execPath, ...words];
    // With one thread for files the n-th call is the same one each time.
    return exec(command, args, { env: { UV_THREADPOOL_SIZE: "1" }, mayBeKilled: strace.length > 0 });
  };
  const killAt = (call: string, nth: number): string[] => [
    ...["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${nth}`],
  ];
  const reference = join(folder, "reference");
  /** Two projects with a wheel, its metadata, its verdict, its report and two pages each, and the two first pages. */
  const RENAMES = 14;

  test("without a kill, this many files get their names", () => {
    expect(publish(reference, ...killAt("rename", RENAMES + 1)).status).toBe(0);
    expectSound(reference);
    expect(Object.keys(treeOf(reference))).toHaveLength(RENAMES);
  });

  test.each([
    ...Array.from({ length: RENAMES }, (_, index): [string, number] => ["rename", index + 1]),
    ["fsync", 1],
    ["fsync", 8],
    ["link", 1],
    ["unlink", 1],
    ["unlink", 2],
  ] satisfies [string, number][])("at %s %i", (call, nth) => {
    const index = join(folder, `${call}-${nth}`);
    const killed = publish(index, ...killAt(call, nth));
    expect([killed.status, killed.stdout]).toEqual([null, ""]);
    expectSound(index);
    const again = publish(index);
    expect([again.status, again.stderr]).toEqual([0, expect.any(String)]);
    expectSound(index);
    expect(treeOf(index)).toEqual(treeOf(reference));
  });
});

describe("two at once", () => {
  test("index:DIR: each either publishes or is told who holds it, and nothing is lost", async () => {
    const folder = scratch();
    const index = join(folder, "index");
    const wheels = ["1.0", "1.1", "1.2", "1.3"].map((version) => proved(folder, { version }));
    const publish = (wheel: string): Promise<Ran> =>
      start(["publish", wheel, `--to=index:${index}`, "--torch-index-url=none", "--json"]).ended;
    let waiting = wheels;
    for (let round = 0; round < wheels.length && waiting.length > 0; round++) {
      const ran = await Promise.all(waiting.map(async (wheel) => ({ wheel, ...(await publish(wheel)) })));
      for (const { status, stdout } of ran) if (status !== 0) expect(stdout).toContain("E_BUSY");
      expect(ran.some(({ status }) => status === 0)).toBe(true);
      waiting = ran.filter(({ status }) => status !== 0).map(({ wheel }) => wheel);
      expectSound(index);
    }
    const page = JSON.parse(readFileSync(join(index, "tiny", "index.json"), "utf8")) as Page;
    expect(page.files).toHaveLength(4);
  });

  test("index:DIR held by a living process refuses with its number; by several dead ones, one takes over", async () => {
    const folder = scratch();
    const index = join(folder, "index");
    mkdirSync(index);
    const wheels = ["1.0", "1.1", "1.2"].map((version) => proved(folder, { version }));
    const lock = join(index, ".lock");
    const hold = (pid: number, started: string): void =>
      writeFileSync(lock, JSON.stringify({ pid, host: hostname(), started }));
    const stat = readFileSync(`/proc/${process.pid}/stat`, "utf8");
    hold(process.pid, stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "");
    const publish = (wheel: string): Promise<Ran> =>
      start(["publish", wheel, `--to=index:${index}`, "--torch-index-url=none", "--json"]).ended;
    const busy = await publish(wheels[0] ?? "");
    expect(JSON.parse(busy.stdout)).toMatchObject({ error: { code: "E_BUSY" } });
    expect(busy.stdout).toContain(`process ${process.pid}`);
    hold(999_999_999, "1");
    const ran = await Promise.all(wheels.map(publish));
    const done = ran.filter(({ status }) => status === 0).length;
    expect(done).toBeGreaterThan(0);
    const page = JSON.parse(readFileSync(join(index, "tiny", "index.json"), "utf8")) as Page;
    expect(page.files).toHaveLength(done);
    expect(readdirSync(index).toSorted()).toEqual(["index.html", "index.json", "tiny"]);
  });

  test("index:DIR: who clears away what killed runs left may hit a lock in the making, which is made again", async () => {
    const folder = scratch();
    const index = join(folder, "index");
    const wheel = proved(folder, {});
    const slow = ["-e", "trace=link", "-e", "inject=link:delay_enter=3s:when=1"];
    const parts = (): string[] =>
      existsSync(index) ? readdirSync(index).filter((name) => name.endsWith(".part")) : [];
    const { ended } = start(
      ["publish", wheel, `--to=index:${index}`, "--torch-index-url=none", "--json"],
      {},
      ["strace", "-f", "-qq", "-o", "/dev/null", ...slow],
    );
    while (parts().length === 0) await sleep(50);
    for (const name of parts()) rmSync(join(index, name));
    expect(await ended).toMatchObject({ status: 0 });
    expectSound(index);
  });

  /** As on two machines: neither sees the other's locks and journals. */
  const machine = (wheels: readonly string[], name: string): string[] => {
    const folder = join(scratch(), name);
    mkdirSync(folder);
    return wheels.map((wheel) => {
      const copy = join(folder, wheel.split("/").at(-1) ?? "");
      cpSync(wheel, copy);
      cpSync(`${wheel}.verdict.json`, `${copy}.verdict.json`);
      return copy;
    });
  };

  test("an upload index: both end well, and each file is taken once", async () => {
    const folder = scratch();
    const real = await pypiserver(folder);
    const index = await proxy(real.url, () => false, 200);
    open.push(index, real);
    const wheels = ["tiny-a", "tiny-b"].map((name) => proved(folder, { name }));
    const ran = await Promise.all(
      ["one", "two"].map(
        (name) =>
          start(
            [
              "publish",
              ...machine(wheels, name),
              `--to=${index.url}/`,
              `--cache-dir=${folder}/${name}`,
              "--json",
            ],
            {
              UV_PUBLISH_TOKEN: "x",
              PATH: `${join(process.cwd(), ".test-cache/tools/bin")}:${process.env["PATH"]}`,
            },
          ).ended,
      ),
    );
    expect(ran.map(({ status }) => status)).toEqual([0, 0]);
    expect([index.taken, readdirSync(real.packages).length]).toEqual([2, 2]);
  });

  test("a GitHub release: one release, with all of both", async () => {
    const server: FakeGitHub = await fakeGitHub({ token: "t", latency: 100 });
    open.push(server);
    const folder = scratch();
    const [a = "", b = "", c = ""] = ["tiny-a", "tiny-b", "tiny-c"].map((name) => proved(folder, { name }));
    const ran = await Promise.all(
      [
        [a, b],
        [b, c],
      ].map(
        (wheels, index) =>
          start(
            [
              "publish",
              ...machine(wheels, String(index)),
              "--to=github-release:me/wheels@v1",
              `--cache-dir=${folder}/${index}`,
              "--json",
            ],
            { GITHUB_TOKEN: "t", GITHUB_API_URL: server.url },
          ).ended,
      ),
    );
    expect(ran.map(({ status }) => status)).toEqual([0, 0]);
    const { releases } = server;
    expect(releases).toHaveLength(1);
    expect(releases[0]?.draft).toBe(false);
    expect(releases[0]?.assets.map(({ name }) => name).toSorted()).toEqual(
      [a, b, c]
        .map((wheel) => wheel.split("/").at(-1) ?? "")
        .flatMap((name) => [name, `${name}.verdict.json`])
        .toSorted(),
    );
  });
});
