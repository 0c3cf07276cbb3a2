import { deflateRawSync } from "node:zlib";
import { afterAll } from "@jest/globals";
import { type Attack, testAttacks } from "../support/attacks.ts";
import { firstLie, type Lie } from "../support/forge.ts";
import { DESCRIPTOR_FLAG, descriptorOf, endRecord, rawZip } from "../support/raw-zip.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

const LOCAL_BYTES = 30;

/** A local header with its data, as it stands in an archive of its own. */
const localOf = (name: string, data: string): Buffer =>
  rawZip([{ name, data: Buffer.from(data) }]).subarray(
    0,
    LOCAL_BYTES + Buffer.byteLength(name) + deflateRawSync(Buffer.from(data), { level: 9 }).length,
  );

/** The first entry with its sizes and CRC behind it, one of the three numbers off by one. @param at bytes before that number */
const streamed = (at: number): Lie =>
  firstLie((entry) => {
    const behind = descriptorOf(entry.data);
    behind.writeUInt32LE((behind.readUInt32LE(at) ^ 1) >>> 0, at);
    return { ...entry, flags: DESCRIPTOR_FLAG, local: { crc: 0, size: 0, compressed: 0 }, behind };
  });

/**
 * What uv refuses since its advisory GHSA-8qf3-x8v5-2pj8 (CVE-2025-54368), in the order of its list: astral-sh/uv, pull request 15136.
 */
const UV: [string, Lie, RegExp][] = [
  [
    "two local headers of one file with different contents",
    firstLie((entry) => ({ ...entry, behind: localOf("good/__init__.py", "import evil\n") })),
    /hidden bytes/,
  ],
  [
    "a local header of a file that the directory does not have",
    firstLie((entry) => ({ ...entry, behind: localOf("good/evil.py", "import evil\n") })),
    /hidden bytes/,
  ],
  [
    "such a header before all others",
    { bytes: (bytes) => Buffer.concat([localOf("good/evil.py", "import evil\n"), bytes]) },
    /bytes between|no local header|bad signature/,
  ],
  [
    "an entry of the directory that has no local header",
    firstLie((entry) => ({ ...entry, central: { offset: 7 } })),
    /no local header/,
  ],
  [
    "another archive behind the first end record",
    { bytes: (bytes) => Buffer.concat([bytes, rawZip([{ name: "good/evil.py", data: Buffer.from("") }])]) },
    /bytes between|no local header|directory|signature/,
  ],
  ["another CRC in the local header", firstLie((entry) => ({ ...entry, local: { crc: 1 } })), /size or CRC/],
  [
    "another compressed size in the local header",
    firstLie((entry) => ({ ...entry, local: { compressed: 1 } })),
    /size or CRC/,
  ],
  [
    "another size in the local header",
    firstLie((entry) => ({ ...entry, local: { size: 1 } })),
    /size or CRC/,
  ],
  [
    "an end record with another offset of the directory",
    { finish: (count, size, offset) => endRecord(count, size, offset - 1) },
    /signature|size is not|bytes between/,
  ],
  ["another CRC in the data descriptor", streamed(4), /descriptor/],
  ["another compressed size in the data descriptor", streamed(8), /descriptor|hidden bytes|overlaps/],
  ["another size in the data descriptor", streamed(12), /descriptor|hidden bytes|overlaps/],
  [
    "a name that ends in a NUL",
    firstLie((entry) => ({ ...entry, name: "good/__init__.py\0", local: {}, central: {} })),
    /NUL/,
  ],
];

testAttacks(UV.map(([name, lie, evidence]): Attack => ({ name, lie, check: "zip.integrity", evidence })));
