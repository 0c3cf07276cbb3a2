import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { cacheOfRun, sharedObjects } from "../../src/faces/action/caching.ts";
import type { GitHub } from "../../src/faces/action/github.ts";
import { parseCaching } from "../../src/options/caching.ts";
import { quietHost } from "../support/network-host.ts";
import { removeScratch, scratch } from "../support/run.ts";
import { serve } from "../support/server.ts";

afterAll(removeScratch);

const github = { host: quietHost() } as GitHub;
const event = (document: unknown): Record<string, string> => {
  const path = join(scratch(), "event.json");
  writeFileSync(path, typeof document === "string" ? document : JSON.stringify(document));
  return { GITHUB_EVENT_NAME: "pull_request", GITHUB_EVENT_PATH: path };
};
const pullRequest = (head: string | null): object => ({
  pull_request: { head: { repo: head && { full_name: head } }, base: { repo: { full_name: "me/x" } } },
});

test.each<[Record<string, string>, boolean]>([
  [{ GITHUB_EVENT_NAME: "push", GITHUB_REF_TYPE: "branch" }, true],
  [{ GITHUB_EVENT_NAME: "schedule" }, true],
  [{ GITHUB_EVENT_NAME: "workflow_dispatch", GITHUB_REF_TYPE: "branch" }, true],
  [{ GITHUB_EVENT_NAME: "pull_request" }, true],
  [{ GITHUB_EVENT_NAME: "workflow_dispatch", GITHUB_REF_TYPE: "tag" }, false],
  [{ GITHUB_EVENT_NAME: "push", GITHUB_REF_TYPE: "tag" }, false],
  [{ GITHUB_EVENT_NAME: "release" }, false],
  [{ GITHUB_EVENT_NAME: "pull_request_target" }, false],
  [{ GITHUB_EVENT_NAME: "workflow_run" }, false],
  [{ GITHUB_EVENT_NAME: "issue_comment" }, false],
])("auto, for %o: the cache is used: %s", async (env, isUsed) => {
  expect((await cacheOfRun(github, env, parseCaching({}))) !== null).toBe(isUsed);
  expect(await cacheOfRun(github, env, parseCaching({ cache: "true" }))).not.toBeNull();
  expect(await cacheOfRun(github, env, parseCaching({ cache: "false" }))).toBeNull();
});

async function callsOf(env: Record<string, string>, given: object): Promise<string[]> {
  const calls: string[] = [];
  const server = await serve((request, response) => {
    calls.push(`${request.method} ${(request.url ?? "").split("?")[0]?.split("/").at(-1)}`);
    response.writeHead(500).end();
  });
  const variables = {
    ...process.env,
    ACTIONS_CACHE_URL: `${server.url}/`,
    ACTIONS_RUNTIME_TOKEN: "t",
    ...env,
  };
  const cache = await cacheOfRun(github, variables, parseCaching(given));
  const folder = join(scratch(), "kept");
  expect(await cache?.restore({ key: "k", prefixes: [] }, folder)).toBeNull();
  mkdirSync(folder);
  writeFileSync(join(folder, "x"), "x");
  expect(await cache?.save("k", folder)).toBe(false);
  await server.close();
  return [...new Set(calls)];
}

test("a pull request of a fork, or one that can't be read, leaves nothing in the cache", async () => {
  expect(await callsOf(event(pullRequest("me/x")), {})).toEqual(["GET cache", "POST caches"]);
  for (const other of [pullRequest("stranger/x"), pullRequest(null), {}, "no json"])
    expect(await callsOf(event(other), {})).toEqual(["GET cache"]);
});

test("restoring and saving are switched off apart", async () => {
  const push = { GITHUB_EVENT_NAME: "push" };
  expect(await callsOf(push, { "restore-cache": false })).toEqual(["POST caches"]);
  expect(await callsOf(push, { "save-cache": false })).toEqual(["GET cache"]);
});

test("a server of compiled objects is only read by a pull request", () => {
  const named = "redis://cache.example";
  expect(sharedObjects(named, { GITHUB_EVENT_NAME: "push" })).toBe(named);
  expect(sharedObjects(named, { GITHUB_EVENT_NAME: "pull_request" })).toBe(`${named}|read-only`);
  const env = { CCACHE_REMOTE_STORAGE: named, GITHUB_EVENT_NAME: "pull_request_target" };
  expect(sharedObjects(null, env)).toBe(`${named}|read-only`);
  expect(sharedObjects(null, {})).toBeNull();
});
