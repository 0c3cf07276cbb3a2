import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { differingMaterials, type Materials, materialsSchema } from "../../src/build/materials/materials.ts";
import { compareReproduced } from "../../src/build/materials/reproduced.ts";
import { createTerminalHost, createTerminalLog } from "../../src/host/terminal.ts";
import { type Rebuild, rebuildOf, reproduce } from "../../src/jobs/reproduce.ts";
import { type NewEntry, writeZip } from "../../src/wheel/zip-writer.ts";
import { removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

const silent = { write: () => true };
const log = createTerminalLog({ info: silent, problems: silent, debug: false, colour: false });
const host = createTerminalHost(log, new AbortController().signal);

const entry = (name: string, text: string, mode = 0o644): NewEntry => ({
  name,
  data: Buffer.from(text),
  mode,
});
const wheel = (entries: NewEntry[], year = 2000): Uint8Array =>
  writeZip(entries, new Date(Date.UTC(year, 0)));
const FILES = [entry("x/__init__.py", "a = 1\nb = 2\n"), entry("x-1.dist-info/RECORD", "x,sha256=1,2")];

describe("a wheel that was built again", () => {
  test.each([
    ["the very bytes", wheel(FILES), "same-bytes", []],
    ["another time", wheel(FILES, 2001), "same-code", ["(archive)"]],
    [
      "another RECORD",
      wheel([FILES[0] as NewEntry, entry("x-1.dist-info/RECORD", "y")]),
      "same-code",
      ["x-1.dist-info/RECORD"],
    ],
    [
      "another line",
      wheel([entry("x/__init__.py", "a = 1\nb = 3\n"), FILES[1] as NewEntry]),
      "different",
      ["x/__init__.py"],
    ],
    [
      "a file less and one more",
      wheel([entry("y.py", ""), FILES[1] as NewEntry]),
      "different",
      ["x/__init__.py", "y.py"],
    ],
  ] as const)("of %s", (_name, again, result, names) => {
    const compared = compareReproduced(wheel(FILES), again);
    expect(compared.result).toBe(result);
    expect(compared.files.map(({ name }) => name)).toEqual(names);
  });

  test("says at which line a text differs", () => {
    const again = wheel([entry("x/__init__.py", "a = 1\nb = 3\n"), FILES[1] as NewEntry]);
    expect(compareReproduced(wheel(FILES), again).files[0]?.why).toBe('line 2 was "b = 2", and is "b = 3"');
  });
});

const MATERIALS: Materials = {
  externalParameters: {
    source: "git+https://example.org/vllm.git@v0.32.0",
    version: "0.32.0",
    versionSuffix: null,
    variant: "vllm-cpu",
    recipe: "vllm-0.32",
    python: "3.11.7",
    torchRequirement: "release",
    glibcFloor: null,
    keepDebug: false,
    buildEnvironment: { CMAKE_BUILD_TYPE: "Debug" },
    sourceDateEpoch: 315532800,
  },
  internalParameters: { path: "/usr/bin", target: "x86_64-linux-gnu", compiler: "gcc 12.2.0", glibc: "2.36" },
  resolvedDependencies: [
    {
      name: "source",
      uri: "git+https://example.org/vllm.git@v0.32.0",
      digest: { gitCommit: "a".repeat(40) },
    },
    { name: "c++", uri: "file:///usr/bin/c++", digest: { sha256: "1" } },
    { uri: "pkg:pypi/torch@2.13.0+cpu", digest: { sha256: "2" } },
    { uri: "pkg:pypi/cmake@4.1.0", annotations: { sha256: ["3", "4"] } },
  ],
};

test("its build is asked for by commit, with the packages that it had", () => {
  expect(materialsSchema.parse(JSON.parse(JSON.stringify(MATERIALS)))).toEqual(MATERIALS);
  expect(rebuildOf("x.whl", MATERIALS, null)).toMatchObject({
    source: `git+https://example.org/vllm.git@${"a".repeat(40)}`,
    torchVersion: "2.13.0+cpu",
    requirements: ["torch==2.13.0+cpu", "cmake==4.1.0"],
    buildEnvironment: { CMAKE_BUILD_TYPE: "Debug" },
    epoch: 315532800,
  });
  expect(rebuildOf("x.whl", MATERIALS, "/mine").source).toBe("/mine");
  const without = { ...MATERIALS, resolvedDependencies: MATERIALS.resolvedDependencies.slice(0, 2) };
  expect(() => rebuildOf("x.whl", without, null)).toThrow("They name no torch");
});

test("the job hands the build what the verdict names, and reports both kinds of difference", async () => {
  const [published, rebuilt] = [join(scratch(), "x.whl"), join(scratch(), "x.whl")];
  writeFileSync(published, wheel(FILES));
  writeFileSync(rebuilt, wheel(FILES, 2001));
  const seen: Rebuild[] = [];
  const report = await reproduce(host, {
    wheel: published,
    materials: MATERIALS,
    source: null,
    rebuild: async (_host, wanted) => {
      seen.push(wanted);
      return { wheel: rebuilt, materials: MATERIALS };
    },
  });
  expect(seen.map(({ variant }) => variant)).toEqual(["vllm-cpu"]);
  expect(report).toMatchObject({ result: "same-code", rebuilt, materials: [] });
});

test("what it is made of now that it was not made of before is named", () => {
  expect(differingMaterials(MATERIALS, MATERIALS)).toEqual([]);
  const now: Materials = {
    ...MATERIALS,
    internalParameters: { ...MATERIALS.internalParameters, glibc: "2.41" },
    resolvedDependencies: MATERIALS.resolvedDependencies.map((one) =>
      one.name === "c++" ? { ...one, digest: { sha256: "9" } } : one,
    ),
  };
  expect(differingMaterials(MATERIALS, now)).toEqual([
    "c++: it was made of file:///usr/bin/c++ 1, and now of file:///usr/bin/c++ 9",
    'glibc: it was "2.36", and is "2.41"',
  ]);
});
