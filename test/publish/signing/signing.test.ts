import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { identityProblem, parseSignedBy } from "../../../src/publish/signing/identity.ts";
import { proved, proxy, pypiserver } from "../../support/publish.ts";
import { exec, type Ran, removeScratch, scratch, start, wheels } from "../../support/run.ts";
import type { Server } from "../../support/server.ts";
import { attestationOf, type Bundle, type Claims, type Sigstore, sigstore } from "../../support/sigstore.ts";

const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
afterAll(removeScratch);

let store: Sigstore;
beforeAll(async () => {
  store = await sigstore();
});

const verdictOf = (wheel: string): Record<string, unknown> =>
  JSON.parse(readFileSync(`${wheel}.verdict.json`, "utf8")) as Record<string, unknown>;

const publishStatement = (wheel: string) => ({
  _type: "https://in-toto.io/Statement/v1",
  subject: [
    {
      name: wheel.split("/").at(-1),
      digest: { sha256: createHash("sha256").update(readFileSync(wheel)).digest("hex") },
    },
  ],
  predicateType: `https://docs.${["pypi", "org"].join(".")}/attestations/publish/v1`,
  predicate: null,
});

/** A folder with a wheel, its verdict, and the trust root. */
function folderWith(): { folder: string; wheel: string; roots: string } {
  const folder = scratch();
  const roots = join(folder, "trusted_root.jsonl");
  writeFileSync(roots, `${store.root}\n`);
  return { folder, wheel: proved(folder), roots };
}

const publish = (wheel: string, roots: string, signedBy: string, ...more: string[]): Ran =>
  wheels([
    "publish",
    wheel,
    `--to=index:${join(wheel, "..", "index")}`,
    "--torch-index-url=none",
    `--signed-by=${signedBy}`,
    `--trusted-root=${roots}`,
    "--json",
    ...more,
  ]);

const errorOf = (ran: Ran): { code: string; what: string; why: string } =>
  (JSON.parse(ran.stdout) as { error: { code: string; what: string; why: string } }).error;

describe("a signed verdict", () => {
  test.each(["me/wheels", "Me/Wheels", "me/wheels@release.yml", "me/wheels@.github/workflows/release.yml"])(
    "is taken for --signed-by=%s, and lies beside the wheel in the index",
    async (by) => {
      const { folder, wheel, roots } = folderWith();
      const bundle = JSON.stringify(await store.sign(verdictOf(wheel)));
      writeFileSync(`${wheel}.verdict.sigstore.json`, bundle);
      const ran = publish(wheel, roots, by);
      expect([ran.status, ran.stderr]).toEqual([0, expect.any(String)]);
      const name = "tiny-1.0-py3-none-any.whl.verdict.sigstore.json";
      expect(readFileSync(join(folder, "index", "tiny", name), "utf8")).toBe(bundle);
      expect(readFileSync(join(folder, "index", "tiny", "index.json"), "utf8")).toContain(name);
    },
  );

  test("of a reusable workflow is taken where that workflow is named", async () => {
    const { wheel, roots } = folderWith();
    const claims = { workflow: "org/builder/.github/workflows/build-wheels.yml" };
    writeFileSync(
      `${wheel}.verdict.sigstore.json`,
      JSON.stringify(await store.sign(verdictOf(wheel), claims)),
    );
    expect(errorOf(publish(wheel, roots, "me/wheels")).code).toBe("E_SIGNATURE");
    expect(errorOf(publish(wheel, roots, "me/wheels@build-wheels.yml")).code).toBe("E_SIGNATURE");
    const by = "me/wheels@org/builder/.github/workflows/build-wheels.yml";
    expect(publish(wheel, roots, by).status).toBe(0);
  });
});

