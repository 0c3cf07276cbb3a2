import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { auditElf } from "../../src/elf/audit.ts";
import { readElf } from "../../src/elf/elf.ts";
import { auditExecutableData } from "../../src/elf/executable-data.ts";
import { askStatic } from "../../src/verify/checks/static-checks.ts";
import type { WheelFacts } from "../../src/verify/facts/facts.ts";
import { parsePolicy, resolvePolicy } from "../../src/verify/policy/policy.ts";
import { parseVerdict } from "../../src/verify/verdict/read-verdict.ts";
import { parseHeaders } from "../../src/wheel/metadata.ts";
import { parseRecord } from "../../src/wheel/record.ts";
import { demandPlainLines } from "../../src/wheel/strict-text.ts";
import { entryPoints } from "../../src/wheel/wheel-file.ts";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { factsOf } from "../support/facts.ts";
import { forge, GOOD_INFO, goodLibrary, type Lie } from "../support/forge.ts";
import { pythonSees } from "../support/python-readers.ts";
import { type RawEntry, rawZip } from "../support/raw-zip.ts";
import { exec, root } from "../support/run.ts";

/** One thing that an attacker writes and we read. */
export interface Target {
  name: string;
  property: fc.IProperty<unknown>;
  /** Runs of the short form, which takes some seconds. */
  runs: number;
}

/** What a reader makes of bytes: null where it refuses them, and a fault of ours is thrown on. */
function refusing<T>(read: () => T, isRefusal = (name: string): boolean => name === "FormatError"): T | null {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Error && isRefusal(thrown.constructor.name)) return null;
    throw thrown;
  }
}

function equal(what: string, ours: unknown, theirs: unknown): void {
  const [one, other] = [JSON.stringify(ours), JSON.stringify(theirs)];
  if (one !== other) throw new Error(`${what}: we see ${one}, they see ${other}`);
}

/** Bytes with some of them changed, cut short or moved. */
const mutated = (good: () => Uint8Array): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        kind: fc.constantFrom("set", "set", "set", "word", "huge", "cut", "repeat"),
        value: fc.nat(255),
      }),
      { minLength: 1, maxLength: 6 },
    )
    .map((changes) => {
      let bytes: Buffer = Buffer.from(good());
      for (const { at, kind, value } of changes) {
        const offset = Math.floor(at * bytes.length);
        if (kind === "set") bytes[offset] = value;
        else if (kind === "cut" && value < 40) bytes = bytes.subarray(0, offset);
        else if (kind === "repeat")
          bytes = Buffer.concat([bytes.subarray(0, offset), bytes.subarray(Math.max(0, offset - value))]);
        else if (offset + 8 <= bytes.length)
          bytes.writeBigUInt64LE(kind === "word" ? BigInt(value) : 2n ** 63n + BigInt(value), offset);
      }
      return bytes;
    });

/** Pieces of which readers could make different lines. */
const PIECES = [
  ..."\u2028 \u2029 \u0085 \v \f \x1c \x1d \x1e \r \ufeff \u00a0 \u200b".split(" "),
  ...["\n", "\r\n", "\n\n", "\t", " ", "é", "x", ",", "=", '"', "[", "]", ":", "\0"],
];
const textOf = (words: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(fc.constantFrom(...words, "\n"), fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })),
      {
        maxLength: 16,
      },
    )
    .map((parts) => parts.join(""));

type Kind = Parameters<typeof pythonSees>[0];

/** What we take of a text has the same meaning for Python's own readers. */
function asPythonReads(
  kind: Kind,
  file: string,
  words: readonly string[],
  agree: (text: string, theirs: unknown) => void,
): fc.IProperty<unknown> {
  return fc.property(fc.array(textOf(words), { minLength: 100, maxLength: 200 }), (texts) => {
    // Half a surrogate can't be handed to another program.
    const sound = texts.filter((text) => Buffer.from(text).toString() === text);
    const theirs = pythonSees(kind, sound);
    for (const [index, text] of sound.entries()) {
      const taken = refusing(() => {
        demandPlainLines(text, file, kind === "metadata");
        return true;
      });
      if (taken && theirs[index] !== null) refusing(() => agree(text, theirs[index]));
    }
  });
}

const plain = (value: string): string => value.replace(/\r\n/g, "\n").replace(/^[ \t\n]+|[ \t\n]+$/g, "");

