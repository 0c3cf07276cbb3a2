import { deflateRawSync } from "node:zlib";
import { afterAll } from "@jest/globals";
import { type Attack, filesLie, testAttacks } from "../support/attacks.ts";
import { GOOD_INFO, type Lie } from "../support/forge.ts";
import { endRecord, extraField, type RawEntry, rawZip, words } from "../support/raw-zip.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

const FULL = 0xffffffff;
const DESCRIPTOR = 0x8;

/** The first entry, changed. */
const first = (change: (entry: RawEntry) => RawEntry): Lie => ({
  zip: ([entry, ...rest]) => [...(entry ? [change(entry)] : []), ...rest],
});

/** One entry more, which RECORD does not know. */
const added = (entry: Partial<RawEntry> & Pick<RawEntry, "name">): Lie => ({
  zip: (entries) => [...entries, { data: Buffer.from("x"), ...entry }],
});

const zip64End = (count: number, size: number, offset: number, change: (end: Buffer) => void): Buffer => {
  const end = Buffer.alloc(56);
  end.writeUInt32LE(0x06064b50, 0);
  words(44).copy(end, 4);
  words(count, count, size, offset).copy(end, 24);
  change(end);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  words(offset + size).copy(locator, 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([end, locator, endRecord(0xffff, FULL, FULL)]);
};

const unicodePath = (name: string): Buffer =>
  extraField(0x7075, Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), Buffer.from(name)]));

/** A name that reaches over the field in which tar keeps a header's checksum. */
const LONG_NAME = `good/${"x".repeat(600)}.py`;
const LOCAL_BYTES = 30;

/** The archive with the checksum that a tar reader asks for, written into the name, in both headers. */
function asTarToo(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  let sum = 8 * 32;
  for (let at = 0; at < 512; at++) if (at < 148 || at >= 156) sum += copy[at] ?? 0;
  const central = copy.lastIndexOf(LONG_NAME);
  for (const name of [LOCAL_BYTES, central])
    copy.write(sum.toString(8).padStart(8, "0"), name + 148 - LOCAL_BYTES, "latin1");
  return copy;
}

const NAMES: [string, RegExp][] = [
  ["../evil.py", /leaves the folder/],
  ["/etc/evil", /absolute/],
  ["C:/evil", /absolute/],
  ["good/../../evil", /leaves the folder/],
  ["good/./x", /leaves the folder/],
  ["good//x", /empty part/],
  ["good\\x", /backslash/],
  ["good/x\u0000.py", /NUL/],
  ["good/x\n.py", /does not show/],
  ["good/x\u202egnp.py", /does not show/],
  ["good/x\u200b.py", /does not show/],
  ["good/e\u0301.py", /composed form/],
  ["", /empty/],
];

