import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { readElf } from "../../src/elf/elf.ts";
import { tagsAgreement } from "../../src/verify/checks/package.ts";
import { makeCheck } from "../../src/verify/verdict/check.ts";
import { factsOf } from "../support/facts.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

/** What tags.agreement says of a wheel with this tag and a library, compiled here, that calls this function. */
function judged(tag: string, symbol: string) {
  const folder = scratch();
  const [source, path] = [join(folder, "a.c"), join(folder, "a.so")];
  writeFileSync(source, `extern void *${symbol}(void *);\nvoid *call(void *x) { return ${symbol}(x); }\n`);
  const ran = exec("g++", ["-x", "c", "-shared", "-fPIC", "-o", path, source]);
  if (ran.status !== 0) throw new Error(ran.stderr);
  const { fileName, bytes } = tinyWheel({ tag });
  const facts = factsOf(fileName, bytes);
  const library = { path: "tiny/a.so", problem: null, ...readElf(readFileSync(path)), gpuCode: false };
  return makeCheck("tags.agreement", tagsAgreement({ ...facts, libraries: [library], audits: [] }, null));
}

describe("an abi3 tag is held to the stable ABI", () => {
  test("what every Python 3 has passes", () => {
    expect(judged("cp38-abi3-linux_x86_64", "PyObject_Str").result).toBe("pass");
  });
  test("a symbol of a later stable ABI is named with its Python, and passes under the tag it earns", () => {
    const check = judged("cp38-abi3-linux_x86_64", "PyObject_CallNoArgs");
    expect(check.result).toBe("fail");
    expect(check.detail).toContain("tiny/a.so needs the stable ABI of Python 3.10");
    expect(check.remedy).toContain("oldest Python");
    expect(judged("cp310-abi3-linux_x86_64", "PyObject_CallNoArgs").result).toBe("pass");
  });
  test("the oldest of several tags counts", () => {
    const check = judged("cp39.cp311-abi3-linux_x86_64", "PyObject_CallNoArgs");
    expect(check.detail).toContain("tagged cp39-abi3");
  });
  test("a symbol outside it fails under any abi3 tag, and under none for one Python", () => {
    const check = judged("cp312-abi3-linux_x86_64", "PyFrame_GetLocals");
    expect(check.result).toBe("fail");
    expect(check.detail).toContain("wants PyFrame_GetLocals, outside the stable ABI");
    expect(judged("cp312-cp312-linux_x86_64", "PyFrame_GetLocals").result).toBe("pass");
  });
});
