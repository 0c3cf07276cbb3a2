import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { retryAfterMs } from "../../src/host/network/backoff.ts";
import { isClockTrouble, skewText } from "../../src/host/network/clock.ts";
import { proved } from "../support/publish.ts";
import { exec, removeScratch, scratch, start } from "../support/run.ts";
import { serve } from "../support/server.ts";

afterAll(removeScratch);

const DAY_MS = 86_400_000;

/** A server's certificate that is valid between these times. Source: openssl-ca(1), -startdate and -enddate. */
function certificate(folder: string, from: Date, until: Date): { key: string; cert: string } {
  const [key, request, cert] = ["key.pem", "request.pem", "cert.pem"].map((name) => join(folder, name));
  const config = join(folder, "ca.cnf");
  writeFileSync(
    config,
    `[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=${folder}\ndatabase=${folder}/index.txt\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nbasicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost\n`,
  );
  writeFileSync(join(folder, "index.txt"), "");
  const time = (date: Date): string => `${date.toISOString().replace(/[-:T]|\.\d+/g, "")}`;
  const made = exec("sh", [
    "-c",
    `openssl req -new -newkey rsa:2048 -nodes -subj /CN=localhost -keyout ${key} -out ${request} && openssl ca -batch -config ${config} -selfsign -keyfile ${key} -in ${request} -out ${cert} -startdate ${time(from)} -enddate ${time(until)}`,
  ]);
  if (made.status !== 0 || !key || !cert) throw new Error(made.stderr);
  return { key, cert };
}

describe.each([
  ["not valid yet", 2, 30],
  ["expired", -30, -2],
])("a certificate that is %s at this machine's time", (_name, from, until) => {
  test("is told with the clock, and not tried again", async () => {
    const folder = scratch();
    const at = (days: number): Date => new Date(Date.now() + days * DAY_MS);
    const { key, cert } = certificate(folder, at(from), at(until));
    const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      request.resume();
      response.writeHead(404).end();
    });
    let connections = 0;
    server.on("connection", () => connections++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const env = { UV_PUBLISH_TOKEN: "x", SSL_CERT_FILE: cert, SSL_CERT_DIR: "", NODE_EXTRA_CA_CERTS: cert };
    const publish = (...more: string[]) =>
      start(["publish", proved(folder), `--to=${url}/legacy/`, "--json", ...more], env).ended;
    const read = await publish();
    expect(JSON.parse(read.stdout)).toMatchObject({ error: { code: "E_CLOCK" } });
    expect(read.stdout).toContain(new Date().toISOString().slice(0, 10));
    expect(connections).toBe(1);
    // The index answers over another way, so that it is uv which meets the certificate.
    const index = await serve((_request, response) => response.writeHead(404).end());
    const sent = await publish(`--check-url=${index.url}`);
    expect(JSON.parse(sent.stdout)).toMatchObject({ error: { code: "E_CLOCK" } });
    expect(connections).toBe(2);
    await index.close();
    server.closeAllConnections();
    server.close();
  });
});

test.each([
  ["invalid peer certificate: certificate not valid yet: verification time 1 (UNIX), but …", true],
  ["invalid peer certificate: certificate expired: verification time 1 (UNIX), but …", true],
  ["certificate is not yet valid", true],
  ["certificate has expired", true],
  ["self-signed certificate", false],
  ["connection refused", false],
])("%s: the clock's fault is %s", (message, expected) => {
  expect(isClockTrouble(message)).toBe(expected);
});

test("a Retry-After date counts from the server's clock", () => {
  const server = Date.parse("2031-01-01T00:00:00Z");
  expect(retryAfterMs("Wed, 01 Jan 2031 00:00:07 GMT", server)).toBe(7000);
});

test.each([
  [0, null],
  [29_000, null],
  [-90 * 60_000, "90 minutes behind"],
  [3 * DAY_MS, "3 days ahead of"],
  [-5 * 3_600_000, "5 hours behind"],
])("%i ms: %s", (ahead, text) => {
  expect(skewText(ahead)).toBe(text);
});