const ZIP: Attack[] = [
  ...NAMES.map(
    ([name, evidence]): Attack => ({
      name: `an entry named ${JSON.stringify(name)}`,
      lie: filesLie(name, "x"),
      check: "zip.integrity",
      evidence,
    }),
  ),
  {
    name: "a name that is no UTF-8",
    lie: added({ name: Buffer.from([0x67, 0xff]) }),
    check: "zip.integrity",
    evidence: /no UTF-8/,
  },
  {
    name: "UTF-8 that is not said to be",
    lie: added({ name: "good/\u00e9.py", flags: 0 }),
    check: "zip.integrity",
    evidence: /without the UTF-8 flag/,
  },
  {
    name: "a name twice",
    lie: added({ name: "good/__init__.py" }),
    check: "zip.integrity",
    evidence: /there twice/,
  },
  {
    name: "a name in another case",
    lie: filesLie("GOOD/__init__.py", "x"),
    check: "zip.integrity",
    evidence: /only in case/,
  },
  {
    name: "two entries of the same bytes",
    lie: added({ name: "good/y.py", central: { offset: 0, name: "good/y.py" } }),
    check: "zip.integrity",
    evidence: /local header names it/,
  },
  {
    name: "a symbolic link",
    lie: added({ name: "good/link", mode: 0o120777 }),
    check: "zip.integrity",
    evidence: /symbolic link/,
  },
  {
    name: "a device",
    lie: added({ name: "good/device", mode: 0o020666 }),
    check: "zip.integrity",
    evidence: /no regular file/,
  },
  ...[0x1, 0x40, 0x2000].map(
    (flags): Attack => ({
      name: `an entry with the flag 0x${flags.toString(16)}`,
      lie: first((entry) => ({ ...entry, flags })),
      check: "zip.integrity",
      evidence: /encrypted/,
    }),
  ),
  {
    name: "another compression",
    lie: first((entry) => ({ ...entry, local: { method: 14 }, central: { method: 14 } })),
    check: "zip.integrity",
    evidence: /method 14/,
  },
  {
    name: "headers that differ in method",
    lie: first((entry) => ({ ...entry, local: { method: 0 } })),
    check: "zip.integrity",
    evidence: /differ/,
  },
  {
    name: "headers that differ in name",
    lie: first((entry) => ({ ...entry, local: { name: "good/__evil__.py" } })),
    check: "zip.integrity",
    evidence: /names it good\/__evil__/,
  },
  {
    name: "headers that differ in size",
    lie: first((entry) => ({ ...entry, local: { size: 1 } })),
    check: "zip.integrity",
    evidence: /differ in size/,
  },
  {
    name: "headers that differ in CRC",
    lie: first((entry) => ({ ...entry, local: { crc: 1 } })),
    check: "zip.integrity",
    evidence: /differ in size or CRC/,
  },
  {
    name: "a wrong CRC in both",
    lie: first((entry) => ({ ...entry, local: { crc: 1 }, central: { crc: 1 } })),
    check: "zip.integrity",
    evidence: /CRC is wrong/,
  },
  {
    name: "a size that is too small in both",
    lie: first((entry) => ({ ...entry, local: { size: 1 }, central: { size: 1 } })),
    check: "zip.integrity",
    evidence: /does not inflate/,
  },
  {
    name: "bytes behind a stream's end",
    lie: first((entry) => ({
      ...entry,
      body: Buffer.concat([deflateRawSync(entry.data), Buffer.from("hidden")]),
    })),
    check: "zip.integrity",
    evidence: /6 hidden bytes follow/,
  },
  {
    name: "a data descriptor",
    lie: first((entry) => ({
      ...entry,
      flags: DESCRIPTOR,
      local: { crc: 0, size: 0, compressed: 0 },
      behind: descriptorOf(entry),
    })),
    check: "zip.integrity",
    evidence: /data descriptor, which indexes refuse/,
  },
  {
    name: "bytes between entries",
    lie: first((entry) => ({ ...entry, behind: Buffer.from("hidden") })),
    check: "zip.integrity",
    evidence: /hidden bytes/,
  },
  {
    name: "bytes before the archive",
    lie: { bytes: (bytes) => Buffer.concat([Buffer.from("#!/bin/sh\n"), bytes]) },
    check: "zip.integrity",
    evidence: /bytes between|no local header|bad signature/,
  },
  {
    name: "bytes behind the archive",
    lie: { bytes: (bytes) => Buffer.concat([bytes, Buffer.from("x")]) },
    check: "zip.integrity",
    evidence: /behind the end record/,
  },
  {
    name: "two archives in one file",
    lie: { bytes: (bytes) => Buffer.concat([bytes, bytes]) },
    check: "zip.integrity",
    evidence: /bytes between|no local header|directory|signature/,
  },
  {
    name: "an archive's comment",
    lie: { finish: (count, size, offset) => endRecord(count, size, offset, "hello") },
    check: "zip.integrity",
    evidence: /behind the end record/,
  },
  {
    name: "an end record in the comment of another",
    lie: {
      finish: (count, size, offset) => endRecord(count, size, offset, endRecord(0, 0, 0).toString("latin1")),
    },
    check: "zip.integrity",
    evidence: /bytes between/,
  },
  {
    name: "an entry's comment",
    lie: first((entry) => ({ ...entry, comment: "hello" })),
    check: "zip.integrity",
    evidence: /comment, which indexes refuse/,
  },
  {
    name: "a count that is too small",
    lie: { finish: (count, size, offset) => endRecord(count - 1, size, offset) },
    check: "zip.integrity",
    evidence: /size is not/,
  },
  {
    name: "an entry on another disk",
    lie: first((entry) => ({ ...entry, central: { disk: 1 } })),
    check: "zip.integrity",
    evidence: /another disk/,
  },
  {
    name: "another name in a Unicode path field",
    lie: first((entry) => ({ ...entry, centralExtra: unicodePath("good/evil.py") })),
    check: "zip.integrity",
    evidence: /Unicode path field names it good\/evil/,
  },
  {
    name: "… in the local header alone",
    lie: first((entry) => ({ ...entry, extra: unicodePath("good/evil.py") })),
    check: "zip.integrity",
    evidence: /Unicode path field/,
  },
  {
    name: "a Unicode path field twice",
    lie: first((entry) => ({
      ...entry,
      extra: Buffer.concat([unicodePath("good/__init__.py"), unicodePath("good/__init__.py")]),
    })),
    check: "zip.integrity",
    evidence: /0x7075 twice/,
  },
  {
    name: "an extra field that is cut off",
    lie: first((entry) => ({ ...entry, extra: Buffer.from([1, 2, 9, 0]) })),
    check: "zip.integrity",
    evidence: /cut off/,
  },
  {
    name: "a zip64 field that nobody asks for",
    lie: first((entry) => ({ ...entry, extra: extraField(1, words(1, 2)) })),
    check: "zip.integrity",
    evidence: /zip64 field/,
  },
  {
    name: "a zip64 field that is missing",
    lie: first((entry) => ({ ...entry, central: { size: FULL } })),
    check: "zip.integrity",
    evidence: /zip64 field lacks/,
  },
  {
    name: "zip64 sizes of 4 GB",
    lie: first((entry) => ({
      ...entry,
      central: { size: FULL },
      centralExtra: extraField(1, words(2 ** 32 + 5)),
    })),
    check: "zip.integrity",
    evidence: /inflates to 4294967301 bytes/,
  },
  {
    name: "a zip64 size beyond all bounds",
    lie: first((entry) => ({
      ...entry,
      central: { size: FULL },
      centralExtra: extraField(1, words(2n ** 63n)),
    })),
    check: "zip.integrity",
    evidence: /absurd/,
  },
  {
    name: "a zip64 end record with extra data",
    lie: {
      finish: (count, size, offset) => zip64End(count, size, offset, (end) => void end.writeUInt32LE(45, 4)),
    },
    check: "zip.integrity",
    evidence: /extra data/,
  },
  {
    name: "zip64 counts that differ",
    lie: {
      finish: (count, size, offset) => zip64End(count, size, offset, (end) => void end.writeUInt32LE(1, 24)),
    },
    check: "zip.integrity",
    evidence: /counts differ/,
  },
  {
    name: "a zip64 count of billions",
    lie: {
      finish: (count, size, offset) =>
        zip64End(count, size, offset, (end) => void words(2 ** 40, 2 ** 40).copy(end, 24)),
    },
    check: "zip.integrity",
    evidence: /1099511627776 entries/,
  },
  {
    name: "a zip that is a tar archive as well",
    lie: {
      zip: (entries) => [{ name: LONG_NAME, data: Buffer.from("x") }, ...entries],
      bytes: asTarToo,
    },
    check: "zip.integrity",
    evidence: /tar archive too/,
  },
  {
    name: "an unsound archive inside",
    lie: filesLie(
      "good/data.zip",
      Buffer.concat([rawZip([{ name: "a", data: Buffer.from("x") }]), Buffer.from("x")]),
    ),
    check: "zip.integrity",
    evidence: /data\.zip, an archive in the wheel/,
  },
  {
    name: "nothing but an end record",
    lie: { zip: () => [] },
    check: "name.agreement",
    evidence: /0 dist-info folders/,
  },
  {
    name: "no RECORD",
    lie: { zip: (entries) => entries.slice(0, -1) },
    check: "record.hashes",
    evidence: new RegExp(`no ${GOOD_INFO}/RECORD`),
  },
];

function descriptorOf({ data }: RawEntry): Buffer {
  const [entry] = [rawZip([{ name: "x", data }])];
  return Buffer.concat([Buffer.from("PK\u0007\u0008", "latin1"), entry.subarray(14, LOCAL_BYTES - 4)]);
}

testAttacks(ZIP);
