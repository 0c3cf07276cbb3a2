import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { writeZip } from "../../src/wheel/zip-writer.ts";
import { libraryLie } from "../support/attacks.ts";
import {
  type Forged,
  forge,
  GOOD_NAME,
  goodLibrary,
  goodManifest,
  refusals,
  written,
} from "../support/forge.ts";
import { endRecord, extraField, type RawEntry, rawZip, words } from "../support/raw-zip.ts";
import { cli, exec, removeScratch, scratch } from "../support/run.ts";
import { linked, section, tampered } from "../support/tampered.ts";

afterAll(removeScratch);

const GIB = 1024 ** 3;

/** Runs a command and prints the most memory that it took, bytes, as its last line on stderr. */
const MEASURED = [
  "import resource, subprocess, sys",
  "code = subprocess.run(sys.argv[1:]).returncode",
  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, file=sys.stderr)",
  "sys.exit(code)",
].join("\n");

interface Answer {
  result: VerifyResult | undefined;
  status: number | null;
  stderr: string;
  peak: number;
}

/** What the real command says of one file, and the memory that it took. */
function ask(path: string): Answer {
  const args = [
    process.execPath,
    cli,
    "verify",
    path,
    "--json",
    "--no-verdict",
    `--manifest=${goodManifest()}`,
  ];
  const ran = exec("python3", ["-c", MEASURED, ...args]);
  const peak = Number(ran.stderr.trim().split("\n").at(-1));
  const { results } = JSON.parse(ran.stdout) as { results?: VerifyResult[] };
  return { result: results?.[0], status: ran.status, stderr: ran.stderr, peak };
}

/** One kernel of compressed zeros behind many entries, each of whose streams is the same bytes (Fifield, 2019). */
function overlapping(count: number, size: number): Buffer {
  const data = Buffer.alloc(size);
  const body = deflateRawSync(data, { level: 9 });
  const entry: RawEntry = { name: "a0", data, body };
  const one = rawZip([entry]);
  const far: Buffer[] = [];
  const start = one.indexOf(Buffer.from("PK\u0001\u0002", "latin1"));
  for (let index = 0; index < count; index++) {
    const head = Buffer.from(one.subarray(start, start + 48));
    head.write(`a${(index % 36).toString(36)}`, 46, "latin1");
    far.push(head);
  }
  const directory = Buffer.concat(far);
  return Buffer.concat([one.subarray(0, start), directory, endRecord(count, directory.length, start)]);
}

/** Zips in zips, each with ten of the next: 42.zip in small. */
function nested(depth: number): Uint8Array {
  let inside: Uint8Array = Buffer.alloc(4 * 1024 ** 2);
  for (let level = 0; level < depth; level++) {
    const entries = Array.from({ length: 10 }, (_unused, index) => ({
      name: `${index}.zip`,
      data: inside,
      mode: 0o644,
    }));
    inside = writeZip(entries, new Date("2026-01-01T00:00:00Z"));
  }
  return inside;
}

/** As many entries of zeros as an archive may have. */
function manyEntries(): Buffer {
  const data = Buffer.alloc(100_000);
  const [body, sum] = [deflateRawSync(data, { level: 9 }), crc32(data)];
  return rawZip(
    Array.from({ length: 65_000 }, (_unused, index) => ({
      name: `good/${index}`,
      data,
      body,
      local: { crc: sum },
      central: { crc: sum },
    })),
  );
}

const plain = linked("int g(int); int f(int x) { return g(x); }", ["-Wl,--hash-style=sysv"]);
const library = (change: (copy: Buffer) => void): Forged => forge(libraryLie(tampered(plain, change)));
const foreign = (bytes: Uint8Array): Forged => forge(libraryLie(bytes));
const mz = Buffer.alloc(256);
mz.write("MZ", 0, "latin1");
mz.writeUInt32LE(128, 60);
mz.write("PE\0\0", 128, "latin1");

const zeros = (size: number): Forged => forge({ files: { "good/zeros.bin": Buffer.alloc(size) } });

const named = (fileName: string, bytes: Uint8Array): Forged => ({ fileName, bytes });
const anyZip = (entries: readonly RawEntry[]): Forged => named(GOOD_NAME, rawZip(entries));

