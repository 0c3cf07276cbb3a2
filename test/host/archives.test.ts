import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { unpackTar } from "../../src/host/archives.ts";
import { exec } from "../support/run.ts";

const top = mkdtempSync(join(tmpdir(), "archives-"));
afterAll(() => rmSync(top, { recursive: true }));

/** Entries in Python's words: `a(name, type, target, data)`; a type is tarfile's letter. */
const MAKE = `
import io, sys, tarfile
archive = tarfile.open(sys.argv[1], "w:gz", format=getattr(tarfile, sys.argv[2]))
top = sys.argv[4]
def a(name, kind="0", target="", data=b"x", pax=None, mode=0o644):
    info = tarfile.TarInfo(name)
    info.type = kind.encode()
    info.linkname = target
    info.mode = mode
    if pax: info.pax_headers = pax
    info.size = len(data) if kind in "07" else 0
    archive.addfile(info, io.BytesIO(data))
exec(sys.argv[3])
archive.close()
`;

let room = "";
let count = 0;

/** A folder of tripwires: whatever is written beside \`out\`, or into what lies there, is seen. */
beforeEach(() => {
  room = join(top, String(count++));
  mkdirSync(join(room, "beside", "deep"), { recursive: true });
  writeFileSync(join(room, "beside", "tripwire"), "untouched");
  writeFileSync(join(room, "beside", "deep", "tripwire"), "untouched");
});

function archiveOf(entries: string, format = "PAX_FORMAT"): string {
  const path = join(room, "a.tar.gz");
  const { status, stderr } = exec("python3", ["-c", MAKE, path, format, entries, room]);
  if (status !== 0) throw new Error(stderr);
  return path;
}

function tripwires(): unknown {
  const all = readdirSync(room, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name).slice(room.length + 1))
    .filter((name) => !name.startsWith("out/") && name !== "out" && name !== "a.tar.gz")
    .sort();
  return [
    all,
    all
      .filter((name) => lstatSync(join(room, name)).isFile())
      .map((name) => readFileSync(join(room, name), "utf8")),
  ];
}

const REFUSED: [string, string, string?][] = [
  ["a link to a link that leaves", "a('s/a','2','.'); a('s/b','2','a/..'); a('s/b/beside/tripwire')"],
  ["a link that leaves", "a('s/a','2','../../beside'); a('s/a/tripwire')"],
  ["a link that leaves from a folder", "a('s/d/a','2','../../beside')"],
  ["an absolute link", "a('s/a','2',top+'/beside'); a('s/a/tripwire')"],
  ["an entry below a link that stays", "a('s/d/x'); a('s/a','2','d'); a('s/a/y')"],
  ["a link through a folder that becomes a link", "a('s/p/q/a','2','b/../../x'); a('s/p/q/b','2','../..')"],
  ["a file in place of a link", "a('s/a','2','b'); a('s/a')"],
  ["a link in place of a file", "a('s/a'); a('s/a','2','../../beside/tripwire')"],
  ["a link in place of a folder", "a('s/a/x'); a('s/a','2','../../beside')"],
  ["a file twice", "a('s/a'); a('s/a')"],
  ["a folder in place of a file", "a('s/a'); a('s/a/x')"],
  ["a hard link to the outside", "a('s/a','1','../beside/tripwire')"],
  ["a hard link to an absolute name", "a('s/a','1',top+'/beside/tripwire'); a('s/a')"],
  ["a hard link through a link", "a('s/d/x'); a('s/l','2','d'); a('s/a','1','s/l/x')"],
  ["a hard link to a link", "a('s/l','2','../../beside/tripwire'); a('s/a','1','s/l')"],
  ["a hard link to nothing yet", "a('s/a','1','s/b'); a('s/b')"],
  ["an absolute name", "a(top+'/beside/tripwire')"],
  ["a name with two slashes first", "a('//'+top+'/beside/tripwire')"],
  ["a step up", "a('s/../../beside/tripwire')"],
  ["a step up that stays", "a('s/d/../x')"],
  ["a step up in place of the top folder", "a('../beside/tripwire')"],
  ["a link in place of the top folder", "a('s','2','beside')"],
  ["a device", "a('s/a','3')"],
  ["a block device", "a('s/a','4')"],
  ["a pipe", "a('s/a','6')"],
  ["a PAX path", "a('s/a',pax={'path':'s/../../beside/tripwire'})"],
  ["a PAX path that is absolute", "a('s/a',pax={'path':top+'/beside/tripwire'})"],
  ["a PAX link", "a('s/a','2','x',pax={'linkpath':'../../beside'}); a('s/a/tripwire')"],
  ["a GNU long name", "a('s/'+'d/'*80+'../'*84+'beside/tripwire')", "GNU_FORMAT"],
  ["a GNU long link", "a('s/a','2','d/'*80+'../'*84+'beside'); a('s/a/tripwire')", "GNU_FORMAT"],
  ["a backslash", "a('s/..\\\\\\\\beside')"],
  ["links that go round", "a('s/a','2','b'); a('s/b','2','a')"],
  ["nothing", "pass"],
];

describe("an archive is refused before anything is written for", () => {
  test.each(REFUSED)("%s", async (...[, entries, format]) => {
    const before = tripwires();
    await expect(unpackTar(archiveOf(entries, format), join(room, "out"), { strip: 1 })).rejects.toThrow(
      /it holds|Unrecognized/,
    );
    expect(tripwires()).toEqual(before);
    expect(readdirSync(room)).not.toContain("out");
  });
});

test("what an sdist may hold is unpacked as Python's own reader does", async () => {
  const entries =
    "a('s','5',mode=0o755); a('s/d/x',mode=0o755); a('s/l','2','d/x'); a('s/d/u','2','../l'); a('s/d/e','2','d'); a('s/d/f','2','./d'); a('s/n/o','2','.'); a('s/d/g','2','e'); a('s/h','1','s/d/x',mode=0o755); a('s/d','5',mode=0o755); a('s/README'); a('s/readme'); a('s/'+'n'*200); a('s/set',mode=0o4755)";
  const archive = archiveOf(entries);
  await unpackTar(archive, join(room, "out"), { strip: 1 });
  const unpack =
    "import sys, tarfile\nwith tarfile.open(sys.argv[1]) as archive: archive.extractall(sys.argv[2], filter='data')";
  exec("python3", ["-c", unpack, archive, join(room, "python")]);
  const tree = (folder: string): string =>
    exec("sh", ["-c", "cd \"$0\" && find . ! -name . -printf '%P %y %l %m\\n' | sort", folder]).stdout;
  expect(tree(join(room, "out"))).toBe(tree(join(room, "python", "s")));
  expect(tree(join(room, "out"))).toMatch(/^set f {2}755$/m);
});

test("a pipe is no archive, and nobody waits for it", async () => {
  const pipe = join(room, "pipe");
  expect(exec("mkfifo", [pipe]).status).toBe(0);
  await expect(unpackTar(pipe, join(room, "out"), { strip: 1 })).rejects.toThrow(/no regular file/);
});
