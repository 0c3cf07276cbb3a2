import { afterAll, describe, expect, test } from "@jest/globals";
import { requirementFacts } from "../../src/verify/checks/requirements.ts";
import { fieldProblems } from "../../src/wheel/fields.ts";
import { parseHeaders } from "../../src/wheel/metadata.ts";
import { byPackaging, differing } from "../support/packaging.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

const metadata = (...lines: string[]): string =>
  `Metadata-Version: 2.3\nName: a\nVersion: 1\n${lines.map((line) => `${line}\n`).join("")}\nText.\n`;

/** Whether packaging, which pip and the upload index read metadata with, takes the document. */
const PACKAGING = `from packaging.metadata import Metadata
def ask(text):
    Metadata.from_email(text.encode(), validate=True)
    return True`;

const VALUES = [
  ...[
    "12",
    ">=3.10",
    ">= 3.10, <4",
    "",
    "~=3",
    "~=3.10",
    "==3.*",
    ">=3.*",
    ">3.10.dev0",
    "3.10",
    ">=3,",
    ",>=3",
    "=>3",
    "===3",
    "any",
  ].map((value) => `Requires-Python: ${value}`),
  ...["test", "a.b", "a_b", "-a", "a-", "a b", "é", ""].map((value) => `Provides-Extra: ${value}`),
];

test("fields that we take are those that packaging takes", () => {
  const documents = [
    ...VALUES.map((line) => metadata(line)),
    ...["a b", "-a", "a-", "é", "a..b"].map((name) => metadata().replace("Name: a", `Name: ${name}`)),
    ...["1.0", "x", "1-2", "2024.01.05", "1.0+a_b"].map((version) =>
      metadata().replace("Version: 1\n", `Version: ${version}\n`),
    ),
    ...["Requires-Python: >=3", "Summary: x", "Description-Content-Type: text/plain", "License: x"].map(
      (line) => metadata(line, line),
    ),
  ];
  const theirs = byPackaging<string, boolean>(PACKAGING, documents).map((answer) => answer === true);
  const wheel = parseHeaders("Wheel-Version: 1.0\nRoot-Is-Purelib: true\n", "WHEEL");
  const ours = (text: string): boolean =>
    fieldProblems(parseHeaders(text, "METADATA"), wheel).metadata.length === 0;
  expect(differing(documents, ours, theirs)).toEqual([]);
  expect(new Set(theirs)).toEqual(new Set([true, false]));
});

test("requirements whose marker no installer can read are told", () => {
  const lines = [
    "foo; python_version > '3'",
    "foo; python_versoin > '3'",
    "foo; platform_release >= '5'",
    "foo; platform_version == 'x' or implementation_version < '3.9'",
    "foo; os_name",
    "foo; extra == 'a' and",
    "foo; 'a' == 'b'",
    "foo; python_version > 3",
  ];
  const theirs = byPackaging<string, boolean>(
    "from packaging.requirements import Requirement\ndef ask(text):\n    Requirement(text)\n    return True",
    lines,
  ).map((answer) => answer === true);
  const ours = (line: string): boolean =>
    requirementFacts([line], ["cp311-cp311-manylinux_2_28_x86_64"]).unreadableRequirements.length === 0;
  // packaging's grammar lets two texts be compared; uv's and ours ask for a variable.
  const listed = ["foo; 'a' == 'b'"];
  expect(
    differing(
      lines.filter((line) => !listed.includes(line)),
      ours,
      theirs.filter((_, index) => !listed.includes(lines[index] ?? "")),
    ),
  ).toEqual([]);
});

describe("a requirement that depends on the machine's own system", () => {
  test("counts as one that holds", () => {
    const { torch } = requirementFacts(
      ["torch==2.13.0+cu130; platform_release > '0'"],
      ["cp311-cp311-manylinux_2_28_x86_64"],
    );
    expect(torch?.isLocal).toBe(true);
  });
});
