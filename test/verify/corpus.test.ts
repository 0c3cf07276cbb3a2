import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { demandedChecks } from "../../src/verify/verdict/verdict.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { formatRecord, recordHash } from "../../src/wheel/record.ts";
import { type NewEntry, writeZip } from "../../src/wheel/zip-writer.ts";
import { goodManifest } from "../support/forge.ts";
import { compileLibrary } from "../support/library.ts";
import { exec, removeScratch, scratch, wheels } from "../support/run.ts";

const NAME = "good-1.0-cp311-cp311-manylinux_2_35_x86_64.whl";
const INFO = "good-1.0.dist-info";
const README = "pip install good --extra-index-url https://download.pytorch.org/whl/cpu";
const METADATA = `Metadata-Version: 2.1\nName: good\nVersion: 1.0\nRequires-Dist: torch==2.13.0\n\n${README}\n`;
const WHEEL = `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: ${NAME.slice(9, -4)}\n`;
const TIME = new Date("2026-01-01T00:00:00Z");
/** Milliseconds for thousands of wheels. */
const LONG = 1_200_000;

interface Mutant {
  bytes: Uint8Array;
  fileName?: string;
}

/** A wheel of no variant is told of some of what a variant's is refused for. */
const manifest = `--manifest=${goodManifest()}`;

/** Wheels that one command is asked about; each needs a place in its command line. */
const AT_A_TIME = 500;

/**
 * Which checks refuse each of these wheels, asked of the command that users type: its threads, its own list of checks,
 * its policy. Every wheel is a file in a folder of its own.
 */
function refusedBy(mutants: readonly Mutant[]): string[][] {
  const found: string[][] = [];
  for (let from = 0; from < mutants.length; from += AT_A_TIME) {
    const folder = scratch();
    const paths = mutants.slice(from, from + AT_A_TIME).map(({ bytes, fileName = NAME }, index) => {
      mkdirSync(join(folder, String(index)));
      const path = join(folder, String(index), fileName);
      writeFileSync(path, bytes);
      return path;
    });
    const ran = wheels(["verify", ...paths, "--no-verdict", "--json", manifest], { cwd: folder });
    if (ran.status !== 0 && ran.status !== 1) throw new Error(ran.stdout + ran.stderr);
    const { results } = JSON.parse(ran.stdout) as { results: VerifyResult[] };
    for (const [index, { wheel, checks }] of results.entries()) {
      // A check that the command forgot would refuse nothing.
      expect([wheel, checks.map(({ id }) => id)]).toEqual([paths[index], demandedChecks("static")]);
      found.push(checks.filter(({ result }) => result === "fail").map(({ id }) => id));
    }
    rmSync(folder, { recursive: true });
  }
  expect(found).toHaveLength(mutants.length);
  return found;
}

const entry = (name: string, data: Uint8Array | string): NewEntry => ({
  name,
  data: Buffer.from(data),
  mode: 0o644,
});

const record = (entries: readonly NewEntry[]): NewEntry =>
  entry(
    `${INFO}/RECORD`,
    formatRecord([
      ...entries.map(({ name, data }) => ({
        path: name,
        hash: recordHash(data),
        size: String(data.length),
      })),
      { path: `${INFO}/RECORD`, hash: "", size: "" },
    ]),
  );

let files: NewEntry[];
let good: Uint8Array;

const packed = (entries: readonly NewEntry[]): Uint8Array => writeZip([...entries, record(entries)], TIME);

const changed = (name: string, data: Uint8Array | string): NewEntry[] =>
  files.map((file) => (file.name === name ? entry(name, data) : file));

beforeAll(() => {
  const { bytes } = compileLibrary("int f(int x) { return x * 3; }");
  files = [
    entry("good/__init__.py", "x = 1\n"),
    entry("good/_C.so", bytes),
    entry(`${INFO}/METADATA`, METADATA),
    entry(`${INFO}/WHEEL`, WHEEL),
  ];
  good = packed(files);
});

/** What the central directory begins with (APPNOTE 4.3.12). */
const CENTRAL = Buffer.from("PK\u0001\u0002", "latin1");

afterAll(removeScratch);

/**
 * Mutants that matter are those of which an installer would read something else than of the wheel they are made of, or
 * which an index refuses: all of them must be refused. What is left are mutants such as another time in a header, or an
 * executable bit, which nothing in a wheel vouches for.
 */
let mutants = 0;

/** Asks mutants, and counts them. */
function refused(mutated: readonly Mutant[]): string[][] {
  mutants += mutated.length;
  return refusedBy(mutated);
}

/** The same of one. */
const refusedOne = (bytes: Uint8Array, fileName = NAME): string[] => refused([{ bytes, fileName }])[0] ?? [];

test("the wheel that the mutants are made of passes", () => {
  expect(refusedBy([{ bytes: good }])).toEqual([[]]);
});

test(
  "every truncation is refused",
  () => {
    const step = Math.max(1, Math.floor(good.length / 2000));
    const lengths = Array.from({ length: Math.ceil(good.length / step) }, (_unused, index) => index * step);
    const answers = refused(lengths.map((length) => ({ bytes: good.subarray(0, length) })));
    expect(lengths.filter((_length, index) => answers[index]?.length === 0)).toEqual([]);
  },
  LONG,
);

/** What Python's zipfile, which installers use, reads of each archive: a digest over names and contents. */
function readByPython(archives: readonly Uint8Array[]): string[] {
  const folder = scratch();
  const paths = archives.map((bytes, index) => {
    const path = join(folder, `${index}.whl`);
    writeFileSync(path, bytes);
    return path;
  });
  const program = [
    "import hashlib, sys, zipfile",
    "for path in sys.argv[1:]:",
    "    with zipfile.ZipFile(path) as archive:",
    "        content = [(one.filename, archive.read(one)) for one in archive.infolist()]",
    "    print(hashlib.sha256(repr(content).encode()).hexdigest())",
  ].join("\n");
  const { status, stdout, stderr } = exec("python3", ["-c", program, ...paths]);
  if (status !== 0) throw new Error(stderr);
  return stdout.trim().split("\n");
}

