import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { likeGperftools, likeOneDnn, likeVllm } from "../support/like-vllm.ts";
import { git } from "../support/repository.ts";
import { exec, type Ran, removeScratch, scratch, start, torchFolder } from "../support/run.ts";
import { serve } from "../support/server.ts";
import { tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

/** A compiler that says it is new enough for vLLM, so that a build gets as far as its source. */
const compiler = join(scratch(), "new-g++");
writeFileSync(
  compiler,
  '#!/bin/sh\ncase "$1" in -dumpfullversion) echo 14.2.0;; --version) echo "g++ 14.2.0";; *) echo "int main(){}" > /dev/null; exit 0;; esac\n',
  { mode: 0o755 },
);

const PYPROJECT = '[project]\nname = "vllm"\ndynamic = ["version"]\n';

/** An sdist of a project, made by tar as build backends make it. */
function sdist(project: string, version: string): string {
  const folder = scratch();
  const tree = join(folder, `${project}-${version}`);
  mkdirSync(tree);
  writeFileSync(join(tree, "pyproject.toml"), PYPROJECT.replace("vllm", project));
  writeFileSync(join(tree, "PKG-INFO"), `Metadata-Version: 2.1\nName: ${project}\nVersion: ${version}\n`);
  writeFileSync(join(tree, "big.txt"), "0123456789".repeat(200_000));
  const archive = join(folder, `${project}-${version}.tar.gz`);
  exec("tar", ["-C", folder, "--use-compress-program", "gzip -1", "-cf", archive, `${project}-${version}`]);
  return archive;
}

interface Built {
  ran: Ran;
  code: string;
  remedy: string;
  sources: string[];
  cache: string;
}

/** Builds until the source is there: none of these has vLLM's requirements file, so all end there. */
async function build(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Built> {
  const cache = join(scratch(), "cache");
  const words = [
    "build",
    "--variant=vllm-cpu",
    `--cache-dir=${cache}`,
    `--output-dir=${scratch()}`,
    // The compiler above can't be asked what it makes.
    "--glibc=own",
    "--json",
    ...args,
  ];
  const ran = await start(words, { CXX: compiler, ...env }).ended;
  const { error } = JSON.parse(ran.stdout) as { error: { code: string; remedy: string } };
  const sources = existsSync(join(cache, "sources")) ? readdirSync(join(cache, "sources")) : [];
  return { ran, code: error.code, remedy: error.remedy, sources, cache };
}

/** What a build says whose source was fetched, unpacked and found to be no vLLM. */
const ARRIVED = "E_RECIPE_ASSUMPTION";

/** A package index on loopback with one release: a wheel, whose metadata uv reads, and an sdist. */
async function index(archive: string, change: { hash?: string; cutAfter?: number; sdist?: false } = {}) {
  const wheel = tinyWheel({ name: "vllm", version: "0.32.0" });
  const bytes = readFileSync(archive);
  const sha256 = change.hash ?? createHash("sha256").update(bytes).digest("hex");
  const asked: string[] = [];
  const server = await serve((request, response) => {
    const path = request.url ?? "";
    asked.push(`${path.split("/").at(-1)} ${request.headers.range ?? "whole"}`);
    if (path === "/simple/vllm/") {
      const links = [`<a href="../../${wheel.fileName}">${wheel.fileName}</a>`];
      if (change.sdist !== false)
        links.push(`<a href="../../vllm-0.32.0.tar.gz#sha256=${sha256}">vllm-0.32.0.tar.gz</a>`);
      response.writeHead(200, { "content-type": "text/html" }).end(`<html>${links.join("")}</html>`);
    } else if (path.endsWith(".whl")) {
      response.writeHead(200, { "content-length": wheel.bytes.length }).end(Buffer.from(wheel.bytes));
    } else if (path.endsWith(".tar.gz")) {
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const rest = bytes.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length });
      if (change.cutAfter !== undefined && from === 0) {
        response.write(rest.subarray(0, change.cutAfter), () => setTimeout(() => response.destroy(), 50));
      } else response.end(rest);
    } else response.writeHead(404).end();
  });
  return { server, asked, env: { UV_DEFAULT_INDEX: `${server.url}/simple` } };
}

