import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "@jest/globals";
import { writeZip } from "../../src/wheel/zip-writer.ts";
import { type Attack, filesLie, libraryLie, testAttacks } from "../support/attacks.ts";
import { forge, goodManifest, verified } from "../support/forge.ts";
import { exec, removeScratch } from "../support/run.ts";
import { AVX512, linked, section, segmentsOf, tampered } from "../support/tampered.ts";

afterAll(removeScratch);

const EXECUTABLE = 4n;
const PT_LOAD = 1;
const avx512 = linked(AVX512, ["-mavx512f", "-nostartfiles"]);
const startfiles = linked(AVX512, ["-mavx512f"]);
const mixed = linked(
  `${AVX512}__attribute__((section(".hidden,\\"a\\",@progbits#"))) __m512i h(__m512i a) { return _mm512_mul_epu32(a, a); }\nint f(int x) { return x; }\n`,
  ["-mavx512f", "-Wl,-z,noseparate-code", "-nostartfiles"],
);

/** A library without its machine code in any section that says so. */
const unflagged = (bytes: Buffer, name: string): Buffer =>
  tampered(bytes, (copy) => {
    const { at, flags } = section(copy, name);
    copy.writeBigUInt64LE(BigInt(flags) & ~EXECUTABLE, at + 8);
  });

/** The code moved into what is left of its last page, behind the end that its segment states. */
const behindTheEnd = tampered(avx512, (copy) => {
  const text = section(copy, ".text");
  const segment = segmentsOf(copy).find(({ type, flags }) => type === PT_LOAD && (flags & 1) !== 0);
  if (!segment) throw new Error("there is no code");
  copy.copy(copy, segment.offset + 0x800, text.offset, text.offset + text.size);
  copy.fill(0x90, text.offset, text.offset + text.size);
});

const wrapped = (data: Uint8Array, name = "x.so"): Uint8Array =>
  writeZip([{ name, data, mode: 0o644 }], new Date("2026-01-01T00:00:00Z"));
const xz = (data: Uint8Array): Buffer =>
  Buffer.from(
    exec("python3", ["-c", "import lzma,sys; print(lzma.compress(bytes.fromhex(sys.stdin.read())).hex())"], {
      input: Buffer.from(data).toString("hex"),
    }).stdout.trim(),
    "hex",
  );

