import { firstLie, forge, GOOD_INFO, type Lie } from "../support/forge.ts";

/** A wheel that readers are asked about. */
export interface Case {
  kind: "archive" | "dist-info" | "WHEEL" | "METADATA" | "RECORD" | "entry points" | ".data" | "file name";
  name: string;
  lie: Lie;
}

const NAME = "good-1.0-py3-none-any.whl";
/** Python alone: no reader minds on which machine it is asked. */
const PURE: Lie = {
  fileName: NAME,
  files: { "good/_C.so": null },
  wheel: (text) => text.replace("false", "true"),
};

/** A wheel of Python alone, with a lie in it. */
export function made({ lie }: Case): ReturnType<typeof forge> {
  const wheel = (text: string): string => {
    const pure = PURE.wheel?.(text) ?? text;
    return lie.wheel?.(pure) ?? pure;
  };
  return forge({ ...PURE, ...lie, wheel, files: { ...PURE.files, ...lie.files } });
}

type Named = Readonly<Record<string, Lie>>;

const kind = (of: Case["kind"], cases: Named): Case[] =>
  Object.entries(cases).map(([name, lie]) => ({ kind: of, name, lie }));

const header = (...headers: string[]): Lie => ({ headers });
/** METADATA as it is told, its headers whole. */
const metadata = (text: string): Lie => ({ metadata: () => text });
const replaced = (from: string | RegExp, to: string): Lie => ({ metadata: (text) => text.replace(from, to) });
const wheelLine = (from: string | RegExp, to: string): Lie => ({ wheel: (text) => text.replace(from, to) });
const record = (change: (text: string) => string): Lie => ({ record: change });
const points = (text: string | Uint8Array): Lie => ({ files: { [`${GOOD_INFO}/entry_points.txt`]: text } });
const script = (line: string): Lie => points(`[console_scripts]\n${line}\n`);
const file = (path: string, data = "x = 1\n"): Lie => ({ files: { [path]: data } });
const newer = (version: string): Lie => replaced("Metadata-Version: 2.1", `Metadata-Version: ${version}`);
const licensed = (line: string): Lie => ({
  metadata: (text) =>
    text.replace("Metadata-Version: 2.1", "Metadata-Version: 2.4").replace("\n\n", `\n${line}\n\n`),
});