const BAD: [string, () => Forged, string, RegExp][] = [
  ["no zip", () => named(GOOD_NAME, Buffer.from("hello, this is no zip")), "zip.integrity", /no zip file/],
  ["nothing", () => named(GOOD_NAME, Buffer.alloc(0)), "zip.integrity", /no zip file/],
  ["an empty wheel", () => anyZip([]), "name.agreement", /0 dist-info folders/],
  [
    "a folder for a wheel's inside",
    () => anyZip([{ name: "good/", data: Buffer.alloc(0), method: 0, mode: 0o040755 }]),
    "name.agreement",
    /0 dist-info/,
  ],
  [
    "zip64 that claims 4 GB",
    () =>
      forge({
        zip: (entries) => [
          ...entries,
          {
            name: "good/big",
            data: Buffer.from("x"),
            central: { size: 0xffffffff },
            centralExtra: extraField(1, words(2 ** 32)),
          },
        ],
      }),
    "zip.integrity",
    /ratio is that of a bomb/,
  ],
  [
    "a bomb whose entries overlap",
    () => named(GOOD_NAME, overlapping(30_000, 20 * 1024 ** 2)),
    "zip.integrity",
    /local header names it/,
  ],
  [
    "a bomb of zips in zips",
    () => forge({ files: { "good/bomb.zip": nested(5) } }),
    "zip.integrity",
    /nested deeper than 3/,
  ],
  ["a bomb of many entries", () => named(GOOD_NAME, manyEntries()), "zip.integrity", /bomb's ratio/],
  ["a bomb of one entry", () => zeros(300 * 1024 ** 2), "zip.integrity", /bomb's ratio/],
  [
    "sections beyond the file",
    () => library((copy) => void copy.writeBigUInt64LE(2n ** 62n, 40)),
    "platform.glibc",
    /absurd|outside/,
  ],
  [
    "65,535 sections",
    () => library((copy) => void copy.writeUInt16LE(0xffff, 60)),
    "platform.glibc",
    /outside|sections/,
  ],
  [
    "65,535 segments",
    () => library((copy) => void copy.writeUInt16LE(0xffff, 56)),
    "platform.glibc",
    /65535 of them, more than the 256 that are read/,
  ],
  [
    "a section of 2^63 bytes",
    () => library((copy) => void copy.writeBigUInt64LE(2n ** 63n, section(copy, ".text").at + 32)),
    "platform.glibc",
    /absurd/,
  ],
  [
    "four billion symbols",
    () => library((copy) => void copy.writeUInt32LE(0xffffffff, section(copy, ".hash").offset + 4)),
    "platform.glibc",
    /4294967295 symbols/,
  ],
  [
    "a chain of versions that ends nowhere",
    () => library((copy) => void copy.writeUInt32LE(0xffffff, section(copy, ".gnu.version_r").offset + 28)),
    "platform.glibc",
    /outside/,
  ],
  ["a 32-bit library", () => library((copy) => void copy.writeUInt8(1, 4)), "platform.glibc", /32-bit/],
  [
    "a big-endian library",
    () => library((copy) => void copy.writeUInt8(2, 5)),
    "platform.glibc",
    /big-endian/,
  ],
  ["a library cut off", () => foreign(plain.subarray(0, 300)), "platform.glibc", /outside|truncated/],
  ["a Windows library", () => foreign(mz), "platform.glibc", /no ELF file but PE/],
  [
    "a Windows program under another name",
    () => forge({ files: { "good/data": mz } }),
    "platform.glibc",
    /good\/data: .*PE/,
  ],
  [
    "a Mach-O library",
    () => foreign(Buffer.concat([Buffer.from([0xcf, 0xfa, 0xed, 0xfe]), Buffer.alloc(64)])),
    "platform.glibc",
    /Mach-O/,
  ],
  [
    "a file name in other letters",
    () => ({ ...forge(), fileName: GOOD_NAME.replace("good", "g\u043e\u043ed") }),
    "name.agreement",
    /NAME-VERSION/,
  ],
  [
    "a file name with a character that does not show",
    () => ({ ...forge(), fileName: GOOD_NAME.replace("good", "good\u200b") }),
    "name.agreement",
    /NAME-VERSION/,
  ],
  [
    "an entry's name of 60,000 characters",
    () => forge({ files: { [`good/${"\u00e9".repeat(30_000)}.py`]: "x", "good/\u202e.py": "" } }),
    "zip.integrity",
    /does not show/,
  ],
];

describe("a failed check with its evidence, no stack trace, and less than 1 GiB for", () => {
  test.each(BAD)("%s", (_name, make, check, evidence) => {
    const [path = ""] = written([make()]);
    const { result, status, stderr, peak } = ask(path);
    expect(refusals(result)).toContain(check);
    expect(JSON.stringify(result?.checks.find(({ id }) => id === check))).toMatch(evidence);
    expect([status, stderr.match(/^\s+at /m)]).toEqual([1, null]);
    expect(peak).toBeLessThan(GIB);
  });
});

test("a folder, and what can't be read, are bad input", () => {
  const folder = join(scratch(), GOOD_NAME);
  mkdirSync(folder);
  expect(ask(folder).status).toBe(2);
});

describe("a sample of mutants in one run", () => {
  let answer: { results: VerifyResult[]; peak: number };
  const library = goodLibrary();

  beforeAll(() => {
    const { bytes } = forge();
    const mutants = Array.from({ length: 150 }, (_unused, index) => {
      const copy = Buffer.from(bytes);
      const at = Math.floor((index * copy.length) / 150);
      copy[at] = (copy[at] ?? 0) ^ (1 << (index % 8));
      return { fileName: GOOD_NAME, bytes: copy };
    });
    const torn = Array.from({ length: 50 }, (_unused, index) => {
      const copy = Buffer.from(library);
      const at = 16 + index;
      copy[at] = (copy[at] ?? 0) ^ 0xff;
      return forge(libraryLie(copy));
    });
    const list = written([...mutants, ...torn]);
    const output = join(scratch(), "out.json");
    const args = [
      process.execPath,
      cli,
      "verify",
      ...list,
      "--json",
      "--no-verdict",
      `--manifest=${goodManifest()}`,
    ];
    const ran = exec("python3", ["-c", MEASURED, ...args]);
    writeFileSync(output, ran.stdout);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
    answer = {
      results: (JSON.parse(ran.stdout) as { results: VerifyResult[] }).results,
      peak: Number(ran.stderr.trim().split("\n").at(-1)),
    };
  });

  test("all are answered, in less than 1 GiB", () => {
    expect(answer.results).toHaveLength(200);
    expect(answer.peak).toBeLessThan(GIB);
  });
});