describe("refused, with nothing published", () => {
  const sharp = (bundle: Bundle, change: (copy: Bundle) => void): Bundle => {
    const copy = structuredClone(bundle);
    change(copy);
    return copy;
  };
  const flip = (text: string): string => {
    const bytes = Buffer.from(text, "base64");
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
    return bytes.toString("base64");
  };
  const signing =
    (claims: Claims) =>
    (wheel: string): Promise<Bundle> =>
      store.sign(verdictOf(wheel), claims);
  const changed =
    (change: (copy: Bundle) => void) =>
    async (wheel: string): Promise<Bundle> =>
      sharp(await store.sign(verdictOf(wheel)), change);

  test.each<[string, RegExp, (wheel: string) => Promise<unknown>]>([
    ["another repository", /run of https:\/\/github.com\/you\/wheels/, signing({ repository: "you/wheels" })],
    [
      "another workflow",
      /by the workflow .*nightly.yml/,
      signing({ workflow: "me/wheels/.github/workflows/nightly.yml" }),
    ],
    ["a repository whose name only begins so", /run of/, signing({ repository: "me/wheels-evil" })],
    [
      "a workflow file whose name only ends so",
      /by the workflow/,
      signing({ workflow: "me/wheels/.github/workflows/my-release.yml" }),
    ],
    ["another issuer", /identity of https:\/\/login.example/, signing({ issuer: "https://login.example" })],
    [
      "other bytes",
      /verdict of tiny-1.0-py3-none-any.whl with sha256 0{64}/,
      (wheel) =>
        store.sign({
          ...verdictOf(wheel),
          subject: [{ name: "tiny-1.0-py3-none-any.whl", digest: { sha256: "0".repeat(64) } }],
        }),
    ],
    [
      "another file name",
      /verdict of other.whl/,
      (wheel) => {
        const { subject } = publishStatement(wheel);
        return store.sign({ ...verdictOf(wheel), subject: [{ ...subject[0], name: "other.whl" }] });
      },
    ],
    ["a statement that is no verdict", /no verdict/, (wheel) => store.sign(publishStatement(wheel))],
    [
      "a payload changed after signing",
      /./,
      changed(({ dsseEnvelope }) => {
        const text = Buffer.from(dsseEnvelope.payload, "base64").toString().replace('"fine"', '"good"');
        dsseEnvelope.payload = Buffer.from(text).toString("base64");
      }),
    ],
    [
      "a changed signature",
      /./,
      changed(({ dsseEnvelope: { signatures } }) => {
        for (const one of signatures) one.sig = flip(one.sig);
      }),
    ],
    [
      "a changed certificate",
      /./,
      changed(({ verificationMaterial: { certificate } }) => {
        certificate.rawBytes = flip(certificate.rawBytes);
      }),
    ],
    [
      "a bundle without a log entry",
      /timestamps/,
      changed(({ verificationMaterial }) => {
        verificationMaterial.tlogEntries = [];
      }),
    ],
    [
      "a log entry of another signature",
      /./,
      async (wheel) => {
        const other = await store.sign(verdictOf(wheel));
        return sharp(await store.sign(verdictOf(wheel)), ({ verificationMaterial }) => {
          verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
        });
      },
    ],
    ["an authority that nobody trusts", /./, async (wheel) => (await sigstore()).sign(verdictOf(wheel))],
    ["what is no bundle", /./, () => Promise.resolve({ hello: 1 })],
  ])("%s", async (_name, why, make) => {
    const { folder, wheel, roots } = folderWith();
    writeFileSync(`${wheel}.verdict.sigstore.json`, JSON.stringify(await make(wheel)));
    const ran = publish(wheel, roots, "me/wheels@release.yml");
    expect([ran.status, errorOf(ran).code]).toEqual([1, "E_SIGNATURE"]);
    expect(errorOf(ran).why).toMatch(why);
    expect(existsSync(join(folder, "index", "tiny"))).toBe(false);
  });

  test.each([
    ["signed after the certificate expired", 60 * 60_000],
    ["signed before it was valid", -60 * 60_000],
  ])("%s", async (_name, shift) => {
    const late = await sigstore(new Date(Date.now() + shift));
    const { wheel, roots } = folderWith();
    writeFileSync(roots, late.root);
    writeFileSync(`${wheel}.verdict.sigstore.json`, JSON.stringify(await late.sign(verdictOf(wheel))));
    const ran = publish(wheel, roots, "me/wheels");
    expect([ran.status, errorOf(ran).code]).toEqual([1, "E_SIGNATURE"]);
    expect(errorOf(ran).why).toMatch(/not valid or expired|certificate/i);
  });

  test("a verdict edited after it was signed", async () => {
    const { wheel, roots } = folderWith();
    writeFileSync(`${wheel}.verdict.sigstore.json`, JSON.stringify(await store.sign(verdictOf(wheel))));
    const edited = readFileSync(`${wheel}.verdict.json`, "utf8").replace('"fine"', '"very fine"');
    writeFileSync(`${wheel}.verdict.json`, edited);
    expect(errorOf(publish(wheel, roots, "me/wheels")).why).toContain("says other things");
  });

  test("no signature, no trust root, no repository", () => {
    const { folder, wheel, roots } = folderWith();
    expect(errorOf(publish(wheel, roots, "me/wheels")).code).toBe("E_SIGNATURE_MISSING");
    expect(errorOf(publish(wheel, join(folder, "none"), "me/wheels")).code).toBe("E_TRUSTED_ROOT");
    writeFileSync(roots, "{}");
    expect(errorOf(publish(wheel, roots, "me/wheels")).code).toBe("E_TRUSTED_ROOT");
    expect(errorOf(publish(wheel, roots, "https://github.com/me/wheels")).code).toBe("E_OPTION_VALUE");
  });
});

