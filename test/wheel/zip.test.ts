import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FormatError } from "../../src/wheel/format-error.ts";
import { inspectZip, readZip } from "../../src/wheel/zip-reader.ts";
import { writeZip } from "../../src/wheel/zip-writer.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

const time = new Date("2026-01-01T00:00:00Z");
const file = (
  name: string,
  data: string | Uint8Array = "hello",
): { name: string; data: Uint8Array; mode: number } => ({
  name,
  data: Buffer.from(data),
  mode: 0o644,
});

/** Makes an archive with Python's zipfile, which writes what it is told. */
function pythonZip(script: string): Uint8Array {
  const program = `import io,sys,zipfile,stat,warnings\nwarnings.simplefilter('ignore')\nb=io.BytesIO()\nz=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)\n${script}\nz.close()\nprint(b.getvalue().hex())`;
  const ran = exec("python3", ["-c", program]);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return Buffer.from(ran.stdout.trim(), "hex");
}

const problems = (bytes: Uint8Array): string => {
  const found = inspectZip(bytes);
  const read = (found.entries ?? []).flatMap((entry) => {
    try {
      entry.read();
      return [];
    } catch (thrown) {
      if (thrown instanceof FormatError) return [thrown.problem];
      throw thrown;
    }
  });
  return [...found.problems.map(({ entry, problem }) => `${entry}: ${problem}`), ...read].join("; ");
};

const good = writeZip([file("a.txt"), file("b/c.txt", "x".repeat(10_000))], time);

test("what is written is read back, by us and by Python", () => {
  expect(readZip(good).map((entry) => [entry.name, entry.read().length])).toEqual([
    ["a.txt", 5],
    ["b/c.txt", 10_000],
  ]);
  const path = join(scratch(), "a.zip");
  writeFileSync(path, good);
  const ran = exec("python3", [
    "-c",
    "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(z.testzip(), z.namelist())",
    path,
  ]);
  expect(ran.stdout.trim()).toBe("None ['a.txt', 'b/c.txt']");
});

test("equal entries give equal bytes", () => {
  expect(writeZip([file("a.txt")], time)).toEqual(writeZip([file("a.txt")], time));
});

test("archives of Python's zipfile are read, with data descriptors too", () => {
  const plain = pythonZip("z.writestr('a', 'x' * 999)\nz.writestr('d/', '')");
  expect(problems(plain)).toBe("");
  const streamed = exec("python3", [
    "-c",
    "import io,zipfile\nclass W(io.RawIOBase):\n  def __init__(s): s.b=b''\n  def writable(s): return True\n  def write(s,d):\n    s.b+=bytes(d); return len(d)\nw=W()\nz=zipfile.ZipFile(w,'w',zipfile.ZIP_DEFLATED)\nz.writestr('a','x'*999)\nz.writestr('b','y')\nz.close()\nprint(w.b.hex())",
  ]);
  expect(problems(Buffer.from(streamed.stdout.trim(), "hex"))).toBe("");
});

describe("an attacker's archive", () => {
  test.each([
    ["a name that escapes", "z.writestr('../evil', 'x')", "leaves the folder"],
    ["an absolute name", "z.writestr('/etc/passwd', 'x')", "absolute"],
    ["a backslash", "i=zipfile.ZipInfo('a'); i.filename='a\\\\b'; z.writestr(i, 'x')", "backslash"],
    ["a name twice", "z.writestr('a', 'x'); z.writestr('a', 'y')", "there twice"],
    ["names that differ in case", "z.writestr('a', 'x'); z.writestr('A', 'y')", "only in case"],
    [
      "names that differ in Unicode form",
      "z.writestr('\\u00e9', 'x'); z.writestr('e\\u0301', 'y')",
      "only in case or form",
    ],
    [
      "a symbolic link",
      "i=zipfile.ZipInfo('l'); i.create_system=3; i.external_attr=(stat.S_IFLNK|0o777)<<16; z.writestr(i, '/etc/passwd')",
      "symbolic link",
    ],
    ["another compression", "z.writestr('a', 'x' * 99, compress_type=zipfile.ZIP_LZMA)", "method 14"],
  ])("%s", (_name, script, expected) => {
    expect(problems(pythonZip(script))).toContain(expected);
  });

  test("a bomb is refused before it is inflated", () => {
    const bytes = Buffer.from(writeZip([file("b", Buffer.alloc(5_000_000))], time));
    const { entries, problems: found } = inspectZip(bytes, {
      entries: 9,
      entryBytes: 1e9,
      totalBytes: 1e6,
      ratio: 100,
    });
    expect(entries).toEqual([]);
    expect(found.map(({ problem }) => problem).join()).toContain("bomb");
  });

  test("bytes before, between and behind the entries are found", () => {
    expect(problems(Buffer.concat([Buffer.from("#!"), good]))).not.toBe("");
    expect(problems(Buffer.concat([good, Buffer.from("x")]))).not.toBe("");
    expect(problems(Buffer.concat([good, good]))).not.toBe("");
  });

  test("a size that the directory understates", () => {
    const bytes = Buffer.from(good);
    const at = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    bytes.writeUInt32LE(99, at + 24);
    expect(problems(bytes)).toContain("differ");
  });

  test("every truncation and a flip of every byte is noticed or harmless, and never a crash", () => {
    for (let length = 0; length < good.length; length += 3)
      expect(problems(good.subarray(0, length))).not.toBe("");
    for (let at = 0; at < good.length; at++) {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ 0x41;
      const found = inspectZip(bytes);
      for (const entry of found.problems.length === 0 ? (found.entries ?? []) : []) {
        const original = readZip(good).find(({ name }) => name === entry.name);
        if (original && problems(bytes) === "") expect(entry.read()).toEqual(original.read());
      }
    }
  });

  test("no bytes whatever do more than fail", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        problems(Buffer.concat([tail, Buffer.from(good)]));
        problems(Buffer.concat([Buffer.from(good.subarray(0, 200)), tail]));
        expect(inspectZip(tail).entries).toBeNull();
      }),
      { numRuns: 200 },
    );
  });
});
