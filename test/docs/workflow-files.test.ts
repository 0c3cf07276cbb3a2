import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
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