describe("a release", () => {
  test("comes from the user's index, whole, though the download broke off once", async () => {
    const { server, asked, env } = await index(sdist("vllm", "0.32.0"), { cutAfter: 1000 });
    const built = await build(["--vllm-version=0.32.0"], env);
    await server.close();
    expect(built.code).toBe(ARRIVED);
    const folder = built.sources.find((name) => /^vllm-0\.32\.0-[0-9a-f]{16}$/.test(name)) ?? "";
    expect(readFileSync(join(built.cache, "sources", folder, "big.txt")).length).toBe(2_000_000);
    const downloads = asked.filter((line) => line.startsWith("vllm-0.32.0.tar.gz"));
    expect(downloads[0]).toBe("vllm-0.32.0.tar.gz whole");
    expect(downloads[1]).toMatch(/^vllm-0\.32\.0\.tar\.gz bytes=\d+-$/);
  }, 120_000);

  test("is refused with another hash than the index states, and nothing of it is kept", async () => {
    const { server, env } = await index(sdist("vllm", "0.32.0"), { hash: "0".repeat(64) });
    const built = await build(["--vllm-version=0.32.0"], env);
    await server.close();
    expect(built.code).toBe("E_DOWNLOAD");
    expect(built.sources.filter((name) => !name.endsWith(".lock"))).toEqual([]);
  }, 120_000);

  test("that does not exist is answered with the nearest, one without an sdist with another way", async () => {
    const { server, env } = await index(sdist("vllm", "0.32.0"), { sdist: false });
    const missing = await build(["--vllm-version=0.33.9"], env);
    const wheelsOnly = await build(["--vllm-version=0.32.0"], env);
    await server.close();
    expect([missing.code, missing.remedy]).toEqual(["E_VERSION_UNKNOWN", "Did you mean 0.32.0?"]);
    expect(wheelsOnly.code).toBe("E_NO_SDIST");
    expect(wheelsOnly.remedy).toContain("--source=git+https://github.com/vllm-project/vllm.git@v0.32.0");
  }, 120_000);
});

describe("an sdist file", () => {
  test("is read by its name, and must hold what that says", async () => {
    expect((await build([`--source=${sdist("vllm", "0.32.0")}`])).code).toBe(ARRIVED);
    const renamed = join(scratch(), "vllm-0.32.0.tar.gz");
    writeFileSync(renamed, readFileSync(sdist("other", "0.32.0")));
    expect((await build([`--source=${renamed}`])).code).toBe("E_SOURCE");
    const older = join(scratch(), "vllm-0.31.0.tar.gz");
    writeFileSync(older, readFileSync(sdist("vllm", "0.32.0")));
    expect((await build([`--source=${older}`])).code).toBe("E_VERSION_MISMATCH");
    expect((await build([`--source=${older}`, "--vllm-version=0.30.0"])).code).toBe("E_VERSION_MISMATCH");
  }, 120_000);

  const member = (lines: string): string =>
    `import io,tarfile,sys\nt=tarfile.open(sys.argv[1],'w:gz')\n${lines}\nt.close()`;
  const evil = join(scratch(), "evil");
  test.each([
    [
      "a path out of its folder",
      member("i=tarfile.TarInfo('vllm-0.32.0/../../evil')\ni.size=1\nt.addfile(i,io.BytesIO(b'x'))"),
    ],
    ["an absolute path", member(`i=tarfile.TarInfo('${evil}')\ni.size=1\nt.addfile(i,io.BytesIO(b'x'))`)],
    [
      "a link out of its folder",
      member(
        "i=tarfile.TarInfo('vllm-0.32.0/a')\ni.type=tarfile.SYMTYPE\ni.linkname='../../etc'\nt.addfile(i)",
      ),
    ],
    ["a device", member("i=tarfile.TarInfo('vllm-0.32.0/a')\ni.type=tarfile.CHRTYPE\nt.addfile(i)")],
    ["no archive at all", "import sys\nopen(sys.argv[1],'wb').write(b'not a tar')"],
  ])(
    "with %s is refused",
    async (_name, program) => {
      const archive = join(scratch(), "vllm-0.32.0.tar.gz");
      expect(exec("python3", ["-c", program, archive]).stderr).toBe("");
      const built = await build([`--source=${archive}`]);
      expect([built.code, built.ran.status]).toEqual(["E_SOURCE", 2]);
      expect(existsSync(evil) || existsSync(join(built.cache, "evil"))).toBe(false);
    },
    60_000,
  );
});

