import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "./run.ts";

/** One AVX512 instruction in a function, beyond what the good wheel's contract allows. */
export const AVX512 = "#include <immintrin.h>\n__m512i g(__m512i a) { return _mm512_add_epi32(a, a); }\n";

/** A library linked against stubs made on the spot. @param stubs sonames with the C source and the version script of each */
export function linked(
  source: string,
  flags: readonly string[],
  stubs: Readonly<Record<string, { source: string; versions?: string }>> = {},
): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "linked-"));
  const run = (args: readonly string[]): void => {
    const { status, stderr } = exec("gcc", ["-shared", "-fPIC", "-O1", ...args]);
    if (status !== 0) throw new Error(stderr);
  };
  try {
    const names = Object.entries(stubs).map(([soname, { source: text, versions }]) => {
      const [input, output, script] = ["stub.c", soname, "stub.map"].map((name) => join(folder, name));
      writeFileSync(input ?? "", text);
      writeFileSync(script ?? "", versions ?? "");
      run([
        "-nostdlib",
        `-Wl,-soname,${soname}`,
        ...(versions === undefined ? [] : [`-Wl,--version-script=${script}`]),
        "-o",
        output ?? "",
        input ?? "",
      ]);
      return output ?? "";
    });
    const [input, output] = [join(folder, "f.c"), join(folder, "f.so")];
    writeFileSync(input, source);
    run(["-Wl,--no-as-needed", ...flags, "-o", output, input, ...names]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Header {
  /** Offset of the header itself in the file. */
  at: number;
  type: number;
  flags: number;
  address: number;
  offset: number;
  size: number;
  name: string;
}

/** Section headers, read anew by the tests' own few lines. */
export function sectionsOf(bytes: Buffer): Header[] {
  const [table, count, names] = [
    Number(bytes.readBigUInt64LE(40)),
    bytes.readUInt16LE(60),
    bytes.readUInt16LE(62),
  ];
  const strings = Number(bytes.readBigUInt64LE(table + names * 64 + 24));
  return Array.from({ length: count }, (_unused, index) => {
    const at = table + index * 64;
    const start = strings + bytes.readUInt32LE(at);
    return {
      at,
      type: bytes.readUInt32LE(at + 4),
      flags: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
      name: bytes.toString("latin1", start, bytes.indexOf(0, start)),
    };
  });
}

/** Program headers: offset of each header, type, flags. */
export function segmentsOf(bytes: Buffer): Pick<Header, "at" | "type" | "flags" | "offset" | "size">[] {
  const [table, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(56)];
  return Array.from({ length: count }, (_unused, index) => {
    const at = table + index * 56;
    return {
      at,
      type: bytes.readUInt32LE(at),
      flags: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
}

/** The section of a name. */
export function section(bytes: Buffer, name: string): Header {
  const found = sectionsOf(bytes).find((one) => one.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

/** A copy with some bytes changed. */
export function tampered(bytes: Uint8Array, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

/** Offset of the entry of a tag in the dynamic section. */
export function dynamicEntry(bytes: Buffer, tag: number): number {
  const { offset, size } = section(bytes, ".dynamic");
  for (let at = offset; at < offset + size; at += 16)
    if (Number(bytes.readBigUInt64LE(at)) === tag) return at;
  throw new Error(`there is no tag ${tag}`);
}
