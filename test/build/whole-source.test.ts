import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { readZip } from "../../src/wheel/zip-reader.ts";
import { git } from "../support/repository.ts";
import { exec, removeScratch, root, scratch } from "../support/run.ts";
import { commitAll, copied, project, refused } from "../support/sources.ts";

afterAll(removeScratch);

const uv = join(root, ".test-cache", "tools", "bin", "uv");

const backend = (requires: string): string =>
  `[build-system]\nrequires = [${requires}]\nbuild-backend = "setuptools.build_meta"\n`;
const SCM = {
  "pyproject.toml": `${backend('"setuptools>=77", "setuptools-scm>=8"')}[project]\nname = "scm"\ndynamic = ["version"]\n[tool.setuptools]\npackages = ["scm"]\n[tool.setuptools_scm]\n`,
  "scm/__init__.py": "",
  "scm/data/found-by-git.json": "{}",
};
const PLAIN = {
  "pyproject.toml": `${backend('"setuptools>=77"')}[project]\nname = "plain"\nversion = "1.0"\n[tool.setuptools]\npackages = ["plain"]\n[tool.setuptools.package-data]\nplain = ["*.txt", "data/**/*"]\n`,
  "plain/__init__.py": "",
  "plain/data/größe.json": "{}",
  "plain/notes.txt": "x",
};

/** A project whose package holds another repository. */
function withSubmodule(): string {
  const inner = project({ "inner.py": "", "inner.txt": "x" });
  const outer = project(PLAIN);
  const add = ["submodule", "--quiet", "add", inner, "plain/data/third"];
  git(outer, "-c", "protocol.file.allow=always", ...add);
  commitAll(outer);
  return outer;
}

/** Names of the files in the wheel that plain `uv build` makes of a folder, its own name among them. */
function wheelNames(folder: string): string[] {
  // A build leaves its traces in the folder.
  const [out, own] = [scratch(), join(scratch(), "own")];
  cpSync(folder, own, { recursive: true, verbatimSymlinks: true });
  const ran = exec(uv, ["build", "--wheel", "--quiet", "--out-dir", out, own]);
  expect(ran.status === 0 ? "" : ran.stderr).toBe("");
  const [name = ""] = readdirSync(out).filter((file) => file.endsWith(".whl"));
  return [name, ...readZip(readFileSync(join(out, name))).map((entry) => entry.name)].sort();
}

describe("the wheel of what is copied holds the files that plain uv build packs", () => {
  test.each([
    ["setuptools-scm, files found by git", () => project(SCM)],
    ["setuptools, package-data", () => project(PLAIN)],
    ["a submodule in the package", withSubmodule],
  ])(
    "%s",
    (_name, make) => {
      const folder = make();
      git(folder, "tag", "v1.2");
      writeFileSync(join(folder, "later.txt"), "");
      commitAll(folder);
      const names = wheelNames(folder);
      expect(names.join()).toMatch(/found-by-git\.json|inner\.txt|größe\.json/);
      expect(wheelNames(copied(folder, ["--patch"]).copy)).toEqual(names);
      expect(wheelNames(copied(`git+file://${folder}@main`, ["--patch"]).copy)).toEqual(names);
    },
    300_000,
  );
});

test("git answers in the copy as in the original, whatever was patched", () => {
  const folder = project(SCM);
  git(folder, "tag", "v3.1");
  writeFileSync(join(folder, "later.txt"), "");
  commitAll(folder);
  const questions = ["describe --tags --long --dirty", "rev-parse HEAD", "ls-files", "status --porcelain"];
  for (const label of [folder, `git+file://${folder}@main`]) {
    const { copy } = copied(label, ["--patch"]);
    expect(readFileSync(join(copy, "pyproject.toml"), "utf8")).not.toBe(SCM["pyproject.toml"]);
    for (const question of questions)
      expect([question, git(copy, ...question.split(" "))]).toEqual([
        question,
        git(folder, ...question.split(" ")),
      ]);
    expect(git(copy, "remote")).toBe("");
  }
}, 120_000);

test("a part of a repository is built where it lies in it", () => {
  const folder = project({ LICENSE: "x", "python/pyproject.toml": PLAIN["pyproject.toml"] });
  symlinkSync("../LICENSE", join(folder, "python", "LICENSE"));
  commitAll(folder);
  const { copy } = copied(join(folder, "python"));
  expect(readFileSync(join(copy, "LICENSE"), "utf8")).toBe("x");
  expect(git(copy, "rev-parse", "--show-prefix")).toBe("python/");
}, 120_000);

test("beside a part of a repository, what a job has made is neither built nor in the way; what is changed is", () => {
  const folder = project({ "notes.txt": "x", "python/pyproject.toml": PLAIN["pyproject.toml"] });
  const part = join(folder, "python");
  writeFileSync(join(folder, "downloaded.whl"), "x");
  const { copy } = copied(part);
  expect(existsSync(join(copy, "..", "downloaded.whl"))).toBe(false);
  writeFileSync(join(folder, "notes.txt"), "y");
  expect(refused(part).code).toBe("E_SOURCE_DIRTY");
  git(folder, "checkout", "--quiet", "notes.txt");
  writeFileSync(join(part, "new.py"), "x");
  expect(refused(part).code).toBe("E_SOURCE_DIRTY");
  expect(existsSync(join(copied(part, ["--dirty"]).copy, "new.py"))).toBe(true);
}, 120_000);

