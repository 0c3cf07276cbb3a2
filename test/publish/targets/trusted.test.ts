import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { step } from "../../support/action.ts";
import { proved } from "../../support/publish.ts";
import { exec, type Ran, removeScratch, scratch, start } from "../../support/run.ts";

const folder = scratch();
const certificate = join(folder, "cert.pem");
const state = { log: [] as string[], mintStatus: 200, audience: "", authorization: "" };
const CLAIMS = {
  sub: "repo:me/wheels:ref:refs/heads/main",
  repository: "me/wheels",
  workflow_ref: "me/wheels/.github/workflows/release.yml@refs/heads/main",
};
let server: ReturnType<typeof createServer>;
let url = "";

const jwt = (): string =>
  ["{}", JSON.stringify(CLAIMS), "signature"]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");

/** Issuer, audience, mint-token, upload and simple index. Source: PyPI documentation, "Internals and Technical Details". */
beforeAll(async () => {
  const key = join(folder, "key.pem");
  const made = exec("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
  ]);
  expect(made.status).toBe(0);
  server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
    const target = new URL(request.url ?? "/", "https://localhost");
    state.log.push(`${request.method} ${target.pathname}`);
    const json = (status: number, document: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(document));
    };
    request.resume().on("end", () => {
      if (target.pathname === "/issuer") {
        state.audience ||= target.searchParams.get("audience") ?? "";
        return json(request.headers.authorization?.endsWith(" request-secret") ? 200 : 401, { value: jwt() });
      }
      if (target.pathname === "/_/oidc/audience") return json(200, { audience: "pypi" });
      if (target.pathname === "/_/oidc/mint-token")
        return state.mintStatus === 200
          ? json(200, { success: true, token: "pypi-minted", expires: 0 })
          : json(state.mintStatus, {
              message: "Token request failed",
              errors: [
                { code: "invalid-publisher", description: "valid token, but no corresponding publisher" },
              ],
            });
      if (target.pathname === "/legacy/") {
        state.authorization = Buffer.from(
          (request.headers.authorization ?? "").replace("Basic ", ""),
          "base64",
        ).toString();
        response.writeHead(200).end();
        return;
      }
      return json(404, {});
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `https://localhost:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  Object.assign(state, { log: [], mintStatus: 200, audience: "", authorization: "" });
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  removeScratch();
});

const identity = (requestToken: string): Record<string, string> => ({
  SSL_CERT_FILE: certificate,
  NODE_EXTRA_CA_CERTS: certificate,
  GITHUB_ACTIONS: "true",
  ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/issuer?api=1`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
  UV_PUBLISH_TOKEN: "",
  UV_PUBLISH_PASSWORD: "",
});

const publish = (requestToken = "request-secret"): Promise<Ran> =>
  start(["publish", proved(scratch()), `--to=${url}/legacy/`, "--json"], identity(requestToken)).ended;

test("the action does the same, and masks what it was given", async () => {
  const inputs = { wheels: proved(scratch()), to: `${url}/legacy/` };
  const ran = await step("publish-wheel", inputs, identity("request-secret"));
  expect(ran.status).toBe(0);
  expect(state.authorization).toBe("__token__:pypi-minted");
  expect(ran.log.split("\n").filter((line) => line.includes("request-secret"))).toEqual([
    "::add-mask::request-secret",
  ]);
});

test("the workflow's identity is traded for a token that uploads", async () => {
  const ran = await publish();
  expect(ran.stdout).toContain('"published"');
  expect(ran.status).toBe(0);
  expect([state.audience, state.authorization]).toEqual(["pypi", "__token__:pypi-minted"]);
  expect(state.log).toContain("POST /_/oidc/mint-token");
});

test("an index that trusts another workflow: the claims are shown, the identity's token is not", async () => {
  state.mintStatus = 422;
  const ran = await publish();
  const { error } = JSON.parse(ran.stdout) as { error: { code: string; why: string; remedy: string } };
  expect([ran.status, error.code]).toEqual([4, "E_PUBLISH_DENIED"]);
  expect(state.log).toContain("POST /_/oidc/mint-token");
  expect(error.why).toContain("no corresponding publisher");
  expect(error.why).toContain("repository: me/wheels");
  expect(error.why).toContain(CLAIMS.workflow_ref);
  expect(error.remedy).toContain("trusted publisher");
  expect(ran.stdout + ran.stderr).not.toContain(jwt());
  expect(ran.stdout + ran.stderr).not.toContain("request-secret");
  expect(state.log).not.toContain("POST /legacy/");
});

test("an issuer that refuses: nothing is uploaded", async () => {
  const ran = await publish("wrong");
  expect(ran.status).toBe(4);
  expect(state.log).toContain("GET /issuer");
  expect(state.log).not.toContain("POST /legacy/");
});
