import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readElf } from "../../src/elf/elf.ts";
import { WheelsError } from "../../src/errors/wheels-error.ts";
import { parseManifest, resolveManifest } from "../../src/variants/manifest.ts";
import { parsePolicy, resolvePolicy } from "../../src/verify/policy/policy.ts";
import { FormatError } from "../../src/wheel/format-error.ts";
import { allOf, formatHeaders, parseHeaders } from "../../src/wheel/metadata.ts";
import {
  type FileDigest,
  formatRecord,
  parseRecord,
  recordHash,
  recordProblems,
} from "../../src/wheel/record.ts";
import { formatRequirement, parseRequirement } from "../../src/wheel/requirement.ts";
import { inspectZip, readZip } from "../../src/wheel/zip-reader.ts";
import { writeZip } from "../../src/wheel/zip-writer.ts";
import { byPackaging, differing } from "../support/packaging.ts";
import { removeScratch } from "../support/run.ts";
import { linked } from "../support/tampered.ts";

afterAll(removeScratch);

const TIME = new Date("2026-01-01T00:00:00Z");

/** Nothing but a FormatError may come of hostile bytes. */
function survives(work: () => unknown): void {
  try {
    work();
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
  }
}

const digestOf = (data: Uint8Array): FileDigest => ({
  size: data.length,
  algorithm: "sha256",
  digest: recordHash(data).replace("sha256=", ""),
});

const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/);
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const paths = fc.uniqueArray(path, {
  maxLength: 8,
  // One name may not be another's folder, or differ from it in case alone.
  comparator: (a, b) =>
    `${a}/`.toLowerCase().startsWith(`${b}/`.toLowerCase()) ||
    `${b}/`.toLowerCase().startsWith(`${a}/`.toLowerCase()),
});
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.nat(9000).map((size) => new Uint8Array(size)),
);
const archive = paths.chain((names) =>
  fc
    .array(contents, { minLength: names.length, maxLength: names.length })
    .map((data) =>
      names.map((name, index) => ({ name, data: data[index] ?? new Uint8Array(), mode: 0o644 })),
    ),
);

describe("zip", () => {
  test("what is written is read, whatever it is", () => {
    fc.assert(
      fc.property(archive, fc.constantFrom(0, 1, 9), (entries, level) => {
        const read = readZip(writeZip(entries, TIME, level));
        expect(read.map(({ name }) => name)).toEqual(entries.map(({ name }) => name));
        for (const [index, entry] of read.entries())
          expect(Buffer.from(entry.read()).equals(Buffer.from(entries[index]?.data ?? []))).toBe(true);
      }),
    );
  });

  test("a changed byte changes no content unseen", () => {
    fc.assert(
      fc.property(archive, fc.nat(), fc.integer({ min: 1, max: 255 }), (entries, place, change) => {
        const bytes = Buffer.from(writeZip(entries, TIME));
        bytes[place % bytes.length] = (bytes[place % bytes.length] ?? 0) ^ change;
        const { entries: found, problems } = inspectZip(bytes);
        if (problems.length > 0 || !found) return;
        survives(() => {
          const read = found.map((entry) => [entry.name, Buffer.from(entry.read()).toString("hex")]);
          expect(read).toEqual(entries.map(({ name, data }) => [name, Buffer.from(data).toString("hex")]));
        });
      }),
      { numRuns: 400 },
    );
  });
});

