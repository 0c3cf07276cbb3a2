import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { mounting, noMount } from "../support/masking.ts";
import { type Meddler, proved, proxy, pypiserver } from "../support/publish.ts";
import { cli, exec, type Ran, removeScratch, scratch, start, wheels } from "../support/run.ts";
import { type Server, serve } from "../support/server.ts";
import { unless } from "../support/skip.ts";

const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
afterAll(removeScratch);

const TOKEN = { UV_PUBLISH_TOKEN: "x" };

const errorOf = (ran: Ran): { code: string; what: string; why: string; remedy: string } =>
  (JSON.parse(ran.stdout) as { error: { code: string; what: string; why: string; remedy: string } }).error;

const toFolder = (folder: string, ...args: string[]): Ran =>
  wheels(["publish", ...args, `--to=index:${join(folder, "index")}`, "--torch-index-url=none", "--json"]);

const toUrl = (url: string, ...args: string[]): Promise<Ran> =>
  start(["publish", ...args, `--to=${url}/`, "--json"], TOKEN).ended;

/** Lists these files of a project, takes every upload. */
async function listing(names: readonly string[], project = "tiny"): Promise<Server & { uploads: number }> {
  const counts = { uploads: 0 };
  const files = names.map((filename) => ({
    filename,
    url: filename,
    hashes: { sha256: "0".repeat(64) },
    size: 9,
  }));
  const server = await serve((request, response) => {
    if (request.method === "POST") counts.uploads++;
    request.resume().on("end", () => {
      response.writeHead(200, { "content-type": "application/vnd.pypi.simple.v1+json" });
      response.end(JSON.stringify({ meta: { "api-version": "1.1" }, name: project, files }));
    });
  });
  open.push(server);
  return Object.assign(counts, server);
}

describe("10,000 files that are there already", () => {
  const many = Array.from({ length: 10_000 }, (_, index) => `tiny-0.${index}-py3-none-any.whl`);

  test("at an upload index", async () => {
    const index = await listing([...many, "tiny-1.0-py3-none-any.whl"]);
    const folder = scratch();
    const fresh = await toUrl(index.url, proved(folder, { version: "2.0" }));
    expect([fresh.status, index.uploads]).toEqual([0, 1]);
    const taken = await toUrl(index.url, proved(folder));
    expect([errorOf(taken).code, index.uploads]).toEqual(["E_PUBLISH_CONFLICT", 1]);
  });

  test("in an index:DIR, whose pages keep them all", () => {
    const folder = scratch();
    expect(toFolder(folder, proved(folder)).status).toBe(0);
    const path = join(folder, "index", "tiny", "index.json");
    const page = JSON.parse(readFileSync(path, "utf8")) as { files: { filename: string; url: string }[] };
    const [one] = page.files;
    page.files.push(...many.map((filename) => ({ ...one, filename, url: filename })));
    writeFileSync(path, JSON.stringify(page));
    expect(toFolder(folder, proved(folder, { version: "2.0" })).status).toBe(0);
    const after = JSON.parse(readFileSync(path, "utf8")) as typeof page;
    expect(after.files).toHaveLength(10_002);
    const [, list = ""] = readFileSync(join(folder, "index", "index.html"), "utf8").split(">Needs<");
    expect(list.match(/<tr>/g)).toHaveLength(10_002);
  });
});

describe("a name that differs only in case or form is the same file to an index", () => {
  test.each(["Tiny-1.0-py3-none-any.whl", "TINY-1.0-py3-none-any.whl"])("%s is there", async (name) => {
    const index = await listing([name]);
    const ran = await toUrl(index.url, proved(scratch()));
    expect([ran.status, errorOf(ran).code, index.uploads]).toEqual([1, "E_PUBLISH_CONFLICT", 0]);
    expect(errorOf(ran).what).toContain(name);
  });

  test.each(["tiny.thing-1.0-py3-none-any.whl", "tiny__thing-1.0-py3-none-any.whl"])(
    "%s is there",
    async (name) => {
      const index = await listing([name], "tiny-thing");
      const ran = await toUrl(index.url, proved(scratch(), { name: "tiny-thing" }));
      expect([errorOf(ran).code, index.uploads]).toEqual(["E_PUBLISH_CONFLICT", 0]);
    },
  );
});

