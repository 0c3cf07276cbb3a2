import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { load } from "js-yaml";
import { blocksOf } from "../support/documents.ts";
import { tool } from "../support/publish.ts";
import { exec, removeScratch, root, scratch } from "../support/run.ts";

const files = readdirSync(join(root, "docs", "workflows"));

afterAll(removeScratch);

test("the complete workflows to copy are what actionlint and zizmor let through as they stand", () => {
  expect(files.sort()).toEqual(["pages.yml", "pypi.yml", "weekly.yml"]);
  const repo = scratch();
  const workflows = join(repo, ".github", "workflows");
  mkdirSync(workflows, { recursive: true });
  cpSync(join(root, "docs", "workflows"), workflows, { recursive: true });
  cpSync(join(root, ".github", "zizmor.yml"), join(repo, ".github", "zizmor.yml"));
  exec("git", ["init", "--quiet", repo]);
  const actionlint = exec(tool("actionlint"), [], { cwd: repo });
  expect(actionlint.stdout + actionlint.stderr).toBe("");
  const zizmor = exec(tool("zizmor"), ["--offline", "--persona", "pedantic", ".github/workflows"], {
    cwd: repo,
  });
  expect([zizmor.status, zizmor.stdout]).toEqual([0, expect.stringContaining("No findings")]);
});

type Permissions = Record<string, string>;
interface Workflow {
  permissions?: Permissions;
  jobs: Record<string, { uses?: string; permissions?: Permissions }>;
}

const RANK = ["none", "read", "write"];

test("every caller of the reusable workflow grants what its jobs ask for, or GitHub would refuse the run", () => {
  const called = load(
    readFileSync(join(root, ".github", "workflows", "build-wheels.yml"), "utf8"),
  ) as Workflow;
  const asked = Object.values(called.jobs).flatMap(({ permissions }) => Object.entries(permissions ?? {}));
  expect(asked).toContainEqual(["id-token", "write"]);
  const pages = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)];
  const shown = pages.filter((page) => page.endsWith(".md")).flatMap((page) => blocksOf(page));
  const texts = [
    ...files.map((name) => readFileSync(join(root, "docs", "workflows", name), "utf8")),
    ...shown.filter(({ directive }) => directive?.kind === "workflow").map(({ text }) => text),
  ];
  const callers = texts
    .map((text) => load(text) as Workflow)
    .flatMap(({ permissions: general = {}, jobs }) =>
      Object.values(jobs)
        .filter(({ uses }) => uses?.includes("/build-wheels.yml@"))
        .map(({ permissions = general }) => permissions),
    );
  expect(callers.length).toBeGreaterThanOrEqual(6);
  for (const granted of callers)
    for (const [scope, level] of asked)
      expect([scope, RANK.indexOf(granted[scope] ?? "none") >= RANK.indexOf(level)]).toEqual([scope, true]);
});

test("the job that signs is the only one with an identity, and takes nothing of the source", () => {
  const { jobs } = load(readFileSync(join(root, ".github", "workflows", "build-wheels.yml"), "utf8")) as {
    jobs: Record<
      string,
      { permissions: Permissions; steps: { uses?: string; if?: string; with?: object }[] }
    >;
  };
  const identified = Object.entries(jobs).filter(([, { permissions }]) => permissions["id-token"]);
  expect(identified.map(([name]) => name)).toEqual(["attest"]);
  const steps = jobs["attest"]?.steps ?? [];
  expect(steps.filter(({ uses }) => uses?.includes("checkout")).map((step) => step.if)).toEqual([
    "inputs.policy != '' || inputs.manifest != ''",
  ]);
  expect(JSON.stringify(steps)).not.toMatch(/inputs\.(source|onednn-source|build-env)\b/);
});
