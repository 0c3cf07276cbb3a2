import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { elfCudaFree } from "../../src/verify/checks/cuda.ts";
import { platformGlibc } from "../../src/verify/checks/glibc.ts";
import { platformLibraries } from "../../src/verify/checks/libraries.ts";
import { nameAgreement, tagsAgreement } from "../../src/verify/checks/package.ts";
import type { WheelFacts } from "../../src/verify/facts/facts.ts";
import { factsOf } from "../support/facts.ts";
import { forge, type Lie } from "../support/forge.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

const facts = (lie: Lie): WheelFacts => {
  const { fileName, bytes } = forge(lie);
  return { ...factsOf(fileName, bytes), audits: [] };
};

/** Libraries of which each needs the next, and where each looks: `rpath` or `runpath` with a folder, or nowhere. */
type Look = readonly ["rpath" | "runpath", string] | null;

function chain(top: Look, middle: Look): { root: string; files: Record<string, Buffer> } {
  const root = scratch();
  for (const folder of ["good", "good.libs"]) mkdirSync(join(root, folder));
  const link = (path: string, source: string, look: Look, needs: readonly string[]): void => {
    const file = join(scratch(), "f.c");
    writeFileSync(file, source);
    const tags = look?.[0] === "rpath" ? "--disable-new-dtags" : "--enable-new-dtags";
    const paths = look ? [`-Wl,${tags},-rpath,${look[1]}`] : [];
    const name = `-Wl,-soname,${path.split("/").at(-1)}`;
    const args = ["-shared", "-fPIC", "-Wl,--no-as-needed", name, ...paths, "-o", join(root, path), file];
    const made = exec("gcc", [...args, ...needs.map((need) => join(root, need))]);
    if (made.status !== 0) throw new Error(made.stderr);
  };
  link("good.libs/liblow.so", "int low(void) { return 1; }", null, []);
  link("good.libs/libmid.so", "int low(void); int mid(void) { return low(); }", middle, [
    "good.libs/liblow.so",
  ]);
  link("good/_C.so", "int mid(void); int top(void) { return mid(); }", top, ["good.libs/libmid.so"]);
  const read = (path: string): Buffer =>
    Buffer.from(exec("base64", ["-w0", join(root, path)]).stdout, "base64");
  const names = ["good/_C.so", "good.libs/libmid.so", "good.libs/liblow.so"];
  return { root, files: Object.fromEntries(names.map((name) => [name, read(name)])) };
}

describe("where a bundled library is found is what the loader says", () => {
  const own = "$ORIGIN/../good.libs";
  test.each<[string, Look, Look]>([
    ["DT_RPATH of the one that loads it is inherited", ["rpath", own], null],
    ["DT_RUNPATH is not", ["runpath", own], null],
    ["DT_RUNPATH of its own keeps it from what it would inherit", ["rpath", own], ["runpath", "$ORIGIN/x"]],
    ["DT_RPATH of its own does not", ["rpath", own], ["rpath", "$ORIGIN/x"]],
    ["its own DT_RUNPATH leads there", ["runpath", own], ["runpath", "$ORIGIN"]],
    ["nothing leads to the first", null, ["rpath", "$ORIGIN"]],
  ])("%s", (_what, top, middle) => {
    const { root, files } = chain(top, middle);
    const program = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).top()";
    const loads = exec("python3", ["-c", program, join(root, "good", "_C.so")]).status === 0;
    const { findings } = platformLibraries(facts({ files }), null);
    expect(findings.some(({ kind }) => kind === "unreachable-library")).toBe(!loads);
  });
});

describe("what wheels of others live by is told, and fails a variant's", () => {
  const variant = { name: "good", distribution: "good", packages: null } as Parameters<
    typeof nameAgreement
  >[1];

  test("an entry for a folder brings nothing", () => {
    const lie: Lie = { zip: (entries) => [{ name: "good-1.0.data/", data: Buffer.alloc(0) }, ...entries] };
    expect(nameAgreement(facts(lie), variant).findings).toEqual([]);
  });

  test("a file that runs at every start of Python", () => {
    const all = facts({ files: { "good.pth": "import good\n" } });
    expect([nameAgreement(all, null).result, nameAgreement(all, variant).result]).toEqual(["warn", "fail"]);
  });

  test("several tags in one line of WHEEL", () => {
    const all = facts({
      fileName: "good-1.0-cp311-cp311-manylinux_2_35_x86_64.manylinux_2_36_x86_64.whl",
    });
    expect(all.tagProblems.map(({ kind }) => kind)).toEqual(["tags-unexpanded"]);
    expect([tagsAgreement(all, null).result, tagsAgreement(all, variant).result]).toEqual(["warn", "fail"]);
  });

  test("a library that somebody else brings, and a path of the machine that built", () => {
    const { files } = chain(["rpath", "$ORIGIN/../good.libs:/opt/build/lib"], ["rpath", "$ORIGIN"]);
    const { "good.libs/liblow.so": _gone, ...rest } = files;
    const all = facts({ files: rest });
    const { result, findings } = platformLibraries(all, null);
    expect(findings.map(({ kind }) => kind).sort()).toEqual(["foreign-search-path", "missing-library"]);
    expect([result, platformLibraries(all, variant).result]).toEqual(["warn", "fail"]);
  });
});

describe("what can't be read is neither good nor bad", () => {
  const resultsOf = (all: WheelFacts): string[] => [
    platformGlibc(all).result,
    platformLibraries(all, null).result,
    elfCudaFree(all).result,
  ];
  /** What Windows and macOS run begins so. */
  const PE = Buffer.alloc(512);
  PE.write("MZ", 0);
  PE.writeUInt32LE(128, 60);
  PE.write("PE\0\0", 128);
  const MACH_O = Buffer.concat([Buffer.from("cffaedfe0c0000010000000006000000", "hex"), Buffer.alloc(200)]);

  test.each([
    ["win_amd64", "good/_c.cp311-win_amd64.pyd", PE],
    ["macosx_11_0_arm64", "good/_c.cpython-311-darwin.so", MACH_O],
  ])("in a wheel for %s", (platform, path, library) => {
    const files = { "good/_C.so": null, [path]: library };
    const all = facts({ fileName: `good-1.0-cp311-cp311-${platform}.whl`, files });
    expect(resultsOf(all)).toEqual(["not-run", "not-run", "not-run"]);
    const gpu = facts({ fileName: all.fileName, files, headers: ["Requires-Dist: nvidia-cublas"] });
    expect(elfCudaFree(gpu).result).toBe("fail");
  });

  test("in a wheel for Linux, where such a library is a failure of the one check that it is for", () => {
    for (const library of [PE, MACH_O]) {
      const all = facts({ files: { "good/_C.so": library } });
      expect([platformGlibc(all).result, elfCudaFree(all).result]).toEqual(["fail", "not-run"]);
    }
  });

  test("is not what a platform tag that means nothing excuses", () => {
    expect(platformGlibc(facts({ fileName: "good-1.0-cp311-cp311-win_amd65.whl" })).result).toBe("fail");
  });
});
