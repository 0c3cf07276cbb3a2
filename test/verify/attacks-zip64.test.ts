import { afterAll } from "@jest/globals";
import { type Attack, testAttacks } from "../support/attacks.ts";
import { firstLie, GOOD_INFO } from "../support/forge.ts";
import { endRecord, extraField, words } from "../support/raw-zip.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

const FULL = 0xffffffff;

const zip64End = (
  count: number,
  size: number,
  offset: number,
  change: (end: Buffer, locator: Buffer) => void,
  short: Buffer = endRecord(0xffff, FULL, FULL),
): Buffer => {
  const end = Buffer.alloc(56);
  end.writeUInt32LE(0x06064b50, 0);
  words(44).copy(end, 4);
  words(count, count, size, offset).copy(end, 24);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  words(offset + size).copy(locator, 8);
  locator.writeUInt32LE(1, 16);
  change(end, locator);
  return Buffer.concat([end, locator, short]);
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

const ZIP64: Attack[] = [
  {
    name: "another name in a Unicode path field",
    lie: firstLie((entry) => ({ ...entry, centralExtra: unicodePath("good/evil.py") })),
    check: "zip.integrity",
    evidence: /Unicode path field names it good\/evil/,
  },
  {
    name: "… in the local header alone",
    lie: firstLie((entry) => ({ ...entry, extra: unicodePath("good/evil.py") })),
    check: "zip.integrity",
    evidence: /Unicode path field/,
  },
  {
    name: "a Unicode path field twice",
    lie: firstLie((entry) => ({
      ...entry,
      extra: Buffer.concat([unicodePath("good/__init__.py"), unicodePath("good/__init__.py")]),
    })),
    check: "zip.integrity",
    evidence: /0x7075 twice/,
  },
  {
    name: "an extra field that is cut off",
    lie: firstLie((entry) => ({ ...entry, extra: Buffer.from([1, 2, 9, 0]) })),
    check: "zip.integrity",
    evidence: /cut off/,
  },
  {
    name: "a zip64 field that nobody asks for",
    lie: firstLie((entry) => ({ ...entry, extra: extraField(1, words(1, 2)) })),
    check: "zip.integrity",
    evidence: /zip64 field/,
  },
  {
    name: "a zip64 field that is missing",
    lie: firstLie((entry) => ({ ...entry, central: { size: FULL } })),
    check: "zip.integrity",
    evidence: /zip64 field lacks/,
  },
  {
    name: "zip64 sizes of 4 GB",
    lie: firstLie((entry) => ({
      ...entry,
      central: { size: FULL },
      centralExtra: extraField(1, words(2 ** 32 + 5)),
    })),
    check: "zip.integrity",
    evidence: /inflates to 4294967301 bytes/,
  },
  {
    name: "a zip64 size beyond all bounds",
    lie: firstLie((entry) => ({
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
    name: "a locator that points elsewhere",
    lie: {
      finish: (count, size, offset) =>
        zip64End(count, size, offset, (_end, locator) => void words(offset + size - 1).copy(locator, 8)),
    },
    check: "zip.integrity",
    evidence: /misplaced/,
  },
  ...[4, 16].map(
    (field): Attack => ({
      name: `a locator with another disk at ${field}`,
      lie: {
        finish: (count, size, offset) =>
          zip64End(count, size, offset, (_end, locator) => void locator.writeUInt32LE(2, field)),
      },
      check: "zip.integrity",
      evidence: /split/,
    }),
  ),
  ...[16, 20].map(
    (field): Attack => ({
      name: `a zip64 end record with another disk at ${field}`,
      lie: {
        finish: (count, size, offset) =>
          zip64End(count, size, offset, (end) => void end.writeUInt32LE(1, field)),
      },
      check: "zip.integrity",
      evidence: /split/,
    }),
  ),
  {
    name: "a zip64 end record that the other one does not ask for",
    lie: {
      finish: (count, size, offset) =>
        zip64End(count, size, offset, () => undefined, endRecord(count, size, offset)),
    },
    check: "zip.integrity",
    evidence: /bytes between it and the end record/,
  },
  ...(
    [
      ["size", (count, size, offset) => endRecord(count, size - 46, offset)],
      ["offset", (count, size, offset) => endRecord(count, size, offset - 46)],
    ] satisfies [string, (count: number, size: number, offset: number) => Buffer][]
  ).map(
    ([field, short]): Attack => ({
      name: `another ${field} in the end record than in the zip64 one`,
      lie: {
        finish: (count, size, offset) => {
          const other = short(count, size, offset);
          other.writeUInt32LE(0xffffffff, 8);
          return zip64End(count, size, offset, () => undefined, other);
        },
      },
      check: "zip.integrity",
      evidence: /end records differ/,
    }),
  ),
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

testAttacks(ZIP64);