test(
  "every flipped bit is refused, unless an installer reads the very same of the wheel",
  () => {
    const flipped: Buffer[] = [];
    const central = Buffer.from(good).indexOf(CENTRAL);
    // Where the directory is whole threads are started to read what is in it, for each wheel anew.
    const step = Math.max(1, Math.floor(central / 200));
    for (let at = 0; at < good.length; at += at < central ? step : 1) {
      for (const bit of at < central ? [1 << (at % 8)] : [1, 2, 4, 8, 16, 32, 64, 128]) {
        const mutant = Buffer.from(good);
        mutant[at] = (mutant[at] ?? 0) ^ bit;
        flipped.push(mutant);
      }
    }
    const answers = refused(flipped.map((bytes) => ({ bytes })));
    const accepted = flipped.filter((_bytes, index) => answers[index]?.length === 0);
    const [original, ...digests] = readByPython([good, ...accepted]);
    expect(accepted.length).toBeGreaterThan(0);
    expect([...new Set(digests)]).toEqual([original]);
  },
  LONG,
);

test(
  "files changed behind RECORD's back are refused by record.hashes",
  () => {
    const forged: Uint8Array[] = [writeZip([...files, entry("good/extra.py", ""), record(files)], TIME)];
    for (const { name, data } of files) {
      for (let at = 0; at < data.length; at += Math.max(1, Math.floor(data.length / 40))) {
        const mutant = Buffer.from(data);
        mutant[at] = (mutant[at] ?? 0) ^ 0x10;
        forged.push(writeZip([...changed(name, mutant), record(files)], TIME));
      }
      const without = files.filter((file) => file.name !== name);
      forged.push(writeZip([...without, record(files)], TIME));
    }
    const answers = refused(forged.map((bytes) => ({ bytes })));
    expect(answers.filter((ids) => !ids.includes("record.hashes"))).toEqual([]);
  },
  LONG,
);

test.each([
  ["other-1.0-cp311-cp311-manylinux_2_35_x86_64.whl", "name.agreement"],
  ["good-1.1-cp311-cp311-manylinux_2_35_x86_64.whl", "name.agreement"],
  ["good-1.0-cp312-cp312-manylinux_2_35_x86_64.whl", "tags.agreement"],
  ["good-1.0-cp311-abi3-manylinux_2_35_x86_64.whl", "tags.agreement"],
  ["good-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", "tags.agreement"],
  ["good-1.0-1-cp311-cp311-manylinux_2_35_x86_64.whl", "tags.agreement"],
  ["good-1.0-cp311-cp311-manylinux_2_35_aarch64.whl", "platform.glibc"],
  ["ｇood-1.0-cp311-cp311-manylinux_2_35_x86_64.whl", "name.agreement"],
])("renamed to %s", (fileName, id) => {
  expect(refusedOne(good, fileName)).toContain(id);
});

test.each([
  ["Requires-Dist: nvidia-cublas-cu12", "elf.cuda-free"],
  ["Requires-Dist: cuda-bindings>=12", "elf.cuda-free"],
  ["Requires-Dist: torch==2.13.0+cpu", "metadata.torch-requirement"],
  ["Requires-Dist: torch @ https://example.org/torch.whl", "metadata.torch-requirement"],
])("with %s, RECORD forged to fit", (line, id) => {
  expect(
    refusedOne(packed(changed(`${INFO}/METADATA`, METADATA.replace("\n\n", `\n${line}\n\n`)))),
  ).toContain(id);
});

test("a GPU package that only an extra asks for is no lie", () => {
  const line = 'Requires-Dist: nvidia-cublas-cu12; extra == "cuda"';
  expect(refusedOne(packed(changed(`${INFO}/METADATA`, METADATA.replace("\n\n", `\n${line}\n\n`))))).toEqual(
    [],
  );
});

test("a library swapped for one that is none, or that needs CUDA, RECORD forged to fit", () => {
  const cuda = compileLibrary("void cudaMalloc(void); void f(void) { cudaMalloc(); }").bytes;
  expect(refusedOne(packed(changed("good/_C.so", cuda)))).toContain("elf.cuda-free");
  const library = Buffer.from(files[1]?.data ?? []);
  const header = (at: number, value: number): Buffer => {
    const data = Buffer.from(library);
    data[at] = value;
    return data;
  };
  for (const data of [
    header(4, 1),
    header(5, 2),
    Buffer.from("MZ\u0090\u0000"),
    Buffer.from([0xcf, 0xfa, 0xed, 0xfe]),
    Buffer.alloc(0),
  ])
    expect(refusedOne(packed(changed("good/_C.so", data)))).toContain("platform.glibc");
});

test.each(["../evil.py", "/etc/evil", "good/../../evil", "good/__init__.py", "C:\\evil", "good//x.py"])(
  "an entry named %s",
  (name) => {
    expect(refusedOne(packed([...files, entry(name, "x")]))).not.toEqual([]);
  },
);

test("no zip, nothing, and a zip in a zip's place", () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from("hello"), Buffer.alloc(100_000, 0x50)])
    expect(refusedOne(bytes)).toContain("zip.integrity");
  expect(refusedOne(writeZip([entry("a.whl", good)], TIME))).not.toEqual([]);
});

test("the corpus has at least 5,000 mutants", () => {
  console.info(`${mutants} mutants`);
  expect(mutants).toBeGreaterThanOrEqual(5000);
});
