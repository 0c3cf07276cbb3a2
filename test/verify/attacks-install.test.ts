import { afterAll } from "@jest/globals";
import { type Attack, filesLie, headerLie, testAttacks } from "../support/attacks.ts";
import { GOOD_INFO } from "../support/forge.ts";
import { removeScratch } from "../support/run.ts";

afterAll(removeScratch);

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
    "evil.pth",
    "EVIL.PTH",
    "torch/evil.py",
    "numpy.py",
    "sitecustomize.py",
    "good-1.0.data/purelib/x.pth",
    "good-1.0.data/scripts/python3",
    "good-1.0.data/scripts/pip",
    "good-1.0.data/data/lib/python3.11/site-packages/torch/x.py",
    "good-1.0.data/data/bin/python",
    "good-1.0.data/nowhere/x",
  ].map((path) => ({
    name: `the file ${path}`,
    lie: filesLie(path, "import os\n"),
    check: "name.agreement",
    evidence: /not the wheel's to bring/,
  })),
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
