import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { type Meddled, type Meddler, proved, proxy, pypiserver } from "../../support/publish.ts";
import { exec, type Ran, type Running, removeScratch, scratch, start } from "../../support/run.ts";
import type { Server } from "../../support/server.ts";

const TOKEN = "pypi-very-secret-token";
const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
afterAll(removeScratch);

const through: Meddler = () => false;

async function servers(
  meddle: Meddler = through,
): Promise<{ folder: string; index: Meddled; packages: string }> {
  const folder = scratch();
  const real = await pypiserver(folder);
  const index = await proxy(real.url, meddle);
  open.push(index, real);
  return { folder, index, packages: real.packages };
}

const publish = (
  index: { url: string },
  wheels: readonly string[],
  env: NodeJS.ProcessEnv = { UV_PUBLISH_TOKEN: TOKEN },
): Running => start(["publish", ...wheels, `--to=${index.url}/`, "--json"], env);

const errorOf = (ran: Ran): { code: string; why: string; remedy: string } =>
  (JSON.parse(ran.stdout) as { error: { code: string; why: string; remedy: string } }).error;

const three = (folder: string): string[] =>
  ["tiny-a", "tiny-b", "tiny-c"].map((name) => proved(folder, { name }));

test("wheels arrive with their bytes, and a second run asks only for digests", async () => {
  const { folder, index, packages } = await servers();
  const wheels = three(folder);
  const first = await publish(index, wheels).ended;
  expect(JSON.parse(first.stdout)).toMatchObject({ skipped: [], published: { length: 3 } });
  for (const wheel of wheels)
    expect(readFileSync(join(packages, wheel.split("/").at(-1) ?? "")).equals(readFileSync(wheel))).toBe(
      true,
    );
  index.reads.length = 0;
  const second = await publish(index, wheels).ended;
  expect(JSON.parse(second.stdout)).toMatchObject({ published: [], skipped: { length: 3 } });
  expect(index.uploads).toBe(3);
  expect(index.reads.toSorted()).toEqual(["/simple/tiny-a/", "/simple/tiny-b/", "/simple/tiny-c/"]);
});

test("the token reaches the server and nothing else", async () => {
  let authorization = "";
  let commands = "";
  const { folder, index } = await servers((_upload, phase, _response, headers) => {
    authorization = headers.authorization ?? "";
    if (phase === "before") commands += exec("sh", ["-c", "cat /proc/[0-9]*/cmdline 2>/dev/null"]).stdout;
    return false;
  });
  const wheel = proved(folder);
  const ran = await start(["publish", wheel, `--to=${index.url}/`], {
    UV_PUBLISH_TOKEN: TOKEN,
    VLLM_CPU_WHEELS_DEBUG: "1",
  }).ended;
  expect(ran.status).toBe(0);
  expect(Buffer.from(authorization.replace("Basic ", ""), "base64").toString()).toBe(`__token__:${TOKEN}`);
  expect(commands).toContain("publish");
  expect(commands + ran.stdout + ran.stderr).not.toContain(TOKEN);
  const journal = join(folder, ".publish");
  for (const name of readdirSync(journal))
    expect(readFileSync(join(journal, name), "utf8")).not.toContain(TOKEN);
});

describe("killed at any step, the next run completes it", () => {
  test.each<[number, "before" | "after"]>([
    [1, "before"],
    [1, "after"],
    [2, "before"],
    [2, "after"],
    [3, "before"],
    [3, "after"],
  ])("at upload %i, %s the server has it", async (at, when) => {
    let running: Running | null = null;
    const { folder, index, packages } = await servers((upload, phase, response) => {
      if (upload !== at || phase !== when || !running) return false;
      running.kill();
      response.destroy();
      running = null;
      return true;
    });
    const wheels = three(folder);
    running = publish(index, wheels);
    const killed = await running.ended;
    expect(killed.status).toBeNull();
    const again = await publish(index, wheels).ended;
    expect(again.status).toBe(0);
    expect(readdirSync(packages).toSorted()).toEqual(
      wheels.map((wheel) => wheel.split("/").at(-1)).toSorted(),
    );
    expect(index.taken).toBe(3);
    const last = await publish(index, wheels).ended;
    expect(JSON.parse(last.stdout)).toMatchObject({ published: [], skipped: { length: 3 } });
  });
});