/** What Python's zipfile, and through it pip, reads of archives: names with their bytes; null for what it refuses. */
function zipfileReads(archives: readonly Uint8Array[]): unknown[] {
  const folder = mkdtempSync(join(tmpdir(), "vcw-fuzz-"));
  try {
    for (const [index, bytes] of archives.entries()) writeFileSync(join(folder, `${index}.zip`), bytes);
    const program = `import hashlib, json, sys, zipfile
answers = []
for index in range(int(sys.argv[2])):
    try:
        with zipfile.ZipFile(f"{sys.argv[1]}/{index}.zip") as archive:
            answers.append([[i.filename, hashlib.sha256(archive.read(i)).hexdigest()] for i in archive.infolist()])
    except Exception:
        answers.append(None)
json.dump(answers, sys.stdout)`;
    const ran = exec("python3", ["-I", "-c", program, folder, String(archives.length)]);
    return JSON.parse(ran.stdout) as unknown[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const name = fc.oneof(
  fc.constantFrom(
    "good/a.py",
    "good/b.py",
    "../a",
    "/a",
    "good\\a",
    "good/",
    "good/a.py/",
    "a\0b",
    "é.py",
    "C:a",
  ),
  fc.string({ maxLength: 8 }),
);
const short = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 8, 12, 0xffff));
const long = fc.oneof(fc.nat(70_000), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1));
const lies = fc.record(
  { name, flags: short, method: short, crc: long, compressed: long, size: long, offset: long },
  { requiredKeys: [] },
);
const entry: fc.Arbitrary<RawEntry> = fc.record(
  {
    name,
    data: fc.uint8Array({ maxLength: 40 }),
    method: fc.constantFrom(0, 8, 8, 8, 12),
    mode: fc.constantFrom(0o644, 0o755, 0o120777),
    behind: fc.uint8Array({ maxLength: 4 }),
    extra: fc.uint8Array({ maxLength: 12 }),
    centralExtra: fc.uint8Array({ maxLength: 12 }),
    comment: fc.string({ maxLength: 4 }),
    local: lies,
    central: lies,
  },
  { requiredKeys: ["name", "data"] },
);
const archive = fc.oneof(
  fc
    .array(entry, { maxLength: 4 })
    .map((entries) =>
      rawZip(entries.map(({ method, ...rest }) => (method === undefined ? rest : { ...rest, method }))),
    ),
  mutated(() =>
    rawZip([
      { name: "good/a.py", data: Buffer.from("x = 1\n") },
      { name: "good/b.py", data: Buffer.from("y = 2\n") },
    ]),
  ),
);

/** A wheel with several lies at once. */
const wheelLie: fc.Arbitrary<Lie> = fc.record(
  {
    files: fc.dictionary(
      fc.constantFrom(
        ...[
          "torch/x.py",
          "opt_einsum.py",
          "a.pth",
          "good-1.0.data/scripts/git",
          "other-1.0.data/purelib/x.py",
        ],
        ...[`${GOOD_INFO}/entry_points.txt`, "good/b.so", "good/__init__.py", `${GOOD_INFO}/sboms/x.json`],
      ),
      textOf(["[console_scripts]", "git = a:b"]),
      { maxKeys: 3 },
    ),
    headers: fc.array(textOf(["Requires-Dist: torch", "Name: x", "Requires-Python: >=3"]), { maxLength: 3 }),
    info: fc.constantFrom(GOOD_INFO, "Good-1.0.dist-info", "good-1.0.0.dist-info", "x.dist-info"),
  },
  { requiredKeys: [] },
);

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const NO_GLOBS = { globs: [], matches: () => 0 };