describe("the policy", () => {
  const withPolicy = (text: string, ...more: string[]): Ran => {
    const { folder, wheel } = folderWith();
    const policy = join(folder, "policy.yml");
    writeFileSync(policy, `version: 1\n${text}\n`);
    const to = `--to=index:${join(folder, "index")}`;
    return wheels(["publish", wheel, to, "--torch-index-url=none", `--policy=${policy}`, "--json", ...more]);
  };

  test("demands a signature without an option; what can't be checked is not published", () => {
    const { code, what } = errorOf(withPolicy("signed-by: me/wheels"));
    expect([code, what]).toEqual(["E_SIGNATURE_ROOTS", expect.stringContaining("me/wheels")]);
  });

  test.each([
    [">=0", true],
    [">=0.0.0,<2", true],
    [">=0.1", false],
    ["!=0.0.0", false],
  ])("takes verdicts of verifiers %s: that of 0.0.0 %s", (versions, isTaken) => {
    const ran = withPolicy(`verifier: {versions: "${versions}"}`);
    expect(ran.status).toBe(isTaken ? 0 : 1);
    if (!isTaken) expect(errorOf(ran)).toMatchObject({ code: "E_VERDICT_FAILED" });
    if (!isTaken) expect(errorOf(ran).why).toContain(`verifier 0.0.0; the policy takes ${versions}`);
  });

  test("with a specifier that is none is refused by line", () => {
    const error = errorOf(withPolicy('verifier: {versions: "newest"}'));
    expect(error.code).toBe("E_POLICY");
    expect(JSON.stringify(error)).toContain("PEP 440");
  });
});

