import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { pinTorch, stampWheel } from "../../src/build/stamp.ts";
import { type Finding, findingText } from "../../src/findings/findings.ts";
import { linuxEnvironment } from "../../src/wheel/marker.ts";
import { allOf, formatHeaders, oneOf, parseHeaders } from "../../src/wheel/metadata.ts";
import { compressTags, expandTags, parseWheelFileName } from "../../src/wheel/names.ts";
import { formatRecord, parseRecord } from "../../src/wheel/record.ts";
import { formatRequirement, parseRequirement } from "../../src/wheel/requirement.ts";
import { contentOf, rewriteWheel } from "../../src/wheel/rewrite.ts";
import { withSuffix } from "../../src/wheel/version.ts";
import { openWheel } from "../../src/wheel/wheel-file.ts";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { writeZip } from "../../src/wheel/zip-writer.ts";
import { factsOf } from "../support/facts.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

/** Findings as people are told of them. */
const texts = (findings: readonly Finding[]): string => findings.map(findingText).join();

afterAll(removeScratch);

const stamp = {
  variant: {
    name: "vllm-cpu-avx512",
    distribution: "vllm-cpu-avx512",
    description: "words",
    architecture: "x86_64" as const,
    isa: { mayUse: [], mustUse: [], dispatch: [], unnamedCode: [] },
    runnerLabels: [],
    environment: {},
    packages: null,
    compilerFloor: {},
  },
  torchVersion: "2.13.0+cpu",
  torchRequirement: "release" as const,
  made: null,
  versionSuffix: ".post2",
  mtime: new Date("2026-01-01T00:00:00Z"),
};

const source = tinyWheel({
  name: "some-thing",
  version: "1.2+cpu",
  metadata:
    "Requires-Dist: torch\nRequires-Dist: numpy>=1 ; python_version > '3'\nDescription-Content-Type: text/markdown\n\n# Thing\n",
});

describe("a rewritten wheel", () => {
  const read = new Map<string, number>();
  const entries = readZip(source.bytes).map((entry) => ({
    ...entry,
    read: () => {
      read.set(entry.name, (read.get(entry.name) ?? 0) + 1);
      return entry.read();
    },
  }));
  const wheel = openWheel(source.fileName, entries);

  test("inflates each of its files once, and none of those that are given", () => {
    read.clear();
    const content = contentOf(wheel);
    expect(content.map(({ name }) => name)).toEqual(["some_thing/__init__.py"]);
    const given = [{ name: "some_thing/other.py", data: Buffer.from("y = 2\n"), mode: 0o755 }];
    const out = rewriteWheel(wheel, { content: [...content, ...given], mtime: stamp.mtime });
    expect(read.get("some_thing/__init__.py")).toBe(1);
    const facts = factsOf(out.fileName, out.bytes);
    expect(facts).toMatchObject({ zipProblems: [], recordProblems: [], recordFiles: 5 });
    expect(readZip(out.bytes).find(({ name }) => name === given[0]?.name)?.mode).toBe(0o755);
  });

  test("keeps what it has where nothing is given", () => {
    const out = rewriteWheel(wheel, { mtime: stamp.mtime });
    expect(contentOf(openWheel(out.fileName, readZip(out.bytes)))).toEqual(contentOf(wheel));
  });
});