describe("a git repository", () => {
  const repo = scratch();
  writeFileSync(join(repo, "pyproject.toml"), PYPROJECT);
  git(repo, "init", "-q", "-b", "main");
  git(repo, "add", "-A");
  git(repo, "commit", "-qm", "first");
  git(repo, "tag", "v0.32.0");
  writeFileSync(join(repo, "later.txt"), "later");
  git(repo, "add", "-A");
  git(repo, "commit", "-qm", "second");

  test("is fetched at a tag, without its history; the tag is the version", async () => {
    const named = join(scratch(), "vllm");
    exec("git", ["clone", "-q", "--bare", repo, named]);
    const built = await build([`--source=git+file://${named}@v0.32.0`]);
    expect(built.code).toBe(ARRIVED);
    const folder =
      built.sources.find((name) => /^vllm-[0-9a-f]{12}-/.test(name) && !name.endsWith(".lock")) ?? "";
    const clone = join(built.cache, "sources", folder);
    expect(readdirSync(clone)).toEqual([".git", "pyproject.toml"]);
    expect(git(clone, "describe", "--tags")).toBe("v0.32.0");
    expect(git(clone, "rev-list", "--count", "HEAD")).toBe("1");
    expect((await build([`--source=git+file://${named}@v0.31.0`])).code).toBe("E_GIT");
    expect((await build([`--source=git+file://${named}@--upload-pack=x`])).code).toBe("E_SOURCE");
  }, 120_000);

  test("checked out is refused with changes that no commit holds, unless that is wanted", async () => {
    git(repo, "checkout", "-q", "v0.32.0");
    expect((await build([`--source=${repo}`])).code).toBe(ARRIVED);
    writeFileSync(join(repo, "stray.txt"), "x");
    expect((await build([`--source=${repo}`])).code).toBe("E_SOURCE_DIRTY");
    expect((await build([`--source=${repo}`, "--allow-dirty"])).code).toBe(ARRIVED);
  }, 120_000);
});

describe("a source that is not what its recipe was written for", () => {
  const torch = `--torch-index-url=${torchFolder}`;
  const gperftools = `--gperftools-source=${likeGperftools()}`;
  test("is told by the text that is missing, and by the commit that it pins", async () => {
    const cmake = "cmake/cpu_extension.cmake";
    const moved = likeVllm({ [cmake]: (text) => text.replace("cat /proc/cpuinfo", "lscpu") });
    const repinned = likeVllm({ [cmake]: (text) => text.replace("v3.13", "v3.99") });
    for (const [source, why] of [
      [moved, "the host's CPU is hidden there"],
      [repinned, "It pins onednn at v3.99, the recipe at v3.13."],
    ] as const) {
      const built = await build([`--source=${source}`, torch]);
      expect(built.code).toBe("E_RECIPE_ASSUMPTION");
      expect(built.ran.stdout).toContain(why);
    }
  }, 120_000);

  test("is told by the patch that does not fit", async () => {
    const source = likeVllm({ "vllm/__init__.py": () => "import vllm.env_override\n" });
    const built = await build([
      `--source=${source}`,
      torch,
      `--onednn-source=${likeOneDnn("3.13.0")}`,
      gperftools,
    ]);
    expect(built.code).toBe("E_PATCH");
    expect(built.ran.stdout).toContain("cpu-wheel does not fit vllm/__init__.py");
  }, 180_000);

  test("gets oneDNN of the release that it pins, or none", async () => {
    const source = likeVllm();
    const wrong = await build([
      `--source=${source}`,
      torch,
      `--onednn-source=${likeOneDnn("3.10.2")}`,
      gperftools,
    ]);
    expect(wrong.code).toBe("E_DEPENDENCY");
    expect(wrong.ran.stdout).toContain("It is version 3.10.2; the build pins v3.13.");
    const right = await build([
      `--source=${source}`,
      torch,
      `--onednn-source=${likeOneDnn("3.13.1")}`,
      gperftools,
    ]);
    expect(right.code).toBe("E_BUILD");
    expect(right.ran.stdout).toContain("this is no vLLM");
  }, 240_000);
});
