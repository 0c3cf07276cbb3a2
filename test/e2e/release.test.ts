import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { RELEASED } from "../support/act.ts";
import { bareRepository, copyProject, git, makeRepository } from "../support/repository.ts";
import { exec, type Ran, removeScratch, root, scratch } from "../support/run.ts";

const clone = scratch();
const remote = bareRepository();

const release = (version: string, ...args: string[]): Ran =>
  exec(process.execPath, ["scripts/release.mjs", version, ...args], { cwd: clone });

const edit = (name: string, change: (text: string) => string): void =>
  writeFileSync(join(clone, name), change(readFileSync(join(clone, name), "utf8")));

/** Sets the version as a release does: package.json, the changelog, the bundles. */
function setVersion(from: string, to: string): void {
  edit("package.json", (text) => text.replace(`"version": "${from}"`, `"version": "${to}"`));
  edit("CHANGELOG.md", (text) =>
    text.replace("# Changelog\n", `# Changelog\n\n## ${to}\n\n- What is new in ${to}.\n`),
  );
  edit("dist/version.json", (text) => text.replace(from, to));
  git(clone, "commit", "-qam", to);
}

beforeAll(() => {
  copyProject(clone);
  // As before any release, whatever this project has released since.
  writeFileSync(join(clone, "CHANGELOG.md"), "# Changelog\n\n## Unreleased\n\n- Something.\n");
  makeRepository(clone, remote);
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
}, 60_000);

afterAll(removeScratch);

test("wants the changelog, the version and dist to agree", () => {
  const { version } = JSON.parse(readFileSync(join(clone, "package.json"), "utf8")) as { version: string };
  expect(release("v99.0.0").stderr).toContain(`package.json says ${version}`);
  expect(release(`v${version}`).stderr).toContain(`CHANGELOG.md has no section "## ${version}"`);
  setVersion(version, "1.0.0");
  edit("dist/plan/index.js", (text) => `${text}// by hand\n`);
  expect(release("v1.0.0").stderr).toContain("the working tree has changes");
  git(clone, "commit", "-qam", "by hand");
  expect(release("v1.0.0").stderr).toContain("dist/ is not what src/ builds");
  git(clone, "reset", "-q", "--hard", "HEAD~1");
}, 60_000);

test("tags two commits, the second by the hash of the first, moves the short tags, and never the full one", () => {
  const first = release("v1.0.0", "--push");
  expect(first.stderr).not.toMatch(/^(fatal|error)/m);
  expect(first.status).toBe(0);
  expect(first.stdout).toContain("- What is new in 1.0.0.");
  const commit = git(remote, "rev-parse", "v1.0.0");
  expect(git(remote, "rev-parse", "v1.0", "v1").split("\n")).toEqual([commit, commit]);
  expect(git(remote, "ls-tree", "--name-only", "v1.0.0").split("\n")).toEqual(RELEASED);
  const parts = git(remote, "log", "-1", "--format=%P", "v1.0.0");
  expect(git(remote, "show", "v1.0.0:action.yml")).toContain(
    `uses: org/vllm-cpu-actions/build-variant@${parts} # v1.0.0`,
  );
  expect(git(remote, "show", "v1.0.0:.github/workflows/build-wheels.yml")).toContain(
    `uses: org/vllm-cpu-actions/plan@${parts} # v1.0.0`,
  );
  expect(git(remote, "log", "-1", "--format=%P", parts)).toBe("");
  expect(git(remote, "ls-tree", "--name-only", parts).split("\n")).toEqual(
    RELEASED.filter((name) => name !== ".github" && name !== "action.yml"),
  );

  expect(release("v1.0.0", "--push").stdout).toContain("(there already)");

  setVersion("1.0.0", "1.0.1");
  expect(release("v1.0.1", "--push").status).toBe(0);
  expect(git(remote, "rev-parse", "v1")).toBe(git(remote, "rev-parse", "v1.0.1"));
  expect(git(remote, "rev-parse", "v1.0.0")).toBe(commit);

  setVersion("1.0.1", "1.0.0");
  const again = release("v1.0.0", "--push");
  expect(again.status).toBe(1);
  expect(again.stderr).toContain("a full tag never moves");
  expect(git(remote, "rev-parse", "v1.0.0")).toBe(commit);
}, 120_000);
