import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { Header } from "tar";
import { unpackTar } from "../../src/host/archives.ts";
import { sha256Of } from "../../src/host/hash.ts";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { type RawEntry, rawZip } from "../support/raw-zip.ts";
import { exec } from "../support/run.ts";
import { equal, mutated, refusing, type Target } from "./property.ts";

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

/** Bytes of a local header before its name (APPNOTE 4.3.7), and a data descriptor's with its signature (4.3.9). */
const [HEADER, DESCRIPTOR] = [30, 16];

/**
 * What a reader sees that goes forward, as uv does while it downloads: local headers one after another, up to the directory.
 * Null for what none can read so.
 */
function forward(bytes: Buffer): [string, string][] | null {
  const found: [string, string][] = [];
  try {
    for (let at = 0; bytes.readUInt32LE(at) === 0x04034b50; ) {
      const [flags, method] = [bytes.readUInt16LE(at + 6), bytes.readUInt16LE(at + 8)];
      const nameEnd = at + HEADER + bytes.readUInt16LE(at + 26);
      const start = nameEnd + bytes.readUInt16LE(at + 28);
      const isStreamed = (flags & 8) !== 0;
      // Where the sizes come behind the data, only what is compressed says where it ends.
      const rest = isStreamed
        ? bytes.subarray(start)
        : bytes.subarray(start, start + bytes.readUInt32LE(at + 18));
      const { buffer, engine } = (method === 8
        ? inflateRawSync(rest, { info: true })
        : { buffer: rest, engine: { bytesWritten: rest.length } }) as unknown as {
        buffer: Buffer;
        engine: { bytesWritten: number };
      };
      found.push([bytes.toString("utf8", at + HEADER, nameEnd), sha256Of(buffer)]);
      at = start + (isStreamed ? engine.bytesWritten + DESCRIPTOR : rest.length);
    }
  } catch {
    return null;
  }
  return found;
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
/** One field of a header that says something else. */
const lie = fc.oneof(
  name.map((one) => ({ name: one })),
  short.map((flags) => ({ flags })),
  short.map((method) => ({ method })),
  long.map((crc) => ({ crc })),
  long.map((compressed) => ({ compressed })),
  long.map((size) => ({ size })),
  long.map((offset) => ({ offset })),
);
/** One thing that is odd about an entry. */
const oddity: fc.Arbitrary<Partial<RawEntry>> = fc.oneof(
  lie.map((local) => ({ local })),
  lie.map((central) => ({ central })),
  lie.map((both) => ({ local: both, central: both })),
  fc.constantFrom(0, 12).map((method) => ({ method })),
  fc.constantFrom(0o755, 0o120777).map((mode) => ({ mode })),
  fc.uint8Array({ maxLength: 4 }).map((behind) => ({ behind })),
  fc.uint8Array({ maxLength: 12 }).map((extra) => ({ extra })),
  fc.uint8Array({ maxLength: 12 }).map((centralExtra) => ({ centralExtra })),
  fc.string({ maxLength: 4 }).map((comment) => ({ comment })),
);
const entry = fc
  .tuple(name, fc.uint8Array({ maxLength: 40 }), fc.array(oddity, { maxLength: 2 }))
  .map(([of, data, odd]): RawEntry => Object.assign({ name: of, data }, ...odd));
const archive = fc.oneof(
  fc.array(entry, { maxLength: 4 }).map((entries) => rawZip(entries)),
  mutated(() =>
    rawZip([
      { name: "good/a.py", data: Buffer.from("x = 1\n") },
      { name: "good/b.py", data: Buffer.from("y = 2\n") },
    ]),
  ),
);

const plainPart = fc.constantFrom("a", "b");
const oddPart = fc.constantFrom("a", "b", ".", "..", "", "beside", "a/../..", "é", "a\\b");
/** Mostly plain: one entry that is refused hides what the others would have done. */
const below = (part: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(part, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const tarPath = fc.oneof(
  { weight: 8, arbitrary: below(plainPart).map((path) => `s/${path}`) },
  { weight: 2, arbitrary: below(oddPart).map((path) => `s/${path}`) },
  fc.tuple(fc.constantFrom("", "/", "./s/"), below(oddPart)).map((words) => words.join("")),
);
const linkTarget = fc.oneof(
  { weight: 4, arbitrary: below(fc.constantFrom("a", "b", ".", "..")) },
  tarPath,
  fc.constant("ROOM/beside"),
);
const tarEntry = fc.record({
  path: tarPath,
  type: fc.constantFrom("File", "File", "Directory", "SymbolicLink", "SymbolicLink", "Link", "FIFO"),
  target: linkTarget,
} as const);
type TarEntry = typeof tarEntry extends fc.Arbitrary<infer One> ? One : never;

/** A tar archive of entries as they are told, files of one byte. @param room what `ROOM` stands for */
function tarOf(entries: readonly TarEntry[], room: string): Buffer {
  const blocks = entries.flatMap(({ path, type, target }) => {
    const size = type === "File" ? 1 : 0;
    const linkpath = target.replace("ROOM", room);
    const header = new Header({ path, type, mode: 0o755, size, mtime: new Date(0), linkpath });
    const block = Buffer.alloc(512);
    header.encode(block, 0);
    return size === 0 ? [block] : [block, Buffer.concat([Buffer.from("x"), Buffer.alloc(511)])];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Everything below a folder but one entry of it, with what lies in it. */
function contents(folder: string, without: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((one) => join(one.parentPath, one.name))
    .filter((path) => path !== join(folder, without) && !path.startsWith(join(folder, without, "/")))
    .map((path) => `${path} ${lstatSync(path).isFile() ? readFileSync(path, "utf8") : ""}`)
    .sort();
}

/** Throws where unpacking writes outside of its folder, or leaves a link in it that leads out. */
async function demandInside(entries: readonly TarEntry[]): Promise<void> {
  const room = realpathSync(mkdtempSync(join(tmpdir(), "vcw-fuzz-")));
  try {
    mkdirSync(join(room, "beside", "a"), { recursive: true });
    writeFileSync(join(room, "beside", "b"), "untouched");
    writeFileSync(join(room, "a.tar"), tarOf(entries, room));
    const before = contents(room, "out");
    const out = join(room, "out");
    // A refusal says what is wrong with the archive; whatever it says, nothing may lie elsewhere.
    const isTaken = await unpackTar(join(room, "a.tar"), out, { strip: 1 }).then(
      () => true,
      () => false,
    );
    equal("outside of the folder", contents(room, "out"), before);
    if (!isTaken) return;
    for (const one of readdirSync(out, { recursive: true, withFileTypes: true })) {
      const path = join(one.parentPath, one.name);
      const real = one.isSymbolicLink() ? realOf(path) : null;
      if (real !== null && real !== out && !real.startsWith(`${out}/`))
        throw new Error(`${path} leads to ${real}`);
    }
  } finally {
    rmSync(room, { recursive: true });
  }
}

/** Where a link leads; null for nowhere. */
function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

export const ARCHIVES: readonly Target[] = [
  {
    name: "zip: what we take, Python's zipfile and a reader that goes forward read alike",
    runs: 5,
    property: fc.property(fc.array(archive, { minLength: 40, maxLength: 80 }), (archives) => {
      const theirs = zipfileReads(archives);
      for (const [index, bytes] of archives.entries()) {
        const ours = refusing(() => readZip(bytes).map((one) => [one.name, sha256Of(one.read())]));
        if (ours === null) continue;
        equal("archive", ours, theirs[index]);
        equal("read forward", ours.toSorted(), forward(bytes)?.toSorted());
      }
    }),
  },
  {
    name: "sdists: nothing lies outside of the folder that one is unpacked into",
    runs: 150,
    property: fc.asyncProperty(fc.array(tarEntry, { minLength: 1, maxLength: 4 }), demandInside),
  },
];