describe("RECORD", () => {
  const line = fc.record({
    path: fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[\r\n]/.test(text)),
    hash: fc.constantFrom("", "sha256=x", "a,b"),
    size: fc.nat().map(String),
  });
  test("what is written is read, quotes and commas too", () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => expect(parseRecord(formatRecord(lines))).toEqual(lines)),
    );
  });
  test("what is written is what Python's csv, by which pip reads and writes it, reads and writes", () => {
    const lists = fc.sample(fc.array(line, { minLength: 1, maxLength: 6 }), { numRuns: 500, seed: 11 });
    const rows = lists.map((lines) => lines.map(({ path, hash, size }) => [path, hash, size]));
    // Source: pip, operations/install/wheel.py: csv.reader over lines, csv.writer with the default dialect.
    const read = byPackaging<string, string[][]>(
      "import csv, io\ndef ask(text): return list(csv.reader(io.StringIO(text, newline='')))",
      lists.map(formatRecord),
    );
    expect(differing(rows, (one) => one, read)).toEqual([]);
    const written = byPackaging<string[][], string>(
      "import csv, io\ndef ask(rows):\n    out = io.StringIO(newline='')\n    csv.writer(out, lineterminator='\\n').writerows(rows)\n    return out.getvalue()",
      rows,
    );
    for (const [index, text] of written.entries()) expect(parseRecord(text ?? "")).toEqual(lists[index]);
  });
  test("any text is read or refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', ",", "\n", "a", "\r") }), (text) =>
        survives(() => parseRecord(text)),
      ),
    );
  });
  test("one changed, missing or added file is a problem, and nothing else is", () => {
    fc.assert(
      fc.property(
        archive.filter((entries) => entries.length > 0),
        fc.nat(),
        (entries, place) => {
          const files = new Map(entries.map(({ name, data }) => [name, digestOf(data)]));
          files.set("d/RECORD", digestOf(new Uint8Array()));
          const record = [
            ...entries.map(({ name, data }) => ({
              path: name,
              hash: recordHash(data),
              size: String(data.length),
            })),
            { path: "d/RECORD", hash: "", size: "" },
          ];
          expect(recordProblems(record, files, "d")).toEqual([]);
          const { name, data } = entries[place % entries.length] ?? { name: "", data: new Uint8Array() };
          expect(
            recordProblems(
              record,
              new Map([...files, [name, digestOf(Buffer.concat([data, data, Buffer.from("x")]))]]),
              "d",
            ),
          ).not.toEqual([]);
          expect(
            recordProblems(record, new Map([...files].filter(([one]) => one !== name)), "d"),
          ).not.toEqual([]);
          expect(recordProblems(record, new Map([...files, ["other", digestOf(data)]]), "d")).not.toEqual([]);
          expect(
            recordProblems(
              record.filter((one) => one.path !== name),
              files,
              "d",
            ),
          ).not.toEqual([]);
        },
      ),
    );
  });
});

describe("METADATA", () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,11}$/);
  const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
  const headers = fc.array(fc.record({ name, value }), { minLength: 1, maxLength: 8 });
  test("what is written is read, body and all", () => {
    fc.assert(
      fc.property(
        headers,
        fc.string({ unit: fc.constantFrom("a", "\n", ":", " ", "\u00e9") }),
        (list, body) => {
          const document = { headers: list, body };
          expect(parseHeaders(formatHeaders(document), "METADATA")).toEqual(document);
        },
      ),
    );
  });

  test("what is written is what Python's reader, which installers use, finds", () => {
    const lists = fc.sample(headers, { numRuns: 500, seed: 12 });
    const theirs = byPackaging<string, string[][]>(
      "import email\ndef ask(text):\n    message = email.message_from_string(text)\n    return [*map(list, message.items()), ['', message.get_payload()]]",
      lists.map((list) => formatHeaders({ headers: list, body: "the body\n" })),
    );
    const ours = lists.map((list) => [...list.map((one) => [one.name, one.value]), ["", "the body\n"]]);
    expect(differing(ours, (one) => one, theirs)).toEqual([]);
  });

  test("headers are those that Python's reader, which installers use, finds", () => {
    const unit = fc.constantFrom(
      "Name: a\n",
      "requires-dist: torch\n",
      " folded\n",
      "\tfolded\n",
      "\n",
      "Requires-Dist:x\n",
      "R\r\n",
      "Requires-Dist: y\r",
      "no header\n",
      "From x\n",
      ": z\n",
      "  \n",
    );
    const texts = fc.sample(
      fc.array(unit, { maxLength: 7 }).map((parts) => parts.join("")),
      { numRuns: 3000, seed: 7 },
    );
    const theirs = byPackaging<string, string[]>(
      "import email\ndef ask(text): return [' '.join(str(v).split()) for v in email.message_from_string(text).get_all('Requires-Dist') or []]",
      texts,
    );
    const ours = (text: string): string[] | null => {
      try {
        return allOf(parseHeaders(text, "METADATA"), "Requires-Dist").map((one) =>
          one
            .split(/\s+/)
            .filter((word) => word !== "")
            .join(" "),
        );
      } catch (thrown) {
        if (thrown instanceof FormatError) return null;
        throw thrown;
      }
    };
    // What we refuse no one installs by our word; of the rest no line may be there for pip and not for us.
    const read = texts
      .map((text, index) => ({ text, theirs: theirs[index] }))
      .filter(({ text }) => ours(text) !== null);
    expect(read.length).toBeGreaterThan(300);
    expect(
      differing(
        read,
        ({ text }) => ours(text),
        read.map((one) => one.theirs),
      ),
    ).toEqual([]);
  });

  test("a requirement says to packaging the same before and after it was read and written", () => {
    const lines = [
      "torch==2.13.0",
      "torch == 2.13.0+cpu",
      "a[b,c]>=1,<2; python_version > '3'",
      'a (>=1,!=1.5) ; extra == "x"',
      "x @ https://example.org/x.whl ; os_name == 'posix'",
      "y",
    ];
    const ask =
      "from packaging.requirements import Requirement\ndef ask(text): return str(Requirement(text))";
    const before = byPackaging<string, string>(ask, lines);
    expect(before).not.toContain(null);
    const written = lines.map((line) => formatRequirement(parseRequirement(line)));
    expect(byPackaging<string, string>(ask, written)).toEqual(before);
  });
});

