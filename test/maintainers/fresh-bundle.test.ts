import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { copyProject } from "../support/repository.ts";
import { exec, type Ran, removeScratch, root, scratch } from "../support/run.ts";

afterAll(removeScratch);

/** Jest's start in a copy of the project, by its own configuration and with one small test. */
function jestIn(folder: string): Ran {
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  const args = [
    "--experimental-vm-modules",
    jest,
    "-w",
    "1",
    "--rootDir",
    folder,
    "test/wheel/marker.test.ts",
  ];
  return exec(process.execPath, args, { cwd: folder });
}

function copy(): string {
  const folder = scratch();
  copyProject(folder);
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  exec("ln", ["-s", join(root, "node_modules"), join(folder, "node_modules")]);
  return folder;
}

test("Jest runs on a bundle of today's sources, and on no other", () => {
  const folder = copy();
  expect(jestIn(folder)).toMatchObject({ status: 0 });
  writeFileSync(join(folder, "src", "wheel", "new.ts"), "export const added = 1;\n");
  const refused = jestIn(folder);
  expect(refused.status).not.toBe(0);
  expect(refused.stderr).toContain("Type: npm run build");
  expect(refused.stderr).not.toContain("marker.test.ts");
}, 120_000);

test.each<[string, (folder: string) => void]>([
  ["a program of src/probe", (folder) => writeFileSync(join(folder, "src/probe/harness.py"), "pass\n")],
  ["a file that is gone", (folder) => rmSync(join(folder, "src/wheel/strays.ts"))],
  ["the script that bundles", (folder) => writeFileSync(join(folder, "scripts/bundle.mjs"), "\n")],
  [
    "a package that is bundled",
    (folder) =>
      writeFileSync(
        join(folder, "package-lock.json"),
        JSON.stringify({ packages: { "node_modules/zod": { version: "0.0.1" } } }),
      ),
  ],
  [
    "the project's version",
    (folder) => writeFileSync(join(folder, "package.json"), JSON.stringify({ version: "9.9.9" })),
  ],
  ["a bundle that is not there", (folder) => rmSync(join(folder, "dist"), { recursive: true })],
])("refused for another %s", (_what, change) => {
  const folder = copy();
  const setup = pathToFileURL(join(root, "test/support/fresh-bundle.mjs")).href;
  const ask = `(await import(${JSON.stringify(setup)})).default({ rootDir: ${JSON.stringify(folder)} })`;
  const start = (): Ran => exec(process.execPath, ["--input-type=module", "-e", ask]);
  expect(start()).toMatchObject({ status: 0, stderr: "" });
  change(folder);
  expect(start().stderr).toContain("npm run test:built");
});
