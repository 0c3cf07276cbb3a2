import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { findingText } from "../../src/findings/findings.ts";
import { wheelFacts } from "../../src/verify/facts/read-wheel.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import {
  type Forged,
  forge,
  GOOD_INFO,
  GOOD_NAME,
  goodLibrary,
  goodManifest,
  type Lie,
  written,
} from "../support/forge.ts";
import { quietHost } from "../support/network-host.ts";
import { cli, exec, removeScratch, scratch } from "../support/run.ts";
import { dynamicEntry, linked, segmentsOf, tampered } from "../support/tampered.ts";

afterAll(removeScratch);

const MIB = 1024 ** 2;

/** Ends the command after some seconds, and prints the CPU seconds and the MiB that it took. */
const MEASURED = [
  "import resource, subprocess, sys",
  "code = subprocess.run(['timeout', '-s', 'KILL', '100', *sys.argv[1:]], stdin=subprocess.DEVNULL).returncode",
  "use = resource.getrusage(resource.RUSAGE_CHILDREN)",
  "print(use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, file=sys.stderr)",
  "sys.exit(code)",
].join("\n");

interface Answer {
  result: VerifyResult | undefined;
  stderr: string;
  seconds: number;
  memory: number;
}

function ask(path: string): Answer {
  const args = ["verify", path, "--json", "--no-verdict", `--manifest=${goodManifest()}`];
  const ran = exec("python3", ["-c", MEASURED, process.execPath, cli, ...args]);
  const [seconds = 0, memory = 0] = (ran.stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  const { results } = JSON.parse(ran.stdout || "{}") as { results?: VerifyResult[] };
  return { result: results?.[0], stderr: ran.stderr, seconds, memory };
}

const description = (text: string): Lie => ({ metadata: (good) => `${good.split("\n\n")[0]}\n\n${text}\n` });
const requires = (text: string): Lie => ({ headers: [`Requires-Dist: ${text}`] });
const points = (text: string | Uint8Array): Lie => ({ files: { [`${GOOD_INFO}/entry_points.txt`]: text } });
const library = (bytes: Uint8Array): Lie => ({ files: { "good/_C.so": bytes } });

/** The good library with a dynamic section of many equal entries, at its end. */
function manyTags(count: number): Buffer {
  const good = Buffer.from(goodLibrary());
  const table = Buffer.alloc(count * 16 + 16);
  for (let index = 0; index < count; index++) table.writeBigUInt64LE(1n, index * 16);
  const load = segmentsOf(good)
    .filter(({ type }) => type === 1)
    .sort((a, b) => b.offset - a.offset)[0];
  const grown = Buffer.concat([good, table]);
  for (const { at, type, offset } of segmentsOf(good)) {
    const address = Number(good.readBigUInt64LE(at + 16)) - offset;
    if (at === load?.at) grown.writeBigUInt64LE(BigInt(grown.length - offset), at + 32);
    if (type !== 2) continue;
    grown.writeBigUInt64LE(BigInt(good.length), at + 8);
    grown.writeBigUInt64LE(BigInt(good.length + address), at + 16);
    grown.writeBigUInt64LE(BigInt(table.length), at + 32);
  }
  return grown;
}

/** Relocations whose names lie over each other, each as long as the string table. */
const longNames = tampered(Buffer.from(goodLibrary()), (copy) => {
  const at = dynamicEntry(copy, 10);
  copy.writeBigUInt64LE(copy.readBigUInt64LE(at) * 4096n, at + 8);
});

/** Jumps into the middle of themselves, a million of them, in one function. */
const jumps = linked(
  'void f(void) { __asm__(".rept 1000000\\n.byte 0xeb,0xff,0xc0,0x75,0xfc\\n.endr"); }',
  [],
);

const CASES: [string, Lie][] = [
  ["options in a description", description("--index-url=".repeat(MIB / 12))],
  ["comments in a description", description("<!--".repeat(MIB / 4))],
  ["20,000 × or", requires(`x; ${Array(20_000).fill("os_name=='a'").join(" or ")}`)],
  ["20,000 × or on torch", requires(`torch; ${Array(20_000).fill("python_full_version<'3'").join(" or ")}`)],
  [
    "many markers",
    {
      headers: Array.from(
        { length: 20_000 },
        (_unused, index) => `Requires-Dist: x${index}; python_full_version < "${index}"`,
      ),
    },
  ],
  ["deep parentheses", requires(`x; ${"(".repeat(200_000)}`)],
  ["equals signs", requires(`x ${"===".repeat(100_000)} `)],
  ["specifiers", requires(`x ${Array(200_000).fill(">=1.0").join(",")}`)],
  ["a long version", requires(`x ==${"1.".repeat(200_000)}1`)],
  ["a long name", requires(`${"a.".repeat(300_000)}!`)],
  ["headers", { headers: Array(400_000).fill("A: b") }],
  ["lines of RECORD", { record: (text) => text + "a,b,c\n".repeat(500_000) }],
  ["entry points", points("[a]\n".repeat(400_000))],
  ["entry points that are too many", points("#\n".repeat(9 * MIB))],
  ["entry points that are no text", points(Buffer.from([0xff, 0xfe, 0x5b]))],
  ["entries of a dynamic section", library(manyTags(200_000))],
  ["a string table that goes on", library(longNames)],
  ["a library of jumps into themselves", library(jumps)],
];

describe("a forged wheel takes neither time nor memory", () => {
  let paths: string[] = [];
  beforeAll(() => {
    const forged: Forged[] = CASES.map(([, lie]) => forge(lie));
    paths = written(forged);
  });

  test.each(CASES.map(([name], index) => ({ name, index })))("$name", ({ index }) => {
    const { result, stderr, seconds, memory } = ask(paths[index] ?? "");
    expect(stderr).not.toMatch(/E_INTERNAL|^\s+at |Set maximum|FATAL/m);
    expect(result?.checks.length).toBeGreaterThan(5);
    expect(JSON.stringify(result).length).toBeLessThan(MIB / 2);
    expect(seconds).toBeLessThan(30);
    expect(memory).toBeLessThan(500);
  });
});

test("a pipe named like a wheel is not waited for", () => {
  const path = join(scratch(), GOOD_NAME);
  expect(exec("mkfifo", [path]).status).toBe(0);
  const ran = exec("timeout", ["-s", "KILL", "60", process.execPath, cli, "verify", path, "--no-verdict"]);
  expect(ran.status).toBe(2);
  expect(ran.stderr).toMatch(/E_WHEEL_FILE[\s\S]*no regular file/);
});

test("a device named like a wheel is none", () => {
  const ran = exec("timeout", [
    "-s",
    "KILL",
    "60",
    process.execPath,
    cli,
    "verify",
    "/dev/zero",
    "--no-verdict",
  ]);
  expect(ran.status).toBe(2);
});

test("a library with too many entries in its dynamic section is told of", () => {
  const [path = ""] = written([forge(library(manyTags(200_000)))]);
  const { result } = ask(path);
  const contained = result?.checks.find(({ id }) => id === "isa.contained");
  expect([contained?.result, contained?.detail]).toEqual([
    "not-run",
    expect.stringMatching(/dynamic section: it has more than 65536 entries/),
  ]);
});

test("a wheel that asks for too much stays refused beside an honest one", () => {
  const folder = scratch();
  const bad = forge({ ...requires(`torch; ${Array(20_000).fill("os_name=='a'").join(" or ")}`) });
  writeFileSync(join(folder, GOOD_NAME), bad.bytes);
  const { result } = ask(join(folder, GOOD_NAME));
  expect(result?.checks.find(({ id }) => id === "metadata.torch-requirement")?.result).toBe("fail");
});

test("files that no time was left for are told of, each by its name and once", async () => {
  let days = 0;
  const leaping = { ...quietHost(), now: () => new Date(days++ * 86_400_000) };
  const { fileName, bytes } = forge();
  const { facts } = await wheelFacts(leaping, fileName, bytes, () => null);
  const texts = facts.zipProblems.map(findingText);
  expect(texts).toContain("good/_C.so: there was no time left for it");
  expect(texts).toContain(`${GOOD_INFO}/METADATA: there was no time left for it`);
  expect(facts.libraries).toEqual([]);
});
