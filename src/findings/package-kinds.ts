import { z } from "zod";
import { file, kind, some } from "./kind.ts";

const RECORD_WORDS = {
  "listed-twice": "is listed twice",
  "not-in-the-wheel": "is listed, but not in the wheel",
  "no-hash": "has no hash",
  "no-size": "has no size",
  "weak-hash": "has a weak hash",
  "other-hash": "has another hash than RECORD says",
  "not-listed": "is not in RECORD",
} as const;

const ENTRY_POINT_WORDS = {
  "group-twice": (text: string) => `has the group ${text} twice`,
  "name-twice": (text: string) => `has the name ${text} twice in a group`,
  "bad-line": (text: string) => `has a bad line: ${text}`,
  "program-name": (text: string) => `makes a program named ${JSON.stringify(text)}`,
  "bad-value": (text: string) => `points at ${text}, which is no object (module:name)`,
  "others-program": (text: string) => `makes a program ${text}, which is another's`,
} as const;

const names = <T extends string>(words: Readonly<Record<T, unknown>>): T[] => Object.keys(words) as T[];

const ABI_REMEDY = (): string =>
  "Tag the oldest Python whose stable ABI has every symbol, or build for less.";

/** What can be wrong with a wheel as an archive, by name and by tag. */
export const PACKAGE_KINDS = {
  "archive-defect": kind(
    { file: file.nullable().describe("Null for the archive as a whole"), problem: z.string() },
    ({ file: path, problem }) => (path === null ? problem : `${path}: ${problem}`),
  ),
  "nested-archive": kind(
    { file, deepest: z.number() },
    ({ file: path, deepest }) =>
      `${path}, an archive in the wheel: archives are nested deeper than ${deepest}`,
  ),
  "unreadable-package": kind(
    { problem: z.string().describe("Why the dist-info folder can't be read") },
    ({ problem }) => problem,
  ),
  "record-entry": kind(
    {
      file,
      problem: z.enum(names(RECORD_WORDS)),
      found: z.string().nullable().describe("A weak hash's name"),
    },
    ({ file: path, problem, found }) =>
      `${path} ${RECORD_WORDS[problem]}${found === null ? "" : ` (${found})`}`,
  ),
  "record-size": kind(
    { file, expected: z.string().describe("What RECORD says"), found: z.number().describe("Bytes") },
    ({ file: path, expected, found }) => `${path} has ${found} bytes, RECORD says ${expected}`,
  ),
  "license-missing": kind(
    { file: file.describe("The licence file, as METADATA names it"), folder: z.string() },
    ({ file: path, folder }) => `METADATA names the licence file ${path}, which is not in ${folder}`,
  ),
  "header-count": kind(
    { header: z.string(), found: z.number().describe("Lines of METADATA; there must be one") },
    ({ header, found }) => `METADATA has ${found} lines ${header}`,
  ),
  "version-invalid": kind(
    { found: z.string().describe("The version in the file name") },
    ({ found }) => `the version ${found} of the file name is none that PEP 440 knows`,
  ),
  "name-differs": kind(
    {
      field: z.enum(["name", "version"]),
      expected: z.string().describe("What the file name says"),
      found: z.string().describe("What METADATA says"),
    },
    ({ expected, found }) => `the file name says ${expected}, METADATA ${found}`,
  ),
  "folder-of-another": kind(
    { found: z.string().describe("The dist-info folder"), expected: z.string().describe("Name and version") },
    ({ found, expected }) => `the folder ${found} does not belong to ${expected}`,
  ),
  "folder-spelling": kind(
    { found: z.string().describe("The dist-info folder"), expected: z.string() },
    ({ found, expected }) => `the folder is ${found}; indexes look for ${expected}`,
  ),
  "stray-file": kind({ file }, ({ file: path }) => `${path} is not the wheel's to bring`),
  "file-twice": kind(
    { file, other: z.string().describe("The entry, or the entry point, that is installed there, too") },
    ({ file: path, other }) => `${path} is installed where ${other} is`,
    () => "Leave one of them out: installers refuse it, or take the one or the other.",
  ),
  "startup-file": kind(
    { file },
    ({ file: path }) => `${path} runs at every start of Python`,
    () => "Leave it out: nothing of vLLM needs to run before it is imported.",
  ),
  "entry-point": kind(
    { problem: z.enum(names(ENTRY_POINT_WORDS)), found: z.string() },
    ({ problem, found }) => `entry_points.txt ${ENTRY_POINT_WORDS[problem](found)}`,
  ),
  "foreign-program": kind(
    { found: z.string().describe("The program"), expected: z.array(z.string()).describe("Names of its own") },
    ({ found, expected }) =>
      `it makes a program ${found}; its own are named after it: ${expected.join(", ")}`,
  ),
  "foreign-package": kind(
    {
      found: z.string().describe("Top level, in site-packages"),
      expected: z.array(z.string()).describe("What the variant may install"),
    },
    ({ found, expected }) => `it installs ${found}, which the manifest does not name: ${expected.join(", ")}`,
    () => "Name it under packages in a manifest of yours, or leave it out of the wheel.",
  ),
  "other-distribution": kind(
    { variant: z.string(), expected: z.string(), found: z.string() },
    ({ variant, expected, found }) => `the distribution is ${found}, variant ${variant} is ${expected}`,
  ),
  "tags-differ": kind(
    {
      expected: z.array(z.string()).describe("What the file name says"),
      found: z.array(z.string()).describe("What WHEEL says"),
    },
    ({ expected, found }) =>
      `the file name says ${expected.join(", ")}; WHEEL says ${found.join(", ") || "nothing"}`,
  ),
  "tags-unexpanded": kind(
    { found: z.array(z.string()).describe("What WHEEL says, several tags in one") },
    ({ found }) => `WHEEL has several tags in one: ${found.join(", ")}`,
    () => "Write each tag on a line of its own.",
  ),
  "build-differs": kind(
    {
      expected: z.string().nullable().describe("The file name's build tag"),
      found: z.string().nullable().describe("WHEEL's"),
    },
    ({ expected, found }) => `the file name has build ${expected}, WHEEL ${found}`,
  ),
  "wheel-version": kind(
    { found: z.string() },
    ({ found }) => `Wheel-Version is ${found || "missing"}, not 1.x`,
  ),
  "library-in-pure-wheel": kind(
    { file, claim: z.enum(["platform any", "Root-Is-Purelib"]) },
    ({ file: path, claim }) => `${claim}, yet it holds ${path}`,
  ),
  "library-for-one-python": kind(
    {
      file,
      expected: z.array(z.string()).describe("ABI tags of the wheel"),
      found: z.string().nullable().describe("ABI of the library's suffix; null for any one Python"),
    },
    ({ file: path, expected, found }) =>
      `tagged ${expected.join(", ")}, yet ${path} is for ${found === null ? "one Python version" : `${found} alone`}`,
  ),
  "library-for-other-platform": kind(
    {
      file,
      expected: z.array(z.string()).describe("Platforms of the wheel's tags, as suffixes name them"),
      found: z.string().describe("What the library's suffix names"),
    },
    ({ file: path, expected, found }) =>
      `${path} is for ${found}; no Python of ${expected.join(" or ")} looks for that name`,
  ),
  "bad-field": kind(
    {
      document: z.enum(["METADATA", "WHEEL"]),
      field: z.string(),
      found: z.string(),
      expected: z.string().describe("What it must be"),
    },
    ({ document, field, found, expected }) => `${document} has ${field}: ${found}; it must be ${expected}`,
  ),
  "outside-stable-abi": kind(
    { file, symbols: z.array(z.string()) },
    ({ file: path, symbols }) => `tagged abi3, yet ${path} wants ${some(symbols, 3)}, outside the stable ABI`,
    ABI_REMEDY,
  ),
  "newer-stable-abi": kind(
    {
      file,
      expected: z.number().describe("Oldest Python 3 minor version that the tag promises"),
      found: z.number().describe("Minor version whose stable ABI the library needs"),
    },
    ({ file: path, expected, found }) =>
      `tagged cp3${expected}-abi3, yet ${path} needs the stable ABI of Python 3.${found}`,
    ABI_REMEDY,
  ),
};