describe("folders that can't be written", () => {
  test("a symbolic link as the index, or as a project of it", () => {
    const folder = scratch();
    const wheel = proved(folder);
    mkdirSync(join(folder, "real"));
    symlinkSync(join(folder, "real"), join(folder, "index"));
    expect(errorOf(toFolder(folder, wheel)).code).toBe("E_OUTPUT_DIR");
    expect(readdirSync(join(folder, "real"))).toEqual([]);
    const other = join(folder, "other");
    mkdirSync(join(other, "index"), { recursive: true });
    symlinkSync(join(folder, "real"), join(other, "index", "tiny"));
    expect(errorOf(toFolder(other, wheel)).code).toBe("E_OUTPUT_DIR");
    expect(readdirSync(join(folder, "real"))).toEqual([]);
  });

  test("a file in the folder's place", () => {
    const folder = scratch();
    writeFileSync(join(folder, "index"), "");
    expect(errorOf(toFolder(folder, proved(folder))).code).toBe("E_OUTPUT_DIR");
  });

  unless(noMount())("a read-only disk, before and after the first file", () => {
    const folder = scratch();
    const wheel = proved(folder);
    const index = join(folder, "index");
    mkdirSync(index);
    // A real read-only mount: root writes through permission bits.
    const script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"';
    const [program = "", ...words] = mounting(script, index) ?? [];
    const readOnly = (...more: string[]): Ran => {
      const publish = ["publish", wheel, `--to=index:${index}`, "--torch-index-url=none", "--json", ...more];
      return exec(program, [...words, process.execPath, cli, ...publish]);
    };
    const ran = readOnly();
    expect([errorOf(ran).code, ran.status]).toEqual(["E_OUTPUT_DIR", 2]);
    expect(errorOf(ran).why).toMatch(/EROFS|read-only/i);
    expect(readdirSync(index)).toEqual([]);
    expect(readOnly("--dry-run").status).toBe(0);
  });

  unless(noMount())(
    "a disk that is full in the middle: the old page stands, and the next run completes it",
    () => {
      const folder = scratch();
      const [small, big] = [
        proved(folder),
        proved(folder, {
          version: "2.0",
          files: { "tiny/data.bin": exec("head", ["-c", "3", "/dev/zero"]).stdout },
        }),
      ];
      const index = join(folder, "index");
      mkdirSync(index);
      const saved = `${index}.saved`;
      mkdirSync(saved);
      const publish = (size: string, ...files: string[]): Ran => {
        const script = `mount -t tmpfs -o size=${size} tmpfs "$0" && cp -a "$0".saved/. "$0"/ || exit 99; "$@"; status=$?; rm -rf "$0".saved/*; cp -a "$0"/. "$0".saved/; exit $status`;
        const [program = "", ...words] = mounting(script, index) ?? [];
        const options = [`--to=index:${index}`, "--torch-index-url=none", "--json"];
        return exec(program, [...words, process.execPath, cli, "publish", ...files, ...options]);
      };
      expect(publish("1m", small).status).toBe(0);
      // Room for what is there, in pages of memory, and for one file more.
      const pages = readdirSync(saved, { recursive: true, encoding: "utf8" })
        .map((name) => statSync(join(saved, name)))
        .reduce((sum, stat) => sum + (stat.isFile() ? Math.ceil(stat.size / 4096) : 0), 0);
      expect(pages).toBeGreaterThan(5);
      const full = publish(`${4 * (pages + 1)}k`, big);
      expect(errorOf(full).code).toBe("E_DISK_FULL");
      const page = readFileSync(join(saved, "tiny", "index.json"), "utf8");
      expect(page).toContain("tiny-1.0");
      expect(page).not.toContain("tiny-2.0");
      expect(publish("1m", big).status).toBe(0);
      expect(readFileSync(join(saved, "tiny", "index.json"), "utf8")).toContain("tiny-2.0");
      expect(readdirSync(join(saved, "tiny")).filter((name) => name.endsWith(".part"))).toEqual([]);
    },
  );
});

describe("an index that answers", () => {
  const always =
    (status: number): Meddler =>
    (_upload, phase, response) => {
      if (phase !== "before") return false;
      response.writeHead(status, { "content-type": "text/plain", "retry-after": "0" }).end("its own words");
      return true;
    };

  test.each<[number, string, number]>([
    [400, "E_PUBLISH_REJECTED", 1],
    [401, "E_PUBLISH_DENIED", 1],
    [403, "E_PUBLISH_DENIED", 1],
    [404, "E_PUBLISH_REJECTED", 1],
    [409, "E_PUBLISH_REJECTED", 1],
    [413, "E_PUBLISH_REJECTED", 1],
    [429, "E_PUBLISH_FAULT", 5],
    [500, "E_PUBLISH_FAULT", 5],
    [503, "E_PUBLISH_FAULT", 5],
  ])(
    "%i to every upload: %s after %i tries, with a remedy, and nothing is there",
    async (status, code, tries) => {
      const folder = scratch();
      const real = await pypiserver(folder);
      const index = await proxy(real.url, always(status));
      open.push(index, real);
      const ran = await toUrl(index.url, proved(folder));
      const error = errorOf(ran);
      expect([ran.status, error.code, index.uploads]).toEqual([4, code, tries]);
      expect(error.why).toContain(String(status));
      expect(error.remedy).not.toBe("");
      expect(readdirSync(real.packages)).toEqual([]);
    },
  );

  test.each([403, 500, 503])("%i to the question what it has: nothing is sent", async (status) => {
    let uploads = 0;
    const server = await serve((request, response) => {
      if (request.method === "POST") uploads++;
      request.resume();
      response.writeHead(status, { "retry-after": "0" }).end();
    });
    open.push(server);
    const ran = await toUrl(server.url, proved(scratch()));
    expect([ran.status, errorOf(ran).code, uploads]).toEqual([4, "E_INDEX_READ", 0]);
    expect(errorOf(ran).why).toContain(String(status));
  });

  test("with what is no page of an index: nothing is sent", async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end('{"files": 1}');
    });
    open.push(server);
    expect(errorOf(await toUrl(server.url, proved(scratch()))).code).toBe("E_INDEX_READ");
  });
});

test("a journal that somebody edited", async () => {
  const index = await listing([]);
  const folder = scratch();
  const wheel = proved(folder);
  expect((await toUrl(index.url, wheel)).status).toBe(0);
  const [name = ""] = readdirSync(join(folder, ".publish"));
  const path = join(folder, ".publish", name);
  writeFileSync(path, "{}");
  const ran = await toUrl(index.url, wheel);
  expect([ran.status, errorOf(ran).code, index.uploads]).toEqual([2, "E_JOURNAL", 1]);
  expect(errorOf(ran).remedy).toContain("Remove it");
});

test("a wheel that can't be read", () => {
  const folder = scratch();
  const wheel = proved(folder);
  chmodSync(wheel, 0o000);
  const ran = toFolder(folder, join(folder, "gone-1.0-py3-none-any.whl"), wheel);
  expect([ran.status, errorOf(ran).code]).toEqual([2, "E_WHEEL_FILE"]);
  expect(existsSync(join(folder, "index", "index.json"))).toBe(false);
});