/** Ways to come to an instruction that no sweep from the beginning meets. */
const hop = fc.oneof(
  fc.record({ kind: fc.constant("jump" as const), junk: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({ kind: fc.constant("branch" as const), junk: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({ kind: fc.constant("call" as const), junk: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({ kind: fc.constant("plain" as const), junk: fc.constant(new Uint8Array()) }),
);
const START = fc.constantFrom(".init_array", ".fini_array", ".data.rel.ro", "export");
/** What a symbol table says of code, which may be a lie. */
interface SymbolLie {
  type: string;
  /** Bytes. */
  size: number;
  /** Bytes behind the code's beginning. */
  at: number;
}

const SYMBOL: fc.Arbitrary<SymbolLie> = fc.record({
  type: fc.constantFrom("function", "object", "notype", "gnu_indirect_function"),
  size: fc.nat(40),
  at: fc.nat(2),
});

/** Assembly of a library that runs one AVX512 instruction behind these hops, where its loader leads to. */
function hiding(
  start: string,
  hops: readonly { kind: string; junk: Uint8Array }[],
  symbol: SymbolLie | null,
): string {
  const lines = hops.map(({ kind, junk }, index) => {
    const bytes = junk.length > 0 ? `.byte ${[...junk].join(",")}\n` : "";
    if (kind === "jump") return `jmp .L${index}\n${bytes}.L${index}:\n`;
    if (kind === "branch") return `xor %eax, %eax\njz .L${index}\n${bytes}.L${index}:\n`;
    if (kind === "call") return `call .L${index}\n${bytes}.L${index}: pop %rax\n`;
    return "nop\n";
  });
  const code = `8:\n${lines.join("")}vpaddd %zmm0, %zmm0, %zmm0\nret\n`;
  const head = ".text\n.globl f\n.type f,@function\nf: lea 3(%rdi), %eax\nret\n.size f,.-f\n";
  const visible = start === "export" ? ".globl g\n" : ".globl g\n.hidden g\n";
  const named = symbol
    ? `${visible}.type g,@${symbol.type}\n.set g,8b+${start === "export" ? 0 : symbol.at}\n.size g,${symbol.size}\n`
    : start === "export"
      ? ".globl g\n.set g,8b\n"
      : "";
  if (start === "export") return `${head}${code}${named}`;
  return `${head}${code}${named}.section ${start},"aw"\n.balign 8\n.quad 8b\n`;
}

function assembled(source: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "vcw-fuzz-"));
  try {
    writeFileSync(join(folder, "f.s"), source);
    const made = exec("gcc", ["-shared", "-nostdlib", "-o", "f.so", "f.s"], { cwd: folder });
    if (made.status !== 0) throw new Error(made.stderr);
    return readFileSync(join(folder, "f.so"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const proven = (): string =>
  JSON.stringify(
    (
      JSON.parse(readFileSync(join(root, "docs/verdict-vectors/cases/proven.json"), "utf8")) as {
        verdict: unknown;
      }
    ).verdict,
  );

/** What is fuzzed. Each target says what must hold of whatever is read; any other error than a refusal is a find. */
export const TARGETS: readonly Target[] = [
  {
    name: "zip: what we take, Python's zipfile reads alike",
    runs: 5,
    property: fc.property(fc.array(archive, { minLength: 40, maxLength: 80 }), (archives) => {
      const theirs = zipfileReads(archives);
      for (const [index, bytes] of archives.entries()) {
        const ours = refusing(() => readZip(bytes).map((one) => [one.name, sha256(one.read())]));
        if (ours !== null) equal("archive", ours, theirs[index]);
      }
    }),
  },
  {
    name: "METADATA: what we take has the headers that Python's e-mail parser sees",
    runs: 5,
    property: asPythonReads(
      "metadata",
      "METADATA",
      ["Name: a", "Requires-Dist: torch==2+cu130", "X-Y:z", " folded", "Requires-Dist: b"],
      (text, theirs) =>
        equal(
          JSON.stringify(text),
          parseHeaders(text, "METADATA").headers.map((one) => [one.name, plain(one.value)]),
          (theirs as [string, string][]).map(([key, value]) => [key, plain(value)]),
        ),
    ),
  },
  {
    name: "RECORD: what we take lists the files that importlib.metadata sees",
    runs: 5,
    property: asPythonReads(
      "record",
      "RECORD",
      ["a.py,sha256=x,1", "b.py,,", '"c,d.py",sha256=y,2'],
      (text, theirs) =>
        equal(
          JSON.stringify(text),
          parseRecord(text).map(({ path }) => path),
          theirs,
        ),
    ),
  },
  {
    name: "entry points: no program that importlib.metadata sees is missed",
    runs: 5,
    property: asPythonReads(
      "points",
      "entry_points.txt",
      ["[console_scripts]", "[other]", "git = a:b", "python3=a:b", "# c", "; d"],
      (text, theirs) => {
        const ours = new Set(entryPoints(text, "console_scripts"));
        const missed = (theirs as [string, string][])
          .filter(([group, point]) => group === "console_scripts" && point !== "")
          .filter(([, point]) => !ours.has(point));
        equal(JSON.stringify(text), [], missed);
      },
    ),
  },
  {
    name: "ELF and unwind tables: any bytes are read or refused",
    runs: 150,
    property: fc.property(mutated(goodLibrary), (bytes) => {
      refusing(() => {
        const elf = readElf(bytes);
        auditElf(bytes, elf, NO_GLOBS);
        auditExecutableData(bytes, elf);
      });
    }),
  },
  {
    name: "machine code: what a loader leads to is found, whatever lies before it",
    runs: 40,
    property: fc.property(
      START,
      fc.array(hop, { maxLength: 4 }),
      fc.option(SYMBOL, { nil: null }),
      (start, hops, symbol) => {
        const bytes = assembled(hiding(start, hops, symbol));
        const { found, unattributed } = auditElf(bytes, readElf(bytes), NO_GLOBS);
        const count = [found, unattributed.found, unattributed.data].reduce(
          (sum, one) => sum + (one["avx512f"] ?? 0),
          0,
        );
        if (count === 0) throw new Error(`the instruction behind ${start} is not seen`);
      },
    ),
  },
  {
    name: "wheels: any lies together are answered",
    runs: 60,
    property: fc.property(wheelLie, fc.option(mutated(goodLibrary), { nil: null }), (lie, library) => {
      const { fileName, bytes } = forge({
        ...lie,
        files: { ...lie.files, ...(library === null ? {} : { "good/_C.so": library }) },
      });
      const facts: WheelFacts = { ...factsOf(fileName, bytes), audits: [] };
      for (const { id, result, findings } of askStatic(facts, null))
        if (result === "fail" && findings.length === 0) throw new Error(`${id} fails without a finding`);
    }),
  },
  {
    name: "verdicts: any text is one or is refused",
    runs: 300,
    property: fc.property(
      mutated(() => Buffer.from(proven())),
      (bytes) => {
        parseVerdict("made", bytes.toString("latin1"));
      },
    ),
  },
  {
    name: "policies: any text is one or is refused",
    runs: 150,
    property: fc.property(
      mutated(() => readFileSync(join(root, "policy.yml"))),
      (bytes) => {
        refusing(
          () => resolvePolicy(parsePolicy("policy.yml", bytes.toString("latin1"))),
          (kind) => kind === "WheelsError",
        );
      },
    ),
  },
];