/** Every case; what is said of each is asked of the readers themselves. */
export const CASES: readonly Case[] = [
  ...kind("archive", {
    "the plain wheel": {},
    "stored, not deflated": { zip: (entries) => entries.map((entry) => ({ ...entry, method: 0 })) },
    "a wrong CRC": firstLie((entry) => ({ ...entry, local: { crc: 1 }, central: { crc: 1 } })),
    "a wrong CRC in the local header alone": firstLie((entry) => ({ ...entry, local: { crc: 1 } })),
    "another name in the local header": firstLie((entry) => ({
      ...entry,
      local: { name: "good/__init_.py" },
    })),
    "a wrong size": firstLie((entry) => ({ ...entry, central: { size: 99 } })),
    "an unknown method": firstLie((entry) => ({ ...entry, local: { method: 97 }, central: { method: 97 } })),
    encrypted: firstLie((entry) => ({ ...entry, flags: 1 })),
    "two entries of one name": { zip: ([entry, ...rest]) => (entry ? [entry, entry, ...rest] : rest) },
    "bytes before it": { bytes: (bytes) => Buffer.concat([Buffer.from("#!/bin/sh\n"), bytes]) },
    "bytes behind it": { bytes: (bytes) => Buffer.concat([bytes, Buffer.from("xxxx")]) },
    "cut short": { bytes: (bytes) => bytes.subarray(0, bytes.length - 9) },
    empty: { bytes: () => new Uint8Array() },
    "no archive": { bytes: () => Buffer.from("x".repeat(500)) },
    "a link": firstLie((entry) => ({ ...entry, mode: 0o120777 })),
    "a path that goes up": file("../outside.py"),
    "an absolute path": file("/tmp/outside.py"),
    "a path with a backslash": file("good\\inside.py"),
    "a path with a drive": file("C:/inside.py"),
    "an entry for a folder": {
      zip: (entries) => [{ name: "good/", data: new Uint8Array(), method: 0 }, ...entries],
    },
    "a comment of an entry": firstLie((entry) => ({ ...entry, comment: "hello" })),
  }),
  ...kind("dist-info", {
    "no METADATA": { files: { [`${GOOD_INFO}/METADATA`]: null } },
    "no WHEEL": { files: { [`${GOOD_INFO}/WHEEL`]: null } },
    "no RECORD": { zip: (entries) => entries.slice(0, -1) },
    "no dist-info": { zip: (entries) => entries.slice(0, 1) },
    "a second dist-info": file(
      "other-1.0.dist-info/METADATA",
      "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n",
    ),
    "a folder of another name": { info: "other-1.0.dist-info" },
    "a folder of another version": { info: "good-2.0.dist-info" },
    "a folder in capitals": { info: "Good-1.0.dist-info" },
    "a folder of an equal version": { info: "good-1.dist-info" },
  }),
  ...kind("WHEEL", {
    "a newer minor version": wheelLine("1.0", "1.9"),
    "a newer major version": wheelLine("1.0", "2.0"),
    "a version that is none": wheelLine("1.0", "one"),
    "no version": wheelLine("Wheel-Version: 1.0\n", ""),
    "no Root-Is-Purelib": wheelLine("Root-Is-Purelib: true\n", ""),
    "Root-Is-Purelib: maybe": wheelLine("true", "maybe"),
    "Root-Is-Purelib: TRUE": wheelLine("true", "TRUE"),
    "no tag": wheelLine(/Tag: .*\n/, ""),
    "another tag": wheelLine("py3-none-any", "py2-none-any"),
    "a byte order mark": { wheel: (text) => `\ufeff${text}` },
    "a line separator": wheelLine("test", "te\u2028st"),
    "carriage returns": { wheel: (text) => text.replaceAll("\n", "\r\n") },
    empty: { wheel: () => "" },
  }),
  ...kind("METADATA", {
    "another name": replaced("Name: good", "Name: other"),
    "a name in capitals": replaced("Name: good", "Name: Good"),
    "no name": replaced("Name: good\n", ""),
    "a name that is none": replaced("Name: good", "Name: -good-"),
    "no version": replaced("Version: 1.0\n", ""),
    "another version": replaced("Version: 1.0", "Version: 2.0"),
    "an equal version": replaced("\nVersion: 1.0", "\nVersion: 1.0.0"),
    "a version that is none": replaced("\nVersion: 1.0", "\nVersion: one"),
    "no Metadata-Version": replaced("Metadata-Version: 2.1\n", ""),
    "Metadata-Version 1.0": newer("1.0"),
    "Metadata-Version 2.5": newer("2.5"),
    "Metadata-Version 3.0": newer("3.0"),
    "Metadata-Version x": newer("x"),
    "no body": metadata("Metadata-Version: 2.1\nName: good\nVersion: 1.0\n"),
    "a byte order mark": { metadata: (text) => `\ufeff${text}` },
    "carriage returns": { metadata: (text) => text.replaceAll("\n", "\r\n") },
    "a line separator in a header": header("Summary: one\u2028two"),
    "a line without a colon": header("what is this"),
    empty: metadata(""),
    "Requires-Python >=3.8": header("Requires-Python: >=3.8"),
    "Requires-Python 12": header("Requires-Python: 12"),
    "Requires-Python three": header("Requires-Python: three"),
    "a requirement": header("Requires-Dist: foo>=1,<2"),
    "a requirement in parentheses": header("Requires-Dist: foo (>=1)"),
    "a requirement of an extra": header("Provides-Extra: x", "Requires-Dist: foo; extra == 'x'"),
    "a requirement by URL": header("Requires-Dist: foo @ https://example.org/foo-1.0-py3-none-any.whl"),
    "a requirement of two words": header("Requires-Dist: foo bar"),
    "a requirement of nothing": header("Requires-Dist: "),
    "a marker on no variable": header("Requires-Dist: foo; python_versoin > '3'"),
    "a marker that is cut": header("Requires-Dist: foo; python_version >"),
    "a wildcard with >=": header("Requires-Dist: foo>=1.*"),
    "a local version with >=": header("Requires-Dist: foo>=1.0+cpu"),
    "a compatible release of one part": header("Requires-Dist: foo~=1"),
    "an arbitrary version that is a version": header("Requires-Dist: foo===1.0"),
    "an arbitrary version for Python": header("Requires-Python: ===three"),
    "an arbitrary version": header("Requires-Dist: foo===1.0.whatever"),
    "an extra that is none": header("Provides-Extra: a b"),
    "an extra of other spelling": header("Provides-Extra: A_b"),
    "a content type": header("Description-Content-Type: text/html"),
    "a charset": header("Description-Content-Type: text/plain; charset=latin-1"),
    "a variant of Markdown": header("Description-Content-Type: text/markdown; variant=Pandoc"),
    "a summary of two lines": header("Summary: one\n  two"),
    "two summaries": header("Summary: one", "Summary: two"),
    "a URL without a label": header("Project-URL: https://example.org"),
    "a licence": licensed("License-Expression: MIT OR Apache-2.0"),
    "a licence that is cut": licensed("License-Expression: MIT OR"),
    "a licence of nobody": licensed("License-Expression: Own-1.0"),
    "a licence of an older version": header("License-Expression: MIT"),
    "a licence's file that is not there": licensed("License-File: LICENSE"),
    "a licence's file outside": licensed("License-File: ../LICENSE"),
    "a dynamic field of nobody": licensed("Dynamic: Colour"),
    "a dynamic field": licensed("Dynamic: Requires-Dist"),
    "a dynamic name": licensed("Dynamic: Name"),
    "a field of nobody": header("Colour: blue"),
  }),
  ...kind("RECORD", {
    "a file that is not listed": record((text) => text.replace(/^good\/__init__.*\n/m, "")),
    "a file that is not there": record(
      (text) => `gone.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n${text}`,
    ),
    "a wrong hash": record((text) => text.replace(/sha256=.../, "sha256=AAA")),
    "a wrong size": record((text) => text.replace(",6\n", ",7\n")),
    "no size": record((text) => text.replace(",6\n", ",\n")),
    "no hash": record((text) => text.replace(/^(good\/__init__\.py),[^,]*,6/m, "$1,,")),
    md5: record((text) => text.replace(/^(good\/__init__\.py),[^,]*/m, "$1,md5=fwAZTx9YzWgZ1KfVdNBhkg")),
    "an algorithm of nobody": record((text) => text.replace(/^(good\/__init__\.py),[^,]*/m, "$1,own=abc")),
    "a line of two fields": record((text) => text.replace(",6\n", "\n")),
    "a line of four fields": record((text) => text.replace(",6\n", ",6,7\n")),
    "a line twice": record((text) => text.replace(/^(good\/__init__.*\n)/m, "$1$1")),
    "carriage returns": record((text) => text.replaceAll("\n", "\r\n")),
    "a byte order mark": record((text) => `\ufeff${text}`),
    "quoted fields": record((text) => text.replace("good/__init__.py", '"good/__init__.py"')),
    "an open quote": record((text) => text.replace("good/__init__.py", '"good/__init__.py')),
    "an empty line": record((text) => `${text}\n`),
    "an empty line first": record((text) => `\n${text}`),
    "no line break at its end": record((text) => text.trimEnd()),
    "an absolute path": record((text) => text.replace("good/__init__.py", "/good/__init__.py")),
    "a path with a backslash": record((text) => text.replace("good/__init__.py", "good\\__init__.py")),
    empty: record(() => ""),
  }),
  ...kind("entry points", {
    "a program": script("goodly = good:main"),
    "an attribute of an attribute": script("goodly = good.sub:Main.run"),
    "a program with an extra": script("goodly = good:main [x]"),
    "no object": script("goodly = good"),
    "a word": script("goodly = hello world"),
    "no value": script("goodly ="),
    "no equals": script("goodly"),
    "an empty attribute": script("goodly = good:"),
    "an empty module": script("goodly = :main"),
    "a name with blanks": script("good ly = good:main"),
    "a name with a slash": script("../goodly = good:main"),
    "a name of two groups": points("[console_scripts]\na = good:a\n[gui_scripts]\na = good:b\n"),
    "a program that is a script, too": {
      files: {
        [`${GOOD_INFO}/entry_points.txt`]: "[console_scripts]\ngoodly = good:main\n",
        "good-1.0.data/scripts/goodly": "#!python\nprint(1)\n",
      },
    },
    "a name twice": script("goodly = good:main\ngoodly = good:other"),
    "a line before any group": points("goodly = good:main\n"),
    "a group twice": points("[console_scripts]\na = good:a\n[console_scripts]\nb = good:b\n"),
    "a group of nobody": points("[nobody.knows]\nx = good\n"),
    "a comment": points("# hello\n; hello\n[console_scripts]\ngoodly = good:main\n"),
    "a byte order mark": points("\ufeff[console_scripts]\ngoodly = good:main\n"),
    "no UTF-8": points(Buffer.from("[console_scripts]\ngoodly = g\xf6od:main\n", "latin1")),
    empty: points(""),
  }),
  ...kind(".data", {
    purelib: file("good-1.0.data/purelib/good/more.py"),
    platlib: file("good-1.0.data/platlib/good/more.py"),
    scripts: file("good-1.0.data/scripts/goodly", "#!python\nprint(1)\n"),
    headers: file("good-1.0.data/headers/good.h", "int x;\n"),
    data: file("good-1.0.data/data/share/good.txt", "x\n"),
    "a key of nobody": file("good-1.0.data/weird/x.py"),
    "a file without a key": file("good-1.0.data/x.py"),
    "another name": file("other-1.0.data/purelib/x.py"),
    "another version": file("good-2.0.data/purelib/x.py"),
    "a path that goes up": file("good-1.0.data/data/../../x.py"),
    "a file in purelib and platlib": {
      files: { "good-1.0.data/purelib/x.py": "x = 1\n", "good-1.0.data/platlib/x.py": "x = 2\n" },
    },
    "a file that is there already": file("good-1.0.data/purelib/good/__init__.py", "x = 2\n"),
  }),
  ...kind("file name", {
    "a build tag": { fileName: "good-1.0-1-py3-none-any.whl" },
    "a build tag that begins with a letter": { fileName: "good-1.0-a1-py3-none-any.whl" },
    "two tags": {
      fileName: "good-1.0-py2.py3-none-any.whl",
      wheel: (text) => text.replace(/Tag: .*\n/, "Tag: py2-none-any\nTag: py3-none-any\n"),
    },
    capitals: { fileName: "Good-1.0-py3-none-any.whl" },
    "another name": { fileName: "other-1.0-py3-none-any.whl" },
    "another version": { fileName: "good-2.0-py3-none-any.whl" },
    "an equal version": { fileName: "good-1.0.0-py3-none-any.whl" },
    "a version that is none": { fileName: "good-one-py3-none-any.whl" },
    "too few parts": { fileName: "good-1.0-py3-none.whl" },
    "too many parts": { fileName: "good-1.0-1-2-py3-none-any.whl" },
  }),
];