const ISA: Attack[] = [
  {
    name: "a library beyond the contract",
    lie: libraryLie(avx512),
    check: "isa.contained",
    evidence: /vpaddd/,
  },
  ...[
    "good/data.bin",
    "good/.hidden/x",
    "good/font.ttf",
    "good-1.0.data/platlib/good/x.so",
    "good-1.0.data/scripts/tool",
    "good-1.0.data/data/share/good/x",
  ].map((path) => ({
    name: `… as ${path}`,
    lie: filesLie(path, avx512),
    check: "isa.contained",
    evidence: new RegExp(`"path":"${path}"`),
  })),
  {
    name: "code with no section table",
    lie: libraryLie(
      tampered(avx512, (copy) => {
        copy.writeBigUInt64LE(0n, 40);
        copy.writeUInt16LE(0, 60);
      }),
    ),
    check: "isa.contained",
    evidence: /avx512f/,
  },
  {
    name: "code in a section that is said to take no room",
    lie: libraryLie(tampered(avx512, (copy) => void copy.writeUInt32LE(8, section(copy, ".text").at + 4))),
    check: "isa.contained",
    evidence: /avx512f/,
  },
  {
    name: "code in a section that is said to be empty",
    lie: libraryLie(
      tampered(avx512, (copy) => void copy.writeBigUInt64LE(0n, section(copy, ".text").at + 32)),
    ),
    check: "isa.contained",
    evidence: /avx512f/,
  },
  {
    name: "code in a section that is said to be data",
    lie: libraryLie(unflagged(avx512, ".text")),
    check: "isa.contained",
    evidence: /mapped executable although/,
  },
  {
    name: "the same beside honest code",
    lie: libraryLie(unflagged(startfiles, ".text")),
    check: "isa.contained",
    evidence: /mapped executable although/,
  },
  {
    name: "code among the constants of a mixed segment",
    lie: libraryLie(unflagged(mixed, ".text")),
    check: "isa.contained",
    evidence: /avx512f/,
  },
  {
    name: "code in the page behind a segment's stated end",
    lie: libraryLie(behindTheEnd),
    check: "isa.contained",
    evidence: /avx512f/,
  },
  {
    name: "a library behind other bytes",
    lie: filesLie("good/x.bin", Buffer.concat([Buffer.from("junk"), avx512])),
    check: "platform.libraries",
    evidence: /begins at offset 4/,
  },
  {
    name: "a library inside a library",
    lie: libraryLie(Buffer.concat([linked("int f(int x) { return x; }", []), avx512])),
    check: "platform.libraries",
    evidence: /begins at offset/,
  },
  {
    name: "a library in a zip",
    lie: filesLie("good/x.zip", wrapped(avx512)),
    check: "platform.libraries",
    evidence: /x\.zip!x\.so/,
  },
  {
    name: "a library in a wheel in a zip",
    lie: filesLie("good/x.dat", wrapped(wrapped(avx512), "y.whl")),
    check: "platform.libraries",
    evidence: /x\.dat!y\.whl!x\.so/,
  },
  {
    name: "a library in gzip",
    lie: filesLie("good/x.gz", gzipSync(avx512)),
    check: "platform.libraries",
    evidence: /x\.gz!/,
  },
  {
    name: "a library in base64",
    lie: filesLie("good/x.py", `B = "${avx512.toString("base64")}"\n`),
    check: "platform.libraries",
    evidence: /base64/,
  },
  {
    name: "UPX's mark",
    lie: libraryLie(tampered(avx512, (copy) => void copy.write("UPX!", 0x300, "latin1"))),
    check: "platform.libraries",
    evidence: /UPX/,
  },
  {
    name: "code that can write itself",
    lie: libraryLie(
      tampered(avx512, (copy) => {
        for (const { at, type } of segmentsOf(copy)) if (type === PT_LOAD) copy.writeUInt32LE(7, at + 4);
      }),
    ),
    check: "platform.libraries",
    evidence: /writable and executable/,
  },
];

testAttacks(ISA);

const unsound = Buffer.concat([wrapped(avx512), Buffer.from("x")]);

test("instructions of a newer CPU than the decoder's are refused", () => {
  const apx = linked(
    'void f(void) { __asm__(".byte 0xd5,0x10,0x8b,0xc0\\n.byte 0xd5,0x10,0x8b,0xc0\\n"); }',
    [],
  );
  const { results } = verified([forge(libraryLie(apx))], [`--manifest=${goodManifest()}`]);
  expect(results[0]?.checks.find(({ id }) => id === "isa.contained")).toMatchObject({
    result: "fail",
    detail: expect.stringContaining("2 × apx in good/_C.so"),
  });
});

test("bytes that no decoder knows are told of", () => {
  const unknown = linked('void f(void) { __asm__(".byte 0x06\\nnop\\n.byte 0x06\\nnop\\n"); }', []);
  const { results } = verified([forge(libraryLie(unknown))], [`--manifest=${goodManifest()}`]);
  expect(results[0]?.checks.find(({ id }) => id === "isa.contained")).toMatchObject({
    result: "warn",
    detail: expect.stringContaining("good/_C.so has 2 places that are no instruction"),
  });
});

test.each([
  ["good/x.xz", xz(avx512), "it is xz"],
  ["good/x.zip", unsound, "it is a zip that can't be looked into"],
  ["good/x.gz", gzipSync(avx512).subarray(0, -9), "it is gzip that can't be read"],
])("what can't be looked into, as %s, leaves the contract unproven", (path, data, detail) => {
  const { results } = verified([forge(filesLie(path, data))], [`--manifest=${goodManifest()}`]);
  expect(results[0]?.checks.find(({ id }) => id === "isa.contained")).toMatchObject({
    result: "not-run",
    detail: expect.stringContaining(detail),
  });
});
