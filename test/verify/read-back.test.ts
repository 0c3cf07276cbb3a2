import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { expectedOf, type ReadBack, readBack } from "../../src/verify/runtime/read-back.ts";
import { attempt } from "../../src/wheel/format-error.ts";
import { openWheel } from "../../src/wheel/wheel-file.ts";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { keyOf } from "../agreement/ask.ts";
import { CASES, made } from "../agreement/cases.ts";
import { quietHost } from "../support/network-host.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

const host = quietHost();
const python = exec("python3", ["-c", "import sys; print(sys.executable)"]).stdout.trim();

/** A wheel on disk and what Python should see in it. */
function placed(fileName: string, bytes: Uint8Array): { path: string; expected: ReadBack } | null {
  const wheel = attempt(() => openWheel(fileName, readZip(bytes)));
  if (wheel === null) return null;
  const path = join(scratch(), fileName);
  writeFileSync(path, bytes);
  return { path, expected: expectedOf(wheel) };
}

/** What Python's own reader does not take; both are refused by the static checks. */
const UNREAD = ["entry points: no UTF-8", "entry points: no equals"];

test("of every wheel of the corpus that opens, Python sees what we see, or does not take it", async () => {
  const told: Record<string, unknown> = {};
  let opened = 0;
  for (const one of CASES) {
    const { fileName, bytes } = made(one);
    const wheel = placed(fileName, bytes);
    if (wheel === null) continue;
    opened++;
    const found = await readBack(host, python, wheel.path, wheel.expected);
    if (found.length > 0) told[keyOf(one)] = found;
  }
  const unread = { kind: "reads-otherwise", document: "entry_points.txt", expected: null, found: null };
  expect(told).toEqual(Object.fromEntries(UNREAD.map((key) => [key, [unread]])));
  expect(opened).toBeGreaterThan(80);
}, 300_000);

test.each<keyof ReadBack>(["files", "METADATA", "WHEEL", "RECORD", "entry_points.txt"])(
  "one line more or less, or another, in %s is told",
  async (document) => {
    const [one] = CASES.filter(({ name }) => name === "a program");
    if (!one) throw new Error("no case");
    const { fileName, bytes } = made(one);
    const wheel = placed(fileName, bytes);
    if (!wheel) throw new Error("it does not open");
    const { path, expected } = wheel;
    expect(await readBack(host, python, path, expected)).toEqual([]);
    const lines = expected[document];
    for (const other of [[...lines, "zzz"], lines.slice(1), ["zzz", ...lines.slice(1)]])
      expect(await readBack(host, python, path, { ...expected, [document]: other })).toEqual([
        expect.objectContaining({ kind: "reads-otherwise", document }),
      ]);
  },
);
