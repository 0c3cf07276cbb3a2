import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { removeScratch, scratch, wheels } from "../support/run.ts";
import { type TinyWheel, tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

function verified(options: TinyWheel): { text: string; page: string; refuses: string[] | undefined } {
  const { fileName, bytes } = tinyWheel(options);
  const wheel = join(scratch(), fileName);
  const page = join(scratch(), "page.html");
  writeFileSync(wheel, bytes);
  const words = ["verify", wheel, "--level=static", "--no-verdict"];
  const text = wheels([...words, `--html=${page}`]).stdout;
  const { results } = JSON.parse(wheels([...words, "--json"]).stdout) as { results: VerifyResult[] };
  return { text, page: readFileSync(page, "utf8"), refuses: results[0]?.indexRefuses };
}

describe("what an upload index would refuse is told before the upload", () => {
  test("nothing of a wheel that it takes", () => {
    const { text, page, refuses } = verified({});
    expect(refuses).toEqual([]);
    expect(text).not.toContain("upload index");
    expect(page).not.toContain("upload index");
  });

  test.each<[string, TinyWheel, string]>([
    ["a local version", { version: "1.0+cpu" }, "1.0+cpu has a local part"],
    ["a bare Linux tag", { tag: "py3-none-linux_x86_64" }, "the platform tag linux_x86_64 is not taken"],
    ["a field of nobody", { metadata: "Colour: blue\n\nText.\n" }, "colour is no field of core metadata"],
    [
      "a field that came later",
      { metadata: "License-Expression: MIT\n\nText.\n" },
      "license-expression came with Metadata-Version 2.4; METADATA says 2.1",
    ],
    [
      "a dynamic name",
      { metadata: "Dynamic: Name\n\nText.\n", metadataVersion: "2.2" },
      "Dynamic names Name, which can't be",
    ],
    [
      "a requirement by URL",
      { metadata: "Requires-Dist: x @ https://example.org/x.whl\n\nText.\n" },
      "x @ https://example.org/x.whl names a URL",
    ],
    [
      "a description of a type that none renders",
      { metadata: "Description-Content-Type: text/html\n\nText.\n" },
      "Description-Content-Type text/html is not",
    ],
  ])("%s", (_name, options, said) => {
    const { text, page, refuses } = verified(options);
    expect(refuses).toEqual([expect.stringContaining(said)]);
    expect(text).toContain("  note    an upload index, such as PyPI, would refuse it:");
    expect(text).toContain(`- ${said}`);
    expect(page).toContain("What an upload index would refuse");
  });

  test("texts from the wheel can't hide in it", () => {
    const { text, page } = verified({ metadata: "Dynamic: <b>\u202ex\n\nText.\n", metadataVersion: "2.2" });
    expect(text).not.toContain("\u202e");
    expect(page).not.toContain("<b>\u202e");
    expect(page).toContain("&lt;b&gt;");
  });
});
