import { deflateRawSync } from "node:zlib";
import { afterAll } from "@jest/globals";
import { type Attack, testAttacks } from "../support/attacks.ts";
import type { Lie } from "../support/forge.ts";
import { endRecord, type RawEntry, rawZip } from "../support/raw-zip.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

const LOCAL_BYTES = 30;
const DESCRIPTOR = 0x8;

/** A local header with its data, as it stands in an archive of its own. */
const localOf = (name: string, data: string): Buffer =>
  rawZip([{ name, data: Buffer.from(data) }]).subarray(
    0,
    LOCAL_BYTES + Buffer.byteLength(name) + deflateRawSync(Buffer.from(data), { level: 9 }).length,
  );

const first = (change: (entry: RawEntry) => RawEntry): Lie => ({
  zip: ([entry, ...rest]) => [...(entry ? [change(entry)] : []), ...rest],
});

/** The first entry with its sizes and CRC behind it. @param change of the descriptor's three numbers */
const streamed = (change: (crc: number, compressed: number, size: number) => number[]): Lie =>
  first((entry) => {
    const whole = rawZip([{ name: "x", data: entry.data }]);
    const fields = change(whole.readUInt32LE(14), whole.readUInt32LE(18), whole.readUInt32LE(22));
    const behind = Buffer.alloc(16, "PK\u0007\u0008", "latin1");
    for (const [index, value] of fields.entries()) behind.writeUInt32LE(value >>> 0, 4 + 4 * index);
    return { ...entry, flags: DESCRIPTOR, local: { crc: 0, size: 0, compressed: 0 }, behind };
  });

/**
 * What uv refuses since its advisory GHSA-8qf3-x8v5-2pj8 (CVE-2025-54368), in the order of its list: astral-sh/uv, pull request 15136.
 */
const UV: [string, Lie, RegExp][] = [
  [
    "two local headers of one file with different contents",
    first((entry) => ({ ...entry, behind: localOf("good/__init__.py", "import evil\n") })),
    /hidden bytes/,
  ],
  [
    "a local header of a file that the directory does not have",
    first((entry) => ({ ...entry, behind: localOf("good/evil.py", "import evil\n") })),
    /hidden bytes/,
  ],
  [
    "such a header before all others",
    { bytes: (bytes) => Buffer.concat([localOf("good/evil.py", "import evil\n"), bytes]) },
    /bytes between|no local header|bad signature/,
  ],
  [
    "an entry of the directory that has no local header",
    first((entry) => ({ ...entry, central: { offset: 7 } })),
    /no local header/,
  ],
  [
    "another archive behind the first end record",
    { bytes: (bytes) => Buffer.concat([bytes, rawZip([{ name: "good/evil.py", data: Buffer.from("") }])]) },
    /bytes between|no local header|directory|signature/,
  ],
  ["another CRC in the local header", first((entry) => ({ ...entry, local: { crc: 1 } })), /size or CRC/],
  [
    "another compressed size in the local header",
    first((entry) => ({ ...entry, local: { compressed: 1 } })),
    /size or CRC/,
  ],
  ["another size in the local header", first((entry) => ({ ...entry, local: { size: 1 } })), /size or CRC/],
  [
    "an end record with another offset of the directory",
    { finish: (count, size, offset) => endRecord(count, size, offset - 1) },
    /signature|size is not|bytes between/,
  ],
  [
    "another CRC in the data descriptor",
    streamed((crc, compressed, size) => [crc ^ 1, compressed, size]),
    /descriptor/,
  ],
  [
    "another compressed size in the data descriptor",
    streamed((crc, compressed, size) => [crc, compressed + 1, size]),
    /descriptor|hidden bytes|overlaps/,
  ],
  [
    "another size in the data descriptor",
    streamed((crc, compressed, size) => [crc, compressed, size + 1]),
    /descriptor|hidden bytes|overlaps/,
  ],
  [
    "a name that ends in a NUL",
    first((entry) => ({ ...entry, name: "good/__init__.py\0", local: {}, central: {} })),
    /NUL/,
  ],
];

testAttacks(UV.map(([name, lie, evidence]): Attack => ({ name, lie, check: "zip.integrity", evidence })));
