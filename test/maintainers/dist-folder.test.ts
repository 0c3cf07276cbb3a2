import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { exec, removeScratch, root, scratch } from "../support/run.ts";

afterAll(removeScratch);

test("what a build writes into dist/ is ignored by git, the program is not", () => {
  const repo = scratch();
  exec("git", ["init", "--quiet", repo]);
  cpSync(join(root, ".gitignore"), join(repo, ".gitignore"));
  mkdirSync(join(repo, "dist", "cli"), { recursive: true });
  const written = ["a.whl", "a.whl.verdict.json", "a.whl.report.html", "r.sarif", ".vllm-cpu.lock"];
  for (const name of [...written, "cli/index.js", "README.md"]) writeFileSync(join(repo, "dist", name), "");
  const status = exec("git", ["-C", repo, "status", "--porcelain", "--untracked-files=all", "dist"]).stdout;
  expect(status.split("\n").filter(Boolean).sort()).toEqual(["?? dist/README.md", "?? dist/cli/index.js"]);
});

test.each(["build_wheels.sh", "test_and_publish.sh"])(
  "%s says how a missing bundle is brought back",
  (script) => {
    const folder = scratch();
    cpSync(join(root, script), join(folder, script));
    const ran = exec("sh", [join(folder, script), "--help"]);
    expect(ran.status).toBe(4);
    expect(ran.stderr).toMatch(
      /\[ERROR\] .*dist\/cli\/index\.js is missing.*checkout -- dist.*npm run build/,
    );
  },
);

test("the folder says what is what", () => {
  expect(readFileSync(join(root, "scripts", "dist-readme.md"), "utf8")).toContain("*.whl.verdict.json");
});