describe("faults of the network", () => {
  const answer =
    (status: number, times: number, phase: "before" | "after" = "before"): Meddler =>
    (upload, now, response) => {
      if (upload > times || now !== phase) return false;
      response.writeHead(status, { "content-type": "text/plain" }).end("not now");
      return true;
    };

  test.each([429, 500, 503])("an answer %i is tried again", async (status) => {
    const { folder, index, packages } = await servers(answer(status, 1));
    const ran = await publish(index, [proved(folder)]).ended;
    expect(ran.status).toBe(0);
    expect([index.uploads, readdirSync(packages).length]).toEqual([2, 1]);
  });

  test("a 503 after the bytes arrived is no reason to send them twice", async () => {
    const { folder, index, packages } = await servers(answer(503, 1, "after"));
    const ran = await publish(index, [proved(folder)]).ended;
    expect([ran.status, index.uploads, readdirSync(packages).length]).toEqual([0, 1, 1]);
    expect(ran.stderr).toContain("but the index has it");
  });

  test("a connection that closes in mid-upload is tried again", async () => {
    const { folder, index, packages } = await servers((upload, phase, response) => {
      if (upload > 1 || phase !== "before") return false;
      response.destroy();
      return true;
    });
    expect((await publish(index, [proved(folder)]).ended).status).toBe(0);
    expect([index.uploads, readdirSync(packages).length]).toEqual([2, 1]);
  });

  test.each<[number, string]>([
    [400, "E_PUBLISH_REJECTED"],
    [401, "E_PUBLISH_DENIED"],
    [403, "E_PUBLISH_DENIED"],
  ])("an answer %i is final, and shown with the server's words", async (status, code) => {
    const { folder, index, packages } = await servers(answer(status, 99));
    const ran = await publish(index, [proved(folder)]).ended;
    expect([ran.status, errorOf(ran).code, index.uploads]).toEqual([4, code, 1]);
    expect(errorOf(ran).why).toContain("not now");
    expect(readdirSync(packages)).toEqual([]);
  });

  test("an index that can't be read refuses before the first byte", async () => {
    const { folder, index } = await servers();
    const ran = await start(
      ["publish", proved(folder), `--to=${index.url}/`, "--json", "--check-url=http://127.0.0.1:9/"],
      {
        UV_PUBLISH_TOKEN: TOKEN,
      },
    ).ended;
    expect([errorOf(ran).code, index.uploads]).toEqual(["E_INDEX_READ", 0]);
  });
});

describe("refused before the first byte", () => {
  const refused = async (
    prepare: (folder: string, packages: string) => string[],
    env: NodeJS.ProcessEnv = { UV_PUBLISH_TOKEN: TOKEN },
  ): Promise<string> => {
    const { folder, index, packages } = await servers();
    const ran = await publish(index, prepare(folder, packages), env).ended;
    expect(ran.status).not.toBe(0);
    expect(index.uploads).toBe(0);
    return errorOf(ran).code;
  };

  test("other bytes under a name that the index has", async () => {
    const code = await refused((folder, packages) => {
      writeFileSync(join(packages, "tiny-1.0-py3-none-any.whl"), "other bytes");
      return [proved(folder, { name: "fine" }), proved(folder)];
    });
    expect(code).toBe("E_PUBLISH_CONFLICT");
  });

  test("a local version", async () => {
    expect(await refused((folder) => [proved(folder, { version: "1.0+cpu" })])).toBe("E_PUBLISH_RULES");
  });

  test("a bare Linux tag, and the good wheel beside it", async () => {
    const tag = "cp311-cp311-linux_x86_64";
    expect(await refused((folder) => [proved(folder, { name: "fine" }), proved(folder, { tag })])).toBe(
      "E_PUBLISH_RULES",
    );
  });

  test("an ISA that was not run, which only a folder takes", async () => {
    const gap = { result: "not-run" as const, detail: "lacks amx_tile", lacks: ["amx_tile"] };
    expect(await refused((folder) => [proved(folder, {}, { "runtime.kernels": gap })])).toBe(
      "E_VERDICT_FAILED",
    );
  });

  test("no credentials", async () => {
    const none = { UV_PUBLISH_TOKEN: "", UV_PUBLISH_PASSWORD: "", ACTIONS_ID_TOKEN_REQUEST_URL: "" };
    expect(await refused((folder) => [proved(folder)], none)).toBe("E_PUBLISH_CREDENTIALS");
  });
});

test("with two targets nothing goes to the first when the second refuses", async () => {
  const { folder, index } = await servers();
  const wheel = proved(folder, { version: "1.0+cpu" });
  const ran = await start(
    [
      "publish",
      wheel,
      `--to=index:${join(folder, "index")},${index.url}/`,
      "--json",
      "--torch-index-url=none",
    ],
    { UV_PUBLISH_TOKEN: TOKEN },
  ).ended;
  expect(errorOf(ran).code).toBe("E_PUBLISH_RULES");
  expect(readdirSync(join(folder, "index")).filter((name) => name !== ".lock")).toEqual([]);
});

test("with two targets both get all", async () => {
  const { folder, index, packages } = await servers();
  const ran = await start(
    [
      "publish",
      proved(folder),
      `--to=index:${join(folder, "index")},${index.url}/`,
      "--json",
      "--torch-index-url=none",
    ],
    { UV_PUBLISH_TOKEN: TOKEN },
  ).ended;
  expect(JSON.parse(ran.stdout)).toMatchObject({
    targets: [{ published: { length: 1 } }, { published: { length: 1 } }],
  });
  expect([readdirSync(packages).length, readdirSync(join(folder, "index", "tiny")).length]).toEqual([1, 6]);
});