describe("a stamped wheel", () => {
  const stamped = stampWheel(source.fileName, source.bytes, stamp);
  const facts = factsOf(stamped.fileName, stamped.bytes);

  test("agrees with itself in every place", () => {
    expect(stamped.fileName).toBe("vllm_cpu_avx512-1.2.post2-py3-none-any.whl");
    expect(facts).toMatchObject({ zipProblems: [], recordProblems: [], nameProblems: [], tagProblems: [] });
  });

  test("tells how to get CPU-only torch, and pins the torch it was built with without the local part", () => {
    expect(facts.torch).toEqual({ line: "torch==2.13.0", pinned: "2.13.0", isLocal: false, isDirect: false });
    expect(facts.description).toMatch(
      /# Thing[\s\S]*pip install torch==2\.13\.0\+cpu --index-url https:\/\/download\.pytorch\.org\/whl\/cpu/,
    );
  });

  test("is installed by pip, which checks RECORD", () => {
    const folder = scratch();
    writeFileSync(join(folder, stamped.fileName), stamped.bytes);
    const target = join(folder, "site");
    const ran = exec("python3", [
      "-m",
      "pip",
      "install",
      "--no-deps",
      "--no-index",
      "--target",
      target,
      join(folder, stamped.fileName),
    ]);
    expect(ran.stderr + ran.stdout).toContain("Successfully installed vllm-cpu-avx512-1.2.post2");
    const check = exec("python3", [
      "-c",
      `import sys; sys.path.insert(0, ${JSON.stringify(target)}); import some_thing; print(some_thing.x)`,
    ]);
    expect(check.stdout.trim()).toBe("1");
  });

  test("comes out the same twice", () => {
    expect(stampWheel(source.fileName, source.bytes, stamp).bytes).toEqual(stamped.bytes);
  });
});

const linux = linuxEnvironment("x86_64", "3.11");

test("a wheel that requires another torch than it was built with is refused", () => {
  const pin = (lines: string[], form: "release" | "local" = "release"): string[] =>
    pinTorch(lines, "2.13.0+cpu", form, linux);
  expect(() => pin(["torch==2.12.0"])).toThrow(/built against torch 2\.13\.0/);
  expect(pin(["torch==2.13.0+cpu ; sys_platform == 'linux'", "torchvision"])).toEqual([
    "torch==2.13.0; sys_platform == 'linux'",
    "torchvision",
  ]);
  expect(pin(["torch==2.13.0"], "local")).toEqual(["torch==2.13.0+cpu"]);
  expect(pin(['torch==2.9.0; platform_machine == "s390x"'])).toEqual([
    'torch==2.9.0; platform_machine == "s390x"',
  ]);
});

test("a requirement by URL, which indexes refuse, goes from the metadata into the instructions", () => {
  const wheel = tinyWheel({
    name: "vllm",
    version: "1.0",
    metadata: [
      "Requires-Dist: torch==2.13.0+cpu",
      "Requires-Dist: torchvision",
      'Requires-Dist: triton @ https://example.org/triton-3.whl ; platform_machine == "x86_64"',
      'Requires-Dist: other @ https://example.org/other.whl ; platform_machine == "aarch64"',
      "Description-Content-Type: text/markdown\n\n# Thing\n",
    ].join("\n"),
  });
  const stamped = stampWheel(wheel.fileName, wheel.bytes, stamp);
  const { metadata } = openWheel(stamped.fileName, readZip(stamped.bytes));
  expect(allOf(metadata, "Requires-Dist")).toEqual(["torch==2.13.0", "torchvision"]);
  expect(metadata.body).toContain("https://example.org/triton-3.whl");
  expect(metadata.body).not.toContain("other.whl");
  expect(metadata.body).toContain("pip install torch==2.13.0+cpu torchvision --index-url");
  expect(stamped.companions).toEqual(["torchvision"]);
  expect(stamped.moved).toEqual(['triton @ https://example.org/triton-3.whl ; platform_machine == "x86_64"']);
});

describe("a wheel that was tampered with", () => {
  const changed = (
    change: (entries: typeof source.entries) => typeof source.entries,
    fileName = source.fileName,
  ) => factsOf(fileName, writeZip(change(source.entries.map((entry) => ({ ...entry }))), stamp.mtime));

  test("in one file", () => {
    const facts = changed((entries) =>
      entries.map((entry) =>
        entry.name.endsWith("__init__.py") ? { ...entry, data: Buffer.from("x = 2\n") } : entry,
      ),
    );
    expect(texts(facts.recordProblems)).toContain("another hash");
  });
  test("by a file that RECORD does not know", () => {
    const facts = changed((entries) => [
      { name: "evil.pth", data: Buffer.from("import os"), mode: 0o644 },
      ...entries,
    ]);
    expect(texts(facts.recordProblems)).toBe("evil.pth is not in RECORD");
  });
  test("by leaving a file out", () => {
    expect(texts(changed((entries) => entries.slice(1)).recordProblems)).toContain("not in the wheel");
  });
  test("by renaming it", () => {
    expect(texts(changed((entries) => entries, "other-1.2+cpu-py3-none-any.whl").nameProblems)).toContain(
      "the file name says other",
    );
    expect(texts(changed((entries) => entries, "some_thing-1.3-py3-none-any.whl").nameProblems)).toContain(
      "1.3",
    );
  });
  test("by another tag", () => {
    const facts = changed((entries) => entries, "some_thing-1.2+cpu-cp38-abi3-manylinux_2_28_x86_64.whl");
    expect(texts(facts.tagProblems)).toContain("WHEEL says py3-none-any");
  });
});

