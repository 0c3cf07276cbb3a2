import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { WheelsError } from "../../src/errors/wheels-error.ts";
import {
  acceptsGap,
  applyPolicy,
  demandedBy,
  parsePolicy,
  resolvePolicy,
} from "../../src/verify/policy/policy.ts";
import { CHECK_IDS, type Check, demandedChecks } from "../../src/verify/verdict/verdict.ts";
import { plainCheck } from "../support/wheel.ts";

const shipped = parsePolicy("policy.yml", readFileSync("policy.yml", "utf8"));
const standard = resolvePolicy(shipped);

const answer = (id: Check["id"], result: Check["result"]): Check => plainCheck(id, { result, detail: "" });

const gap = (...lacks: string[]): Pick<Check, "id" | "result" | "lacks"> => ({
  id: "runtime.kernels",
  result: "not-run",
  lacks,
});

const own = (text: string) => resolvePolicy(shipped, parsePolicy("own.yml", text));

describe("the default policy", () => {
  test("names every check, as an error", () => {
    expect(Object.keys(shipped.checks ?? {}).sort()).toEqual([...CHECK_IDS].sort());
    for (const id of CHECK_IDS) {
      expect(applyPolicy(standard, [answer(id, "fail")])[0]?.result).toBe("fail");
      expect(applyPolicy(standard, [answer(id, "not-run")])[0]?.result).toBe("not-run");
    }
  });

  test("takes a gap of the wheel's own contract at a folder index alone", () => {
    const contract = ["avx512f", "avx512_vnni"];
    expect(acceptsGap(standard, "index", gap("avx512_vnni"), contract)).toBe(true);
    expect(acceptsGap(standard, "index", gap("amx_tile"), contract)).toBe(false);
    expect(acceptsGap(standard, "index", gap(), contract)).toBe(false);
    for (const other of [
      { ...gap("avx512_vnni"), result: "fail" as const },
      { ...gap("avx512_vnni"), id: "runtime.resolve" as const },
    ])
      expect(acceptsGap(standard, "index", other, contract)).toBe(false);
    for (const kind of ["pypi", "url", "github-release"] as const)
      expect(acceptsGap(standard, kind, gap("avx512_vnni"), contract)).toBe(false);
  });

  test("demands the kernels everywhere", () => {
    expect(demandedBy(standard, "pypi")).toEqual(demandedChecks("kernels"));
  });
});

describe("a policy of one's own", () => {
  test("makes an error a warning and remembers what the check said", () => {
    const policy = own("version: 1\nchecks: {platform.glibc: warn}\n");
    const [check] = applyPolicy(policy, [answer("platform.glibc", "fail")]);
    expect(check).toMatchObject({ result: "warn", before: "fail" });
    expect(applyPolicy(standard, [check as Check])[0]).toEqual(answer("platform.glibc", "fail"));
  });

  test("makes nothing pass by switching it off", () => {
    const policy = own("version: 1\nchecks: {platform.glibc: off}\n");
    expect(applyPolicy(policy, [answer("platform.glibc", "pass")])[0]?.result).toBe("not-run");
    expect(demandedBy(policy, "pypi")).not.toContain("platform.glibc");
  });

  test("is strict where it says so, but not about what it only warns of", () => {
    const policy = own("version: 1\nstrict: true\nchecks: {platform.glibc: warn}\n");
    const checks = applyPolicy(policy, [answer("isa.used", "warn"), answer("platform.glibc", "warn")]);
    expect(checks.map(({ result }) => result)).toEqual(["fail", "warn"]);
  });

  test("differs by target", () => {
    const policy = own(
      "version: 1\ntargets: {pypi: {level: engine, checks: {platform.glibc: warn}, accept-unproven: {features: [avx512_vnni]}}}\n",
    );
    const failed = [answer("platform.glibc", "fail")];
    expect(applyPolicy(policy, failed, "pypi")[0]?.result).toBe("warn");
    expect(applyPolicy(policy, failed, "url")[0]?.result).toBe("fail");
    expect(demandedBy(policy, "pypi")).toContain("runtime.engine");
    expect(acceptsGap(policy, "pypi", gap("avx512f"), [])).toBe(true);
    expect(acceptsGap(policy, "url", gap("avx512f"), [])).toBe(false);
  });
});

test.each([
  ["version: 1\nchecks:\n  platform.glib: warn\n", "own.yml:3:3"],
  ["version: 1\nchecks:\n  platform.glibc: perhaps\n", "own.yml:3:3"],
  ["version: 2\n", "own.yml:1:1"],
  ["version: 1\ntargets: {pypi: {levle: engine}}\n", "own.yml:2:18"],
  ["version: 1\nchecks: [\n", "own.yml:3:1"],
])("points at the line that is wrong: %j", (text, place) => {
  let thrown: unknown;
  try {
    parsePolicy("own.yml", text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(WheelsError);
  expect((thrown as WheelsError).code).toBe("E_POLICY");
  expect((thrown as WheelsError).what).toContain(`${place}:`);
});
