import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { exec, type Ran, removeScratch, root, scratch } from "../support/run.ts";

afterAll(removeScratch);

/** What real Jest reports of these tests, and what is said of it. */
function told(text: string, ci: string): Ran {
  const folder = scratch();
  writeFileSync(join(folder, "package.json"), "{}");
  mkdirSync(join(folder, "test"));
  writeFileSync(join(folder, "test", "one.test.js"), `test("runs", () => {});\n${text}`);
  const report = join(folder, "report.json");
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  exec(process.execPath, [jest, "--rootDir", folder, "--json", `--outputFile=${report}`], { cwd: folder });
  return exec(process.execPath, [join(root, "scripts/skips.mjs"), report], { cwd: folder, env: { CI: ci } });
}

const LACKS = 'test.skip("kernels: not-run: lacks avx512_vnni", () => {});';
const MOUNT = 'describe.skip("disks: not-run: nobody may mount here", () => test("full", () => {}));';

test("a skipped test is told by name and reason", () => {
  expect(told(`${LACKS}\n${MOUNT}\ntest.skip("later", () => {});`, "")).toMatchObject({
    status: 0,
    stdout: [
      "skipped test/one.test.js: kernels: lacks avx512_vnni",
      "skipped test/one.test.js: disks › full: nobody may mount here",
      "skipped test/one.test.js: later: no reason is given\n",
    ].join("\n"),
  });
});

test.each([
  ["nothing skipped", "", 0],
  ["a machine that lacks an ISA", LACKS, 0],
  ["a reason that is not on the list", MOUNT, 1],
  ["no reason", 'test.skip("later", () => {});', 1],
  ["a test that nobody wrote", 'test.todo("some day");', 1],
])("in continuous integration: %s", (_what, text, status) => {
  const ran = told(text, "true");
  expect(ran.status).toBe(status);
  expect(ran.stdout.includes("has to run in CI")).toBe(status === 1);
});