describe("ELF", () => {
  const bytes = linked("#include <math.h>\ndouble f(double x) { return sin(x) + cos(x); }", [
    "-lm",
    "-Wl,--hash-style=both",
  ]);
  test("arbitrary bytes behind the magic", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (tail) =>
        survives(() => readElf(Buffer.concat([bytes.subarray(0, 16), Buffer.from(tail)]))),
      ),
      { numRuns: 2000 },
    );
  });
  test("a real library with words of it replaced", () => {
    const word = fc.constantFrom(0n, 1n, 0xffn, 0xffffn, 0xffffffffn, 2n ** 40n, 2n ** 63n, 2n ** 64n - 1n);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 9), word), { minLength: 1, maxLength: 12 }),
        (changes) => {
          const copy = Buffer.from(bytes);
          for (const [at, value] of changes) copy.writeBigUInt64LE(value, at);
          survives(() => readElf(copy));
        },
      ),
      { numRuns: 3000 },
    );
  });
  test("its headers alone, torn byte by byte", () => {
    for (let at = 16; at < 64 + 56 * 12; at++)
      for (const value of [0, 1, 0x7f, 0xff]) {
        const copy = Buffer.from(bytes);
        copy[at] = value;
        survives(() => readElf(copy));
      }
  });
});

describe("policies and manifests", () => {
  const unit = fc.constantFrom(
    "version: 1\n",
    "checks:\n",
    "  platform.glibc: warn\n",
    "  x: off\n",
    "targets: {pypi: {level: engine}}\n",
    "variants:\n",
    "  a:\n",
    "    description: b\n",
    "    isa: {may-use: [avx2]}\n",
    "&a ",
    "*a",
    "? ",
    "- ",
    "{",
    "}",
    ": ",
    "!!js/function x\n",
    "<<: *a\n",
    "\t",
    "'",
    "\u0000",
    "strict: yes\n",
  );
  const text = fc.array(unit, { maxLength: 14 }).map((parts) => parts.join(""));
  const isCatalogued = (work: () => unknown): void => {
    try {
      work();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(WheelsError);
    }
  };
  test("any text is read or refused with an error of the catalogue", () => {
    fc.assert(
      fc.property(text, (one) => isCatalogued(() => resolvePolicy(parsePolicy("p.yml", one)))),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(text, (one) => isCatalogued(() => resolveManifest([parseManifest(one, "m.yml")]))),
      { numRuns: 2000 },
    );
  });
});
