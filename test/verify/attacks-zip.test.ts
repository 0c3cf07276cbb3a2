import { deflateRawSync } from "node:zlib";
import { afterAll } from "@jest/globals";
import { type Attack, filesLie, testAttacks } from "../support/attacks.ts";
import { firstLie, type Lie } from "../support/forge.ts";
import { DESCRIPTOR_FLAG, descriptorOf, endRecord, type RawEntry } from "../support/raw-zip.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

/** One entry more, which RECORD does not know. */
const added = (entry: Partial<RawEntry> & Pick<RawEntry, "name">): Lie => ({
  zip: (entries) => [...entries, { data: Buffer.from("x"), ...entry }],
});

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
      lie: firstLie((entry) => ({ ...entry, flags })),
      check: "zip.integrity",
      evidence: /encrypted/,
    }),
  ),
  {
    name: "another compression",
    lie: firstLie((entry) => ({ ...entry, local: { method: 14 }, central: { method: 14 } })),
    check: "zip.integrity",
    evidence: /method 14/,
  },
  {
    name: "headers that differ in method",
    lie: firstLie((entry) => ({ ...entry, local: { method: 0 } })),
    check: "zip.integrity",
    evidence: /differ/,
  },
  {
    name: "headers that differ in name",
    lie: firstLie((entry) => ({ ...entry, local: { name: "good/__evil__.py" } })),
    check: "zip.integrity",
    evidence: /names it good\/__evil__/,
  },
  {
    name: "headers that differ in size",
    lie: firstLie((entry) => ({ ...entry, local: { size: 1 } })),
    check: "zip.integrity",
    evidence: /differ in size/,
  },
  {
    name: "headers that differ in CRC",
    lie: firstLie((entry) => ({ ...entry, local: { crc: 1 } })),
    check: "zip.integrity",
    evidence: /differ in size or CRC/,
  },
  {
    name: "a wrong CRC in both",
    lie: firstLie((entry) => ({ ...entry, local: { crc: 1 }, central: { crc: 1 } })),
    check: "zip.integrity",
    evidence: /CRC is wrong/,
  },
  {
    name: "a size that is too small in both",
    lie: firstLie((entry) => ({ ...entry, local: { size: 1 }, central: { size: 1 } })),
    check: "zip.integrity",
    evidence: /does not inflate/,
  },
  {
    name: "bytes behind a stream's end",
    lie: firstLie((entry) => ({
      ...entry,
      body: Buffer.concat([deflateRawSync(entry.data), Buffer.from("hidden")]),
    })),
    check: "zip.integrity",
    evidence: /6 hidden bytes follow/,
  },
  {
    name: "a data descriptor",
    lie: firstLie((entry) => ({
      ...entry,
      flags: DESCRIPTOR_FLAG,
      local: { crc: 0, size: 0, compressed: 0 },
      behind: descriptorOf(entry.data),
    })),
    check: "zip.integrity",
    evidence: /data descriptor, which indexes refuse/,
  },
  {
    name: "bytes between entries",
    lie: firstLie((entry) => ({ ...entry, behind: Buffer.from("hidden") })),
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
    name: "a comment that is stated and not there",
    lie: {
      bytes: (bytes) => Buffer.concat([bytes.subarray(0, -2), Buffer.from([9, 0])]),
    },
    check: "zip.integrity",
    evidence: /comment that is not there/,
  },
  ...[0x20, 0x10, 0x8000].map(
    (flags): Attack => ({
      name: `flags that no reader knows, 0x${flags.toString(16)}`,
      lie: firstLie((entry) => ({ ...entry, flags })),
      check: "zip.integrity",
      evidence: /readers don't know/,
    }),
  ),
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
    lie: firstLie((entry) => ({ ...entry, comment: "hello" })),
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
    lie: firstLie((entry) => ({ ...entry, central: { disk: 1 } })),
    check: "zip.integrity",
    evidence: /another disk/,
  },
];

testAttacks(ZIP);