test("a copy has what a clone has: not exported, executable, linked, of any name, and of a sane time", () => {
  const folder = project({
    ...PLAIN,
    ".gitattributes": "kept.txt export-ignore\n",
    "kept.txt": "x",
    "tool.sh": "",
    "plain/fixture.egg-info/PKG-INFO": "x",
    "日本 語.txt": "x",
  });
  chmodSync(join(folder, "tool.sh"), 0o755);
  symlinkSync("plain/notes.txt", join(folder, "link"));
  commitAll(folder);
  utimesSync(join(folder, "plain/notes.txt"), new Date("2031-01-01"), new Date("2031-01-01"));
  utimesSync(join(folder, "kept.txt"), new Date("1970-01-02"), new Date("1970-01-02"));
  const state = (): string =>
    JSON.stringify(
      readdirSync(join(folder, ".git")).map((name) => [name, statSync(join(folder, ".git", name)).mtimeMs]),
    );
  const before = state();
  const own = copied(folder).copy;
  expect(state()).toBe(before);
  for (const copy of [own, copied(`git+file://${folder}@main`).copy]) {
    const files = git(copy, "ls-files", "-z")
      .split("\0")
      .filter((name) => name !== "");
    expect(files).toHaveLength(10);
    expect(files.filter((name) => !existsSync(join(copy, name)))).toEqual([]);
    expect(statSync(join(copy, "tool.sh")).mode & 0o777).toBe(0o755);
    expect(statSync(join(copy, "kept.txt")).mode & 0o777).toBe(0o644);
    expect(lstatSync(join(copy, "link")).isSymbolicLink()).toBe(true);
    for (const name of files) expect(lstatSync(join(copy, name)).mtime.getUTCFullYear()).toBe(2000);
  }
}, 120_000);

describe("what is not whole is refused with the remedy", () => {
  test("a submodule that is not there", () => {
    const folder = join(scratch(), "clone");
    exec("git", ["clone", "-q", withSubmodule(), folder]);
    const { code, remedy } = refused(folder);
    expect(code).toBe("E_SOURCE_INCOMPLETE");
    expect(remedy).toContain("git submodule update --init --recursive");
  }, 120_000);

  test("history of which the version would be computed", () => {
    const original = project(SCM);
    git(original, "tag", "v1.0");
    writeFileSync(join(original, "later.txt"), "");
    commitAll(original);
    const folder = join(scratch(), "clone");
    exec("git", ["clone", "-q", "--depth=1", `file://${original}`, folder]);
    const { code, remedy } = refused(folder);
    expect(code).toBe("E_SOURCE_INCOMPLETE");
    expect(remedy).toContain("git fetch --unshallow --tags");
  }, 120_000);

  test("a pointer of Git LFS", () => {
    const folder = project(PLAIN);
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    writeFileSync(join(folder, "a.bin"), pointer);
    commitAll(folder);
    writeFileSync(join(folder, ".gitattributes"), "*.bin filter=lfs\n");
    commitAll(folder);
    const { code, why } = refused(folder);
    expect([code, why]).toEqual(["E_SOURCE_INCOMPLETE", "a.bin is a pointer of Git LFS, not the file."]);
  }, 120_000);

  test("a repository that git can't read", () => {
    const folder = project(PLAIN);
    renameSync(join(folder, ".git", "HEAD"), join(folder, ".git", "gone"));
    expect(refused(folder).code).toBe("E_GIT");
  }, 120_000);
});

test("a branch or tag that has moved, a new tag, and a changed file are other sources", () => {
  const folder = project(SCM);
  git(folder, "tag", "v1.0");
  const digestOf = (label: string): string => copied(label, ["--dirty"]).digest;
  const labels = [`git+file://${folder}@main`, `git+file://${folder}@v1.0`, folder];
  const first = labels.map(digestOf);
  expect(labels.map(digestOf)).toEqual(first);
  writeFileSync(join(folder, "scm", "new.py"), "");
  expect(digestOf(folder)).not.toBe(first[2]);
  const second = commitAll(folder);
  git(folder, "tag", "-f", "v1.0");
  expect(labels.map((label) => copied(label).commit)).toEqual([second, second, second]);
  const moved = labels.map(digestOf);
  for (const [index, digest] of moved.entries()) expect(digest).not.toBe(first[index]);
  git(folder, "tag", "-a", "-m", "second", "v2.0");
  expect(digestOf(labels[0] ?? "")).not.toBe(moved[0]);
}, 240_000);

test("variables of git's own don't lead it to another repository", () => {
  const folder = project(PLAIN);
  const env = { GIT_DIR: "/nowhere", GIT_INDEX_FILE: "/nowhere", GIT_WORK_TREE: "/" };
  expect(copied(folder, [], env).commit).toBe(git(folder, "rev-parse", "HEAD"));
}, 120_000);