test.each(["", "x", "a.whl", "a-1-py3-none.whl", "../a-1-py3-none-any.whl", "a-1-py3-none-any.whl\n"])(
  "%j is no wheel's name",
  (name) => {
    expect(() => parseWheelFileName(name)).toThrow("NAME-VERSION");
  },
);

test("tags expand and compress", () => {
  const sets = { python: "cp38.cp39", abi: "abi3", platform: "manylinux2014_x86_64.manylinux_2_17_x86_64" };
  expect(compressTags(expandTags(sets))).toEqual(sets);
  expect(() => compressTags(["py2-none-any", "py3-abi3-any"])).toThrow("no product");
});

test("metadata keeps folded lines, and its body", () => {
  const text = "Name: a\nLicense: one\n        two\nName: b\n\nbody\n\nmore\n";
  expect(formatHeaders(parseHeaders(text, "METADATA"))).toBe(text);
  expect(oneOf(parseHeaders("NAME: x\r\n\r\nb", "M"), "name")).toBe("x");
});

test("RECORD quotes what needs it", () => {
  const lines = [{ path: 'a,"b".py', hash: "sha256=x", size: "1" }];
  expect(formatRecord(lines)).toBe('"a,""b"".py",sha256=x,1\n');
  expect(parseRecord(formatRecord(lines))).toEqual(lines);
});

test("requirements are read as pip's own packaging reads them", () => {
  const lines = [
    "torch",
    "torch==2.13.0+cpu",
    "a[x,y]>=1,<2; python_version<'3'",
    "b (>=1.0)",
    "c @ https://x/y.whl",
    "d~=1.4.2",
  ];
  const program =
    "import sys,json; from pip._vendor.packaging.requirements import Requirement as R; print(json.dumps([[r.name, sorted(r.extras), sorted(str(s) for s in r.specifier), r.url] for r in map(R, json.load(sys.stdin))]))";
  const theirs: unknown = JSON.parse(
    exec("python3", ["-c", program], { input: JSON.stringify(lines) }).stdout,
  );
  const ours = lines.map((line) => {
    const { name, extras, specifier, url } = parseRequirement(line);
    return [name, extras.toSorted(), specifier.split(",").filter(Boolean).sort(), url];
  });
  expect(ours).toEqual(theirs);
  expect(formatRequirement(parseRequirement("a [x] >= 1 ; m == 'n'"))).toBe("a[x]>=1; m == 'n'");
});

test.each([
  ["0.1.0", ".post1", "0.1.0.post1"],
  ["0.1.0+cpu", ".dev3", "0.1.0.dev3+cpu"],
])("%s with %s is %s", (version, suffix, expected) => expect(withSuffix(version, suffix)).toBe(expected));

test.each([".rc1", "post1", ".post", "+cpu", ".post1.post2", "; rm -rf /"])(
  "the suffix %j is refused",
  (suffix) => {
    expect(() => withSuffix("0.1.0", suffix)).toThrow("--version-suffix");
  },
);

test("an archive without dist-info is no wheel", () => {
  const bytes = writeZip([{ name: "a.py", data: Buffer.from(""), mode: 0o644 }], stamp.mtime);
  expect(() => openWheel("a-1-py3-none-any.whl", readZip(bytes))).toThrow("0 dist-info folders");
});