describe("PEP 740 attestations", () => {
  const attest = async (wheel: string, of = wheel, claims: Claims = {}): Promise<void> => {
    const bundle = await store.sign(publishStatement(of), claims);
    writeFileSync(`${wheel}.publish.attestation`, JSON.stringify(attestationOf(bundle)));
  };

  test("an index:DIR serves the provenance of a signer that was checked", async () => {
    const { folder, wheel, roots } = folderWith();
    writeFileSync(`${wheel}.verdict.sigstore.json`, JSON.stringify(await store.sign(verdictOf(wheel))));
    await attest(wheel);
    const ran = publish(wheel, roots, "me/wheels", "--attestations", "--served-at=https://wheels.example/");
    expect([ran.status, ran.stderr]).toEqual([0, expect.any(String)]);
    const page = JSON.parse(readFileSync(join(folder, "index", "tiny", "index.json"), "utf8")) as {
      meta: { "api-version": string };
      files: { provenance: string }[];
    };
    expect(page.meta["api-version"]).toBe("1.3");
    const url = "https://wheels.example/tiny/tiny-1.0-py3-none-any.whl.provenance";
    expect(page.files[0]?.provenance).toBe(url);
    expect(readFileSync(join(folder, "index", "tiny", "index.html"), "utf8")).toContain(
      `data-provenance="${url}"`,
    );
    const file = join(folder, "index", "tiny", "tiny-1.0-py3-none-any.whl.provenance");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      version: 1,
      attestation_bundles: [
        {
          publisher: { kind: "GitHub", repository: "me/wheels", workflow: "release.yml" },
          attestations: [{}],
        },
      ],
    });
    // The reference implementation of PEP 740 reads it.
    const program =
      "import sys; from pypi_attestations import Distribution, Provenance; from pathlib import Path; p = Provenance.model_validate_json(Path(sys.argv[1]).read_text()); a = p.attestation_bundles[0].attestations[0]; print(p.attestation_bundles[0].publisher.repository, a.statement['subject'][0]['digest']['sha256'] == Distribution.from_file(Path(sys.argv[2])).digest, a.to_bundle() is not None)";
    const python = join(process.cwd(), ".test-cache", "tools", "bin", "python");
    const read = exec(python, ["-c", program, file, wheel]);
    expect([read.stdout.trim(), read.stderr]).toEqual(["me/wheels True True", ""]);
  });

  test("uv sends what lies beside the wheel", async () => {
    const folder = scratch();
    const real = await pypiserver(folder);
    const bodies: string[] = [];
    const index = await proxy(real.url, (_upload, phase, _response, _headers, body) => {
      if (phase === "before") bodies.push(body.toString("latin1"));
      return false;
    });
    open.push(index, real);
    const wheel = proved(folder);
    const run = (): Promise<Ran> =>
      start(["publish", wheel, `--to=${index.url}/`, "--attestations", "--json"], { UV_PUBLISH_TOKEN: "x" })
        .ended;
    expect(errorOf(await run()).code).toBe("E_SIGNATURE_MISSING");
    expect(bodies).toEqual([]);
    await attest(wheel);
    expect((await run()).status).toBe(0);
    expect(bodies.join()).toContain('name="attestations"');
  });

  test("on other bytes, or by somebody else, they are refused", async () => {
    const { folder, wheel, roots } = folderWith();
    writeFileSync(`${wheel}.verdict.sigstore.json`, JSON.stringify(await store.sign(verdictOf(wheel))));
    await attest(wheel, proved(folder, { name: "other" }));
    expect(errorOf(publish(wheel, roots, "me/wheels")).why).toContain("it is on other-1.0");
    await attest(wheel, wheel, { repository: "you/wheels" });
    expect(errorOf(publish(wheel, roots, "me/wheels")).why).toContain("you/wheels");
    writeFileSync(`${wheel}.publish.attestation`, "{}");
    expect(errorOf(publish(wheel, roots, "me/wheels")).why).toContain("PEP 740");
  });
});

test.each(["me", "me/wheels@", "me/wheels@release", "me/wheels@../x.yml", "me/wheels@a/b/x.yml\n", ""])(
  "%j names nobody",
  (text) => {
    expect(() => parseSignedBy(text)).toThrow(expect.objectContaining({ code: "E_OPTION_VALUE" }));
  },
);

test.each([
  ["refs/heads/main", true],
  ["refs/heads/*", true],
  ["refs/tags/v*", false],
  ["refs/heads/mai", false],
  ["refs/heads/main2", false],
])("a workflow of refs/heads/main is taken for %s: %s", (ref, isTaken) => {
  const identity = {
    issuer: "https://token.actions.githubusercontent.com",
    repository: "https://github.com/me/wheels",
    workflow: "https://github.com/me/wheels/.github/workflows/release.yml@refs/heads/main",
  };
  const problem = identityProblem(identity, parseSignedBy(`me/wheels@release.yml@${ref}`));
  expect(problem).toEqual(isTaken ? null : expect.stringContaining(`not of ${ref}`));
});

test("roots one a line: any of them counts", async () => {
  const { wheel, roots } = folderWith();
  writeFileSync(roots, `${(await sigstore()).root}\n${store.root}\n`);
  writeFileSync(`${wheel}.verdict.sigstore.json`, JSON.stringify(await store.sign(verdictOf(wheel))));
  expect(publish(wheel, roots, "me/wheels@release.yml@refs/heads/main").status).toBe(0);
});

test("an identity without a repository is nobody's", () => {
  const identity = { issuer: "https://token.actions.githubusercontent.com", workflow: "", repository: "" };
  expect(identityProblem(identity, parseSignedBy("me/wheels"))).not.toBeNull();
});
