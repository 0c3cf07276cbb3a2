import { readFileSync } from "node:fs";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { type FakeGitHub, type FakeGitHubOptions, fakeGitHub } from "../../support/github-api.ts";
import { proved } from "../../support/publish.ts";
import { type Ran, type Running, removeScratch, scratch, start } from "../../support/run.ts";

const TOKEN = "ghs_secret";
const open: FakeGitHub[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
afterAll(removeScratch);

async function github(options: Partial<FakeGitHubOptions> = {}): Promise<FakeGitHub> {
  const server = await fakeGitHub({ token: TOKEN, ...options });
  open.push(server);
  return server;
}

const publish = (server: FakeGitHub, wheels: readonly string[], token = TOKEN): Running =>
  start(["publish", ...wheels, "--to=github-release:me/wheels@v1", "--json"], {
    GITHUB_TOKEN: token,
    GITHUB_API_URL: server.url,
  });

const two = (folder: string): string[] => ["tiny-a", "tiny-b"].map((name) => proved(folder, { name }));

const errorOf = (ran: Ran): { code: string; why: string } =>
  (JSON.parse(ran.stdout) as { error: { code: string; why: string } }).error;

function expectWhole(server: FakeGitHub, wheels: readonly string[]): void {
  expect(server.releases).toHaveLength(1);
  const [release] = server.releases;
  expect(release?.draft).toBe(false);
  expect(release?.assets.map(({ name }) => name).toSorted()).toEqual(
    wheels
      .map((wheel) => wheel.split("/").at(-1) ?? "")
      .flatMap((name) => [name, `${name}.verdict.json`])
      .toSorted(),
  );
  for (const wheel of wheels) {
    const asset = release?.assets.find(({ name }) => wheel.endsWith(`/${name}`));
    expect(asset?.bytes.equals(readFileSync(wheel))).toBe(true);
  }
}

test("a release is drafted, filled, and published last; a second run sends nothing", async () => {
  const server = await github();
  const wheels = two(scratch());
  expect((await publish(server, wheels).ended).status).toBe(0);
  expectWhole(server, wheels);
  const publishing = server.log.findIndex((line) => line.startsWith("PATCH "));
  expect(publishing).toBe(server.log.length - 1);
  const again = await publish(server, wheels).ended;
  expect(JSON.parse(again.stdout)).toMatchObject({ published: [], skipped: { length: 2 } });
  expect(server.uploads).toBe(4);
});

test("an older release, whose assets have no digests, is completed", async () => {
  const server = await github({ noDigests: true });
  const folder = scratch();
  const [first = "", second = ""] = two(folder);
  await publish(server, [first]).ended;
  expect((await publish(server, [first, second]).ended).status).toBe(0);
  expectWhole(server, [first, second]);
  expect(server.uploads).toBe(4);
});

describe("killed at any upload, the next run completes it", () => {
  test.each([1, 2, 3, 4])("upload %i", async (at) => {
    let running: Running | null = null;
    const server = await github({
      meddle(upload, response, store) {
        if (upload !== at || !running) return false;
        running.kill();
        running = null;
        store("starter");
        response.destroy();
        return true;
      },
    });
    const wheels = two(scratch());
    running = publish(server, wheels);
    expect((await running.ended).status).toBeNull();
    expect(server.releases[0]?.draft).toBe(true);
    expect((await publish(server, wheels).ended).status).toBe(0);
    expectWhole(server, wheels);
  });
});

test("a 502 after the bytes arrived is no reason to send them twice", async () => {
  const server = await github({
    meddle(upload, response, store) {
      if (upload !== 1) return false;
      store("uploaded");
      response.writeHead(502).end("bad gateway");
      return true;
    },
  });
  const wheels = two(scratch());
  expect((await publish(server, wheels).ended).status).toBe(0);
  expectWhole(server, wheels);
  expect(server.uploads).toBe(4);
});

test("other bytes under a name that the release has are refused", async () => {
  const server = await github();
  await publish(server, [proved(scratch())]).ended;
  const ran = await publish(server, [proved(scratch(), { metadata: "\nOther words.\n" })]).ended;
  expect([errorOf(ran).code, server.uploads]).toEqual(["E_PUBLISH_CONFLICT", 2]);
});

test("a token that GitHub does not take is told with GitHub's words", async () => {
  const server = await github();
  const ran = await publish(server, [proved(scratch())], "wrong").ended;
  expect([ran.status, errorOf(ran).code]).toEqual([4, "E_GITHUB_API"]);
  expect(errorOf(ran).why).toContain("Bad credentials");
  expect(ran.stdout + ran.stderr).not.toContain(TOKEN);
});

test("what is withdrawn says so, with the reason", async () => {
  const server = await github();
  const wheel = proved(scratch());
  await publish(server, [wheel]).ended;
  const ran = await start(
    ["withdraw", wheel, "--from=github-release:me/wheels@v1", "--reason=crashes on Zen 4", "--json"],
    { GITHUB_TOKEN: TOKEN, GITHUB_API_URL: server.url },
  ).ended;
  expect(ran.status).toBe(0);
  const [release] = server.releases;
  expect(release?.body).toContain("crashes on Zen 4");
  const labels = release?.assets.map(({ label }) => label);
  expect(labels).toContain("WITHDRAWN: tiny-1.0-py3-none-any.whl (crashes on Zen 4)");
});
