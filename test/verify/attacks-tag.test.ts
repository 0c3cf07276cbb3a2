import { afterAll } from "@jest/globals";
import { type Attack, filesLie, libraryLie, tagLie, testAttacks } from "../support/attacks.ts";
import { removeScratch } from "../support/run.ts";
import { dynamicEntry, linked, section, segmentsOf, tampered } from "../support/tampered.ts";

afterAll(removeScratch);

const newer = linked("void new_one(void); void f(void) { new_one(); }", [], {
  "libc.so.6": { source: "void new_one(void) {}", versions: "GLIBC_2.99 { new_one; };" },
});
const VERNEEDNUM = 0x6fffffff;
const plain = linked("int f(int x) { return x; }", []);
const musl = linked("void f(void) {}", ["-nostdlib"], {});

const TAG: Attack[] = [
  ...["manylinux2015_x86_64", "manylinux_2_35_x86", "manylinux_2_x86_64", "linuxx_x86_64", "any_x86_64"].map(
    (tag) => ({
      name: `the platform tag ${tag}`,
      lie: tagLie(tag),
      check: "platform.glibc",
      evidence: /no platform tag|the tag says/,
    }),
  ),
  {
    name: "any beside a real platform",
    lie: tagLie("any.linux_x86_64"),
    check: "tags.agreement",
    evidence: /platform any/,
  },
  {
    name: "two architectures, libraries of one",
    lie: tagLie("manylinux_2_35_aarch64.manylinux_2_35_x86_64"),
    check: "platform.glibc",
    evidence: /x86_64, the tag says aarch64/,
  },
  {
    name: "musllinux for glibc's libraries",
    lie: {
      ...tagLie("musllinux_1_2_x86_64"),
      ...libraryLie(linked("double sin(double); double f(double x) { return sin(x); }", ["-lm"])),
    },
    check: "platform.glibc",
    evidence: /wants glibc/,
  },
  {
    name: "manylinux for musl's",
    lie: libraryLie(
      linked("void f(void) {}", ["-nostdlib"], { "libc.musl-x86_64.so.1": { source: "void g(void) {}" } }),
    ),
    check: "platform.glibc",
    evidence: /wants musl/,
  },
  {
    name: "a symbol version too new",
    lie: libraryLie(newer),
    check: "platform.glibc",
    evidence: /GLIBC_2\.99/,
  },
  {
    name: "… behind a forged count",
    lie: libraryLie(
      tampered(newer, (copy) => void copy.writeBigUInt64LE(0n, dynamicEntry(copy, VERNEEDNUM) + 8)),
    ),
    check: "platform.glibc",
    evidence: /GLIBC_2\.99/,
  },
  {
    name: "… behind a forged count of names",
    lie: libraryLie(
      tampered(newer, (copy) => void copy.writeUInt16LE(0, section(copy, ".gnu.version_r").offset + 2)),
    ),
    check: "platform.glibc",
    evidence: /GLIBC_2\.99/,
  },
  {
    name: "glibc's private symbols",
    lie: libraryLie(
      linked("void p(void); void f(void) { p(); }", [], {
        "libc.so.6": { source: "void p(void) {}", versions: "GLIBC_PRIVATE { p; };" },
      }),
    ),
    check: "platform.glibc",
    evidence: /GLIBC_PRIVATE/,
  },
  {
    name: "relocations that an old glibc can't read",
    lie: libraryLie(
      linked("static int a[9]; int *p[9] = {a, a + 1, a + 2}; int **f(void) { return p; }", [
        "-Wl,-z,pack-relative-relocs",
      ]),
    ),
    check: "platform.glibc",
    evidence: /GLIBC_2\.36/,
  },
  {
    name: "a library that an older platform lacks",
    lie: {
      ...tagLie("manylinux_2_17_x86_64"),
      ...libraryLie(
        linked("void g(void); void f(void) { g(); }", ["-nostdlib"], {
          "libmvec.so.1": { source: "void g(void) {}" },
        }),
      ),
    },
    check: "platform.libraries",
    evidence: /libmvec\.so\.1/,
  },
  {
    name: "abi3 for any Python 3",
    lie: {
      fileName: "good-1.0-py3-abi3-manylinux_2_35_x86_64.whl",
      ...libraryLie(linked("void PyObject_CallNoArgs(void); void f(void) { PyObject_CallNoArgs(); }", [])),
    },
    check: "tags.agreement",
    evidence: /stable ABI of Python 3\.10/,
  },
  {
    name: "a library for another Python",
    lie: filesLie("good/_D.cpython-312-x86_64-linux-gnu.so", musl),
    check: "tags.agreement",
    evidence: /cp312 alone/,
  },
  ...["/opt/lib", "$ORIGIN/../../../lib", "$ORIGINAL/x", "$ORIGIN/../other/lib", "lib", "$ORIGIN/$LIB"].map(
    (path) => ({
      name: `the search path ${path}`,
      lie: libraryLie(linked("void f(void) {}", [`-Wl,-rpath,${path}`])),
      check: "platform.libraries",
      evidence: /looks for libraries in/,
    }),
  ),
  {
    name: "a search path of an odd kind",
    lie: libraryLie(linked("void f(void) {}", ["-Wl,-rpath,", "-Wl,--disable-new-dtags,-rpath,:/x"])),
    check: "platform.libraries",
    evidence: /the current folder|\/x/,
  },
  {
    name: "an executable stack",
    lie: libraryLie(linked("void f(void) {}", ["-Wl,-z,execstack"])),
    check: "platform.libraries",
    evidence: /executable stack/,
  },
  {
    name: "text relocations",
    lie: libraryLie(
      linked('int x; asm(".text\\n.globl t\\nt: .quad x\\n"); void f(void) {}', ["-Wl,-z,notext"]),
    ),
    check: "platform.libraries",
    evidence: /text relocations/,
  },
  {
    name: "a library that nobody brings",
    lie: libraryLie(
      linked("void n(void); void f(void) { n(); }", [], { "libnuma.so.1": { source: "void n(void) {}" } }),
    ),
    check: "platform.libraries",
    evidence: /libnuma\.so\.1, which nobody brings/,
  },
  {
    name: "torch's libraries without torch",
    lie: {
      ...libraryLie(
        linked("void n(void); void f(void) { n(); }", [], { "libtorch.so": { source: "void n(void) {}" } }),
      ),
      metadata: (text) => text.replace(/^Requires-Dist.*\n/m, ""),
    },
    check: "platform.libraries",
    evidence: /of torch, which METADATA does not require/,
  },
  {
    name: "two dynamic sections",
    lie: libraryLie(
      tampered(plain, (copy) => {
        const note = segmentsOf(copy).find(({ type }) => type === 4);
        if (!note) throw new Error("no note");
        copy.writeUInt32LE(2, note.at);
      }),
    ),
    check: "platform.glibc",
    evidence: /more than one/,
  },
  {
    name: "a dynamic section whose offset and address differ",
    lie: libraryLie(
      tampered(plain, (copy) => {
        const dynamic = segmentsOf(copy).find(({ type }) => type === 2);
        if (!dynamic) throw new Error("no dynamic section");
        copy.writeBigUInt64LE(BigInt(dynamic.offset + 16), dynamic.at + 8);
      }),
    ),
    check: "platform.glibc",
    evidence: /two places/,
  },
];

testAttacks(TAG);
