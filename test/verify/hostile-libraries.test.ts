import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { compileLibrary } from "../support/library.ts";
import { cli, exec, removeScratch, scratch } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

/** The command's answer, and the most memory it took, MiB. */
function verified(files: Record<string, Uint8Array>): { result: VerifyResult; memory: number } {
  const { fileName, bytes } = tinyWheel({ name: "hostile", tag: "cp311-cp311-linux_x86_64", files });
  const path = join(scratch(), fileName);
  writeFileSync(path, bytes);
  const program =
    "import json, resource, subprocess, sys; ran = subprocess.run(sys.argv[1:], capture_output=True, text=True); " +
    "print(json.dumps([ran.stdout, ran.stderr, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))";
  const command = [process.execPath, cli, "verify", "--json", "--no-verdict", path];
  const [stdout, stderr, memory] = JSON.parse(exec("python3", ["-c", program, ...command]).stdout) as [
    string,
    string,
    number,
  ];
  if (!stdout.startsWith("{")) throw new Error(stderr);
  const [result] = (JSON.parse(stdout) as { results: VerifyResult[] }).results;
  if (!result) throw new Error(stdout);
  return { result, memory };
}

const detailOf = (result: VerifyResult, id: string): string =>
  result.checks.find((check) => check.id === id)?.detail ?? "";

test("a bomb that begins like a library is refused, and fills no memory", () => {
  const bomb = Buffer.alloc(600 * 1024 ** 2);
  bomb.set(compileLibrary("int f(int x) { return x; }").bytes);
  expect(deflateRawSync(bomb.subarray(0, 1024 ** 2)).length).toBeLessThan(1024 ** 2 / 50);
  const alone = verified({ "hostile/_C.so": bomb });
  expect(detailOf(alone.result, "zip.integrity")).toMatch(/times its size|bomb|ratio/);
  expect(alone.memory).toBeLessThan(400);
  // Beside noise the archive as a whole inflates to less than an index refuses.
  const noise = { "hostile/noise.bin": randomBytes(14 * 1024 ** 2) };
  const { result, memory } = verified({ "hostile/_C.so": bomb, ...noise });
  expect(result.result).toBe("fail");
  expect(detailOf(result, "platform.glibc")).toMatch(/629145600 bytes compress as those of a bomb/);
  expect(detailOf(result, "record.hashes")).toBe("RECORD is right for all 5 files");
  expect(memory).toBeLessThan(400);
});

test("a large file that is only named like a library is said to be none", () => {
  const { result } = verified({ "hostile/_C.so": Buffer.alloc(3 * 1024 ** 2, "no library ") });
  expect(detailOf(result, "platform.glibc")).toMatch(/_C\.so: library: it is no ELF file/);
});

test("overlapping code sections are refused before they are decoded", () => {
  const bytes = Buffer.from(compileLibrary("int f(int x) { return x; }").bytes);
  const [table, count] = [Number(bytes.readBigUInt64LE(40)), bytes.readUInt16LE(60)];
  for (let index = 1; index < count; index++) {
    const at = table + index * 64;
    bytes.writeUInt32LE(1, at + 4);
    bytes.writeBigUInt64LE(6n, at + 8);
    bytes.writeBigUInt64LE(0n, at + 24);
    bytes.writeBigUInt64LE(BigInt(bytes.length), at + 32);
  }
  const { result } = verified({ "hostile/_C.so": bytes });
  expect(result.result).toBe("fail");
  expect(detailOf(result, "platform.glibc")).toMatch(/code sections: they overlap/);
});
