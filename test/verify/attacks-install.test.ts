import { afterAll } from "@jest/globals";
import { type Attack, filesLie, headerLie, testAttacks } from "../support/attacks.ts";
import { GOOD_INFO, goodLibrary } from "../support/forge.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

/** What is the end of a line for some readers and a character for others. */
const SEPARATORS = [
  ["U+2028", "\u2028"],
  ["U+2029", "\u2029"],
  ["U+0085", "\u0085"],
  ["a vertical tab", "\v"],
  ["a form feed", "\f"],
  ["a file separator", "\x1c"],
  ["a carriage return alone", "\r"],
] as const;

const INSTALL: Attack[] = [
  ...[
    "torch==2.13.0+cpu",
    "TORCH==2.13.0+CPU",
    "torch\n ==2.13.0+cpu",
    "torch (==2.13.0+cpu)",
    "torch===2.13.0+cpu",
    "torch@https://example.org/t.whl",
    'torch==2.13.0+cpu; python_full_version > "3.11.4"',
    'torch==2.13.0+cpu; platform_machine in "x86_64 aarch64"',
    "t\u043erch==2.13.0+cpu",
    "torch==2.13.0 +cpu",
    "torch ==",
    "-e torch",
  ].map((line) => ({
    name: `the requirement ${JSON.stringify(line)}`,
    lie: headerLie(`Requires-Dist: ${line}`),
    check: "metadata.torch-requirement",
    evidence: /t.rch/i,
  })),
  {
    name: "a header in another case",
    lie: headerLie("requires-dist: torch==2.13.0+cpu"),
    check: "metadata.torch-requirement",
    evidence: /\+cpu/,
  },
  {
    name: "instructions that no reader sees",
    lie: { metadata: (text) => text.replace(/\n\n(.*)\n$/s, "\n\nRead on.\n<!-- $1 -->\n") },
    check: "metadata.cpu-instructions",
    evidence: /does not say/,
  },
  {
    name: "a second dist-info",
    lie: filesLie("other-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"),
    check: "name.agreement",
    evidence: /2 dist-info folders/,
  },
  {
    name: "METADATA in another case",
    lie: filesLie(`${GOOD_INFO}/metadata`, "Name: x\n"),
    check: "zip.integrity",
    evidence: /only in case/,
  },
  {
    name: "a dist-info that indexes don't find",
    lie: { info: "Good-1.0.dist-info" },
    check: "name.agreement",
    evidence: /indexes look for/,
  },
  { name: "two names", lie: headerLie("Name: other"), check: "name.agreement", evidence: /2 lines Name/ },
  {
    name: "a file named RECORD that no hash covers",
    lie: {
      files: { "good/RECORD": "x" },
      record: (text) => text.replace(/^good\/RECORD,.*$/m, "good/RECORD,,"),
    },
    check: "record.hashes",
    evidence: /good\/RECORD has no hash/,
  },
  {
    name: "a weak hash",
    lie: { record: (text) => text.replace(/sha256=[^,]*/, "md5=AAAA") },
    check: "record.hashes",
    evidence: /weak hash/,
  },
  ...[
    "torch/evil.py",
    "numpy.py",
    "sitecustomize.py",
    "good-1.0.data/scripts/python3",
    "good-1.0.data/scripts/pip",
    "good-1.0.data/data/lib/python3.11/site-packages/torch/x.py",
    "good-1.0.data/data/bin/python",
    "good-1.0.data/nowhere/x",
    "typing_extensions.py",
    "_distutils_hack/__init__.py",
    "pip/__init__.py",
    "setuptools/_x.py",
    "pkg_resources.py",
    "certifi/cacert.pem",
    "packaging/version.py",
    "uv/__init__.py",
    "good-1.0.data/platlib/wheel/__init__.py",
    "good-1.0.data/purelib/requests-99.0.dist-info/METADATA",
    "good-1.0.data/platlib/requests-99.0.egg-info",
    "good-1.0.data/data/sbin/ls",
    "good-1.0.data/data/lib64/python3.11/x.py",
    "good-1.0.data/scripts/pydoc3",
    "good-1.0.data/scripts/python3-config",
    "good-1.0.data/scripts/uvx",
  ].map((path) => ({
    name: `the file ${path}`,
    lie: filesLie(path, "import os\n"),
    check: "name.agreement",
    evidence: /not the wheel's to bring/,
  })),
  ...["evil.pth", "EVIL.PTH", "good-1.0.data/purelib/x.pth"].map((path) => ({
    name: `the file ${path}`,
    lie: filesLie(path, "import os\n"),
    check: "name.agreement",
    evidence: /runs at every start of Python/,
  })),
  ...["good-1.0.data/scripts/git", "good-1.0.data/scripts/goodness"].map((path) => ({
    name: `the program ${path}, which is not named after the variant`,
    lie: filesLie(path, "#!python\n"),
    check: "name.agreement",
    evidence: /its own are named after it: good/,
  })),
  ...["python3", "pip", "pip3.11", "uv", "activate"].map((name) => ({
    name: `an entry point that makes ${name}`,
    lie: filesLie(`${GOOD_INFO}/entry_points.txt`, `[console_scripts]\n${name} = good:f\n`),
    check: "name.agreement",
    evidence: /which is another's/,
  })),
  {
    name: "an entry point that makes git",
    lie: filesLie(`${GOOD_INFO}/entry_points.txt`, "[gui_scripts]\ngit = good:f\n"),
    check: "name.agreement",
    evidence: /it makes a program git/,
  },
  ...SEPARATORS.flatMap(([name, character]) => [
    {
      name: `a header behind ${name} that would be a description`,
      lie: {
        metadata: (text: string) =>
          text.replace("\n\n", `\nX: y${character}${character}\nRequires-Dist: nvidia-x\n\n`),
      },
      check: "name.agreement",
      evidence: /METADATA: line 5 holds U\+/,
    },
    {
      name: `a program behind ${name}`,
      lie: filesLie(`${GOOD_INFO}/entry_points.txt`, `# x${character}[console_scripts]\npython3 = good:f\n`),
      check: "name.agreement",
      evidence: /entry_points\.txt: line 1 holds U\+/,
    },
    {
      name: `a tag behind ${name}`,
      lie: { wheel: (text: string) => `${text.trimEnd()}${character}Tag: py3-none-any\n` },
      check: "tags.agreement",
      evidence: /WHEEL: line 4 holds U\+/,
    },
    {
      name: `a file in RECORD behind ${name}`,
      lie: { record: (text: string) => text.replace(",", `${character},`) },
      check: "record.hashes",
      evidence: /RECORD: line 1 holds U\+/,
    },
  ]),
  ...["METADATA", "WHEEL", "RECORD"].map((file) => ({
    name: `a byte order mark before ${file}`,
    lie:
      file === "RECORD"
        ? { record: (text: string) => `\ufeff${text}` }
        : file === "WHEEL"
          ? { wheel: (text: string) => `\ufeff${text}` }
          : { metadata: (text: string) => `\ufeff${text}` },
    check: "name.agreement",
    evidence: /line 1 holds U\+FEFF/,
  })),
  {
    name: "entry points in another encoding",
    lie: filesLie(
      `${GOOD_INFO}/entry_points.txt`,
      Buffer.from("[console_scripts]\n\xff = good:f\n", "latin1"),
    ),
    check: "name.agreement",
    evidence: /it is no UTF-8 text/,
  },
  ...["hello", "good", "good:", "good:f g", "good:f [x", "1 2:f", ""].map((value) => ({
    name: `a program that is ${JSON.stringify(value)}`,
    lie: filesLie(`${GOOD_INFO}/entry_points.txt`, `[console_scripts]\ngood = ${value}\n`),
    check: "name.agreement",
    evidence: /which is no object/,
  })),
  {
    name: "an entry point of a plugin group that is none",
    lie: filesLie(`${GOOD_INFO}/entry_points.txt`, "[vllm.general_plugins]\nx = good f\n"),
    check: "name.agreement",
    evidence: /which is no object/,
  },
  ...["Requires-Python: 12", "Requires-Python: >=3.10\nRequires-Python: >=3.11", "Provides-Extra: a b"].map(
    (line) => ({
      name: `the field ${JSON.stringify(line)}`,
      lie: headerLie(line),
      check: "name.agreement",
      evidence: /METADATA has (Requires-Python|Provides-Extra)/,
    }),
  ),
  {
    name: "a marker on a variable that is none",
    lie: headerLie("Requires-Dist: foo; python_versoin > '3'"),
    check: "metadata.torch-requirement",
    evidence: /python_versoin/,
  },
  ...["Root-Is-Purelib: maybe", ""].map((line) => ({
    name: `WHEEL with ${line || "no Root-Is-Purelib"}`,
    lie: { wheel: (text: string) => text.replace("Root-Is-Purelib: false\n", line && `${line}\n`) },
    check: "tags.agreement",
    evidence: /WHEEL has Root-Is-Purelib/,
  })),
  ...[
    "_x.cpython-311-x86_64-linux-musl.so",
    "_x.cpython-311-aarch64-linux-gnu.so",
    "_x.cpython-311-darwin.so",
  ].map((name) => ({
    name: `the library ${name}`,
    lie: filesLie(`good/${name}`, goodLibrary()),
    check: "tags.agreement",
    evidence: /no Python of x86_64-linux-gnu looks for that name/,
  })),
  {
    name: "RECORD with a quote that never ends",
    lie: { record: (text: string) => `"${"a".repeat(8 * 1024 * 1024)}\n${text}` },
    check: "record.hashes",
    evidence: /bad line/,
  },
  ...["../../evil = good:f", "a/b = good:f"].map((line) => ({
    name: `the entry point ${line}`,
    lie: filesLie(`${GOOD_INFO}/entry_points.txt`, `[console_scripts]\n${line}\n`),
    check: "name.agreement",
    evidence: /makes a program named/,
  })),
  {
    name: "a licence file that is not there",
    lie: {
      metadata: (text) =>
        text.replace("Version: 2.1", "Version: 2.4").replace("\n\n", "\nLicense-File: LICENSE\n\n"),
    },
    check: "record.hashes",
    evidence: /licence file LICENSE/,
  },
];

testAttacks(INSTALL);
