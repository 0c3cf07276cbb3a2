import { expect, test } from "@jest/globals";
import { verdictText } from "../../src/report/verdict-text.ts";
import type { Check } from "../../src/verify/verdict/verdict.ts";
import { plainCheck as check } from "../support/wheel.ts";

const emulated = ["amx_tile", "amx_bf16"];
const tiles = { ldtilecfg: 16, tdpbf16ps: 1500 };
const imported = check("runtime.import", { emulated, evidence: { tiles: {} } });
const kernels = check("runtime.kernels", { emulated, evidence: { tiles } });

test.each<[string, Check[]]>([
  ["proven (kernels)", [check("runtime.import"), check("runtime.kernels")]],
  ["kernels run, AMX emulated (1516 instructions)", [imported, kernels]],
  [
    "kernels run, AMX emulated (1516 instructions), 1 checks not run",
    [imported, kernels, check("runtime.engine", { result: "not-run" })],
  ],
  ["imported, AMX emulated, 1 checks not run", [imported, check("runtime.kernels", { result: "not-run" })]],
  ["kernels run, avx512f emulated", [check("runtime.kernels", { emulated: ["avx512f"] })]],
  [
    "proven, not run (lacks amx_tile)",
    [imported, check("runtime.kernels", { result: "not-run", lacks: ["amx_tile"] })],
  ],
])("%s", (text, checks) => {
  expect(verdictText({ result: "pass", level: "kernels", checks })).toBe(text);
});

test("a failure on an emulated CPU is a failure", () => {
  const failed = { ...kernels, result: "fail" as const };
  expect(verdictText({ result: "fail", level: "kernels", checks: [imported, failed] })).toBe(
    "FAILED runtime.kernels",
  );
});
