import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { load } from "js-yaml";
import { root, wheels } from "../support/run.ts";

/**
 * What workflows and scripts of users have written down, by hand and not from the code that makes action.yml, --help and
 * the documents: a name that is gone from here breaks them. A new one is added.
 */
const ACTIONS: Record<string, { inputs: string; outputs: string }> = {
  "action.yml": {
    inputs:
      "variant source vllm-version python-version version-suffix output-dir max-jobs torch-index-url torch-packages torch-version manifest level policy strict accept-unproven cache upload publish-to glibc onednn-source numactl-source gperftools-source recipe limit html markdown sarif sarif-kinds build-env",
    outputs: "torch-version saved-bytes wheel sha256 verdict wheels result sarif reports published",
  },
  "actions/plan/action.yml": {
    inputs:
      "variant vllm-version source recipe architecture python-version version-suffix only skip skip-existing runner manifest build-runner",
    outputs: "matrix builds proofs wheels count identifiers existing",
  },
  "actions/setup-cpu-torch/action.yml": {
    inputs:
      "python-version torch-index-url torch-packages torch-version cache cache-timeout restore-cache save-cache savings",
    outputs: "torch-version python-path venv cache-hit cache-key saved-bytes",
  },
  "actions/build-variant/action.yml": {
    inputs:
      "variant source vllm-version python-version version-suffix output-dir max-jobs recipe onednn-source numactl-source gperftools-source fresh glibc keep-debug torch-requirement torch-index-url torch-packages torch-version manifest level html markdown sarif sarif-kinds policy strict accept-unproven upload artifact-name retention-days limit without emulator savings least-cpu isolation engine-modes speed-reference speed-least build-env cache cache-timeout restore-cache save-cache cache-secret compiler-cache",
    outputs:
      "wheel sha256 verdict wheels result artifact-name torch-version saved-bytes sarif reports cache-key cache-hit",
  },
  "actions/verify-torch-cpu/action.yml": {
    inputs:
      "mode wheels environment level variant limit without emulator least-cpu isolation engine-modes speed-reference speed-least policy strict accept-unproven torch-index-url torch-packages torch-version manifest html markdown sarif sarif-kinds upload artifact-name retention-days planned sha256 join",
    outputs: "result torch-version verdicts sarif reports wheel verdict predicate predicate-type",
  },
  "actions/publish-wheel/action.yml": {
    inputs:
      "to wheels artifacts expect check-url also-as file-limit project-limit variant-index served-at signed-by trusted-root attestations require-complete torch-index-url manifest policy strict accept-unproven dry-run",
    outputs: "published skipped refused",
  },
};

/** Options by command; those of the commands that both shell scripts stand for are `run`'s. */
const COMMANDS: Record<string, string> = {
  doctor: "torch-index-url cache-dir manifest json",
  plan: "variant vllm-version source recipe python-version only skip print-identifiers manifest json",
  setup: "torch-index-url torch-packages torch-version savings json",
  build: "variant source vllm-version recipe output-dir max-jobs fresh resume dry-run glibc cache-dir json",
  verify:
    "level environment variant policy strict no-verdict html markdown sarif limit without emulator manifest json",
  publish: "to dry-run check-url also-as require-complete signed-by trusted-root policy expect json",
  run: "variant source vllm-version output-dir publish-to torch-index-url max-jobs policy html level limit signed-by trusted-root check-url also-as skip-build dry-run json",
  merge: "output json",
  reproduce:
    "verdict source recipe output-dir onednn-source numactl-source gperftools-source max-jobs torch-index-url manifest dry-run json",
  compare: "html json",
  withdraw: "from reason json",
};

const words = (text: string): string[] => text.split(" ");

describe.each(Object.entries(ACTIONS))("%s", (file, { inputs, outputs }) => {
  const metadata = load(readFileSync(join(root, file), "utf8")) as Record<"inputs" | "outputs", object>;

  test("has the inputs that workflows use", () => {
    expect(Object.keys(metadata.inputs).sort()).toEqual(words(inputs).sort());
  });

  test("has the outputs that workflows read", () => {
    expect(Object.keys(metadata.outputs).sort()).toEqual(words(outputs).sort());
  });
});

test.each(Object.entries(COMMANDS))("%s --help shows the options that scripts use", (command, options) => {
  const { status, stdout } = wheels([command, "--help"]);
  expect(status).toBe(0);
  const shown = [...stdout.matchAll(/^\s*--([a-z][a-z-]*)/gm)].map(([, name]) => name);
  expect(words(options).filter((name) => !shown.includes(name))).toEqual([]);
});

test("the documents have a row for each input and each option", () => {
  const rows = (page: string): Record<string, string[]> =>
    Object.fromEntries(
      readFileSync(join(root, page), "utf8")
        .split(/^## /m)
        .slice(1)
        .map((part) => [
          part.split("\n")[0] ?? "",
          [...part.matchAll(/^\| `(?:--)?([a-z][a-z0-9-]*)/gm)].map(([, name = ""]) => name),
        ]),
    );
  const actions = rows("docs/actions.md");
  for (const [file, { inputs, outputs }] of Object.entries(ACTIONS)) {
    const [, name] = /^actions\/([\w-]+)\//.exec(file) ?? [];
    if (name) expect(actions[name]).toEqual(expect.arrayContaining([...words(inputs), ...words(outputs)]));
  }
  const commands = rows("docs/commands.md");
  for (const [name, options] of Object.entries(COMMANDS))
    expect(commands[name]).toEqual(expect.arrayContaining(words(options)));
});

describe("the reusable workflow", () => {
  interface Workflow {
    on: Record<"workflow_call" | "workflow_dispatch", { inputs: Record<string, { type: string }> }>;
    jobs: Record<string, { steps: { uses?: string; with?: Record<string, unknown> }[] }>;
  }
  const workflow = load(readFileSync(join(root, ".github/workflows/build-wheels.yml"), "utf8")) as Workflow;
  const called = Object.keys(workflow.on.workflow_call.inputs);
  const byHand = Object.keys(workflow.on.workflow_dispatch.inputs);

  test("shows a person no more inputs than GitHub does", () => {
    expect(byHand.length).toBeGreaterThan(10);
    expect(byHand.length).toBeLessThanOrEqual(25);
    expect(byHand.filter((name) => !called.includes(name))).toEqual([]);
  });

  test.each([
    ["plan", "plan", []],
    ["build", "build-variant", ["upload", "artifact-name"]],
    ["proof", "verify-torch-cpu", ["mode", "wheels", "environment", "artifact-name", "sha256", "join"]],
    ["attest", "verify-torch-cpu", ["mode", "wheels", "environment", "artifact-name", "sha256", "upload"]],
    ["gate", "publish-wheel", ["wheels", "artifacts"]],
  ])("hands every input to the job %s", (job, action, left) => {
    const step = workflow.jobs[job]?.steps.find(({ uses }) => uses?.includes(`/${action}@`));
    const given = Object.keys(step?.with ?? {});
    const { inputs } = ACTIONS[`actions/${action}/action.yml`] ?? { inputs: "" };
    expect([...given, ...left].sort()).toEqual(words(inputs).sort());
  });
});
