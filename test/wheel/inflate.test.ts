import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { type EntryPlace, inflateWhole, readEntry } from "../../src/wheel/inflate.ts";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { writeZip } from "../../src/wheel/zip-writer.ts";

const content = Buffer.concat([randomBytes(700_000), Buffer.alloc(900_000, "wheel ")]);
const archive = writeZip([{ name: "a.bin", data: content, mode: 0o644 }], new Date("2026-01-01T00:00:00Z"));
const [entry] = readZip(archive);
if (!entry) throw new Error("no entry");
const place: EntryPlace = entry;

const kept = (changes: Partial<EntryPlace>, bytes: Uint8Array = archive) =>
  readEntry(bytes, { ...place, ...changes }, "sha384", () => new SharedArrayBuffer(content.length + 100));

test("part by part an entry reads as it does in one go, and is hashed", async () => {
  const read = await kept({});
  expect(content.equals(read.content ?? Buffer.alloc(0))).toBe(true);
  expect(content.equals(inflateWhole(archive, place))).toBe(true);
  expect(read.digest).toBe(createHash("sha384").update(content).digest("base64url"));
});

test("what is not kept is hashed all the same, and its first bytes are shown", async () => {
  let head = new Uint8Array();
  const read = await readEntry(archive, place, "sha256", (bytes) => {
    head = Uint8Array.from(bytes);
    return null;
  });
  expect(read.content).toBeNull();
  expect(content.subarray(0, head.length).equals(head)).toBe(true);
  expect(head.length).toBeGreaterThan(20);
  expect(read.digest).toBe(createHash("sha256").update(content).digest("base64url"));
});

test.each<[string, Partial<EntryPlace>, RegExp]>([
  ["a size too small", { size: content.length - 1 }, /does not inflate to the size/],
  ["a size too large", { size: content.length + 1 }, /it inflates to 1600000 bytes/],
  ["another CRC", { crc32: 1 }, /its CRC is wrong/],
  ["data cut off", { compressedSize: place.compressedSize - 9 }, /does not inflate/],
])("%s is refused either way", async (_name, changes, message) => {
  await expect(kept(changes)).rejects.toThrow(message);
  expect(() => inflateWhole(archive, { ...place, ...changes })).toThrow();
});

test("broken data is refused, not crashed on", async () => {
  const broken = Buffer.from(archive);
  broken.fill(0xff, place.offset + 1000, place.offset + 1400);
  await expect(kept({}, broken)).rejects.toThrow(/a\.bin/);
});
