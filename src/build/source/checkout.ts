import { dirname, join } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import { exists, makeDir, readTextIfAny, statPath, writeFile } from "../../host/files.ts";
import { git } from "../../host/git.ts";
import type { Host } from "../../host/host.ts";
import { copyFiles } from "../../host/source-copy.ts";
import { copyTree } from "../../host/trees.ts";
import { gitLine, gitList } from "./git.ts";

/** A folder that lies in a git checkout, and is part of it. */
export interface Checkout {
  /** The checkout's own folder. */
  top: string;
  /** From there to the source; empty where they are the same. */
  prefix: string;
  /** Hexadecimal. */
  commit: string;
  /** What git makes of the tags: `v1.0-3-gabc…`, or the commit alone. */
  described: string;
  /** Whether history, and tags with it, is cut off. */
  isShallow: boolean;
}

/** Left by earlier builds and editors, in folders that git knows nothing of. */
export const LEFTOVER =
  /(^|\/)(\.git|\.hg|__pycache__|\.venv|node_modules|[^/]+\.egg-info|\.ruff_cache|\.mypy_cache|\.pytest_cache)(\/|$)/;

async function hasRepositoryAbove(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    if (await exists(join(folder, ".git"))) return true;
    if (folder === dirname(folder)) return false;
  }
}

/**
 * The checkout that a folder is part of; null where it is in none, or lies in one that does not know it.
 * @throws E_GIT where git refuses to look, such as in a checkout of another owner
 */
export async function findCheckout(host: Host, path: string): Promise<Checkout | null> {
  if (!(await hasRepositoryAbove(path))) return null;
  const tracked = await gitList(host, path, ["ls-files", "-z", "--cached", "--", "."]);
  const head = await git(host, path, ["rev-parse", "--verify", "--quiet", "HEAD"], [0, 1]);
  if (tracked.length === 0 || head.code === 1) return null;
  const asked = ["rev-parse", "--is-shallow-repository", "--show-prefix", "--show-toplevel"];
  const [shallow, prefix = "", ...top] = (await git(host, path, asked)).stdout.split("\n");
  return {
    top: top.join("\n").replace(/\n$/, ""),
    prefix: prefix.replace(/\/$/, ""),
    commit: head.stdout.trim(),
    described: await gitLine(host, path, ["describe", "--tags", "--long", "--always", "--abbrev=40"]),
    isShallow: shallow === "true",
  };
}

const isBelow = (prefix: string, path: string): boolean => prefix === "" || path.startsWith(`${prefix}/`);

/**
 * Whether what is built has changes that no commit holds: a tracked file anywhere in the checkout and its submodules, or
 * a new file below the source. New files elsewhere, such as what an earlier step of a job has made, are not built.
 * @throws E_GIT
 */
export async function isDirty(host: Host, { top, prefix }: Checkout): Promise<boolean> {
  const asked = ["status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=none"];
  const changes = await gitList(host, top, asked);
  return changes.some((line) => !line.startsWith("?? ") || isBelow(prefix, line.slice("?? ".length)));
}

const incomplete = (source: string, problem: string, remedy: string): Error =>
  wheelsError("E_SOURCE_INCOMPLETE", { source, problem, remedy });

/** @throws E_SOURCE_INCOMPLETE where files that Git LFS keeps elsewhere were not fetched */
async function demandLargeFiles(host: Host, folder: string, label: string): Promise<void> {
  for (const path of await gitList(host, folder, ["ls-files", "-z", "--", ":(attr:filter=lfs)"])) {
    const stat = await statPath(join(folder, path));
    if (!stat?.isFile || stat.size > 1024) continue;
    const text = await readTextIfAny(join(folder, path));
    if (text?.startsWith("version https://git-lfs.github.com/spec/"))
      throw incomplete(
        label,
        `${path} is a pointer of Git LFS, not the file.`,
        "Install git-lfs and type: git lfs install && git lfs pull",
      );
  }
}

/** One repository of a checkout: its own, or a submodule's. */
interface Repository {
  folder: string;
  /** From the checkout's folder; empty for its own. */
  path: string;
  /** Files that a clone has, and those below the source that are new and not ignored. */
  files: string[];
}

async function submodulesWithout(host: Host, folder: string): Promise<Set<string>> {
  const asked = [
    "config",
    "--file",
    join(folder, ".gitmodules"),
    "--get-regexp",
    "^submodule\\..*\\.(path|update)$",
  ];
  if (!(await exists(join(folder, ".gitmodules")))) return new Set();
  const { stdout } = await git(host, folder, asked, [0, 1]);
  const values = new Map(
    stdout
      .split("\n")
      .filter((line) => line.includes(" "))
      .map((line): [string, string] => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
  );
  const names = [...values].filter(([key, value]) => key.endsWith(".update") && value === "none");
  return new Set(names.flatMap(([key]) => values.get(key.replace(/\.update$/, ".path")) ?? []));
}

/**
 * A checkout's repositories with their files: what `git clone --recurse-submodules` would have, and what is new.
 * @param path of this repository below the checkout
 * @param prefix of the source below the checkout
 * @throws E_SOURCE_INCOMPLETE for a submodule that is not there, a file that Git LFS has not fetched, or a name that is
 *   not UTF-8; E_GIT
 */
async function repositoriesOf(
  host: Host,
  folder: string,
  path: string,
  prefix: string,
  label: string,
): Promise<Repository[]> {
  const staged = await gitList(host, folder, ["ls-files", "-z", "--cached", "--stage"]);
  const others = await gitList(host, folder, ["ls-files", "-z", "--others", "--exclude-standard"]);
  const entries = staged.map((line) => ({
    isLink: line.startsWith("160000 "),
    name: line.slice(line.indexOf("\t") + 1),
  }));
  const unreadable = [...entries.map(({ name }) => name), ...others].find((name) => name.includes("\ufffd"));
  if (unreadable !== undefined)
    throw incomplete(label, `${unreadable} has a name that is not UTF-8.`, "Rename that file: git mv");
  await demandLargeFiles(host, folder, label);
  const left = await submodulesWithout(host, folder);
  const inner: Repository[] = [];
  for (const name of new Set(entries.filter(({ isLink }) => isLink).map((entry) => entry.name))) {
    if (left.has(name)) continue;
    const place = join(folder, name);
    if (!(await exists(join(place, ".git"))))
      throw incomplete(
        label,
        `The submodule ${join(path, name)} is not there.`,
        "Type: git submodule update --init --recursive (with actions/checkout: submodules: recursive)",
      );
    inner.push(...(await repositoriesOf(host, place, join(path, name), prefix, label)));
  }
  const files = new Set([
    ...entries.filter(({ isLink }) => !isLink).map(({ name }) => name),
    ...others.filter(
      (name) => !name.endsWith("/") && !LEFTOVER.test(name) && isBelow(prefix, join(path, name)),
    ),
  ]);
  return [{ folder, path, files: [...files].sort() }, ...inner];
}

/** What of a checkout is built, as paths below its folder. @throws what {@link copyCheckout} throws */
export async function checkoutFiles(host: Host, { top, prefix }: Checkout, label: string): Promise<string[]> {
  const repositories = await repositoriesOf(host, top, "", prefix, label);
  return repositories.flatMap(({ path, files }) => files.map((name) => join(path, name))).sort();
}

/**
 * Makes a copy's git answer as the original's does: the same commit, tags, index and history, whose objects stay where
 * they are. No remote and no setting of the original's comes along.
 */
async function copyRepository(host: Host, from: string, to: string): Promise<void> {
  const placeOf = (name: string): Promise<string> =>
    gitLine(host, from, ["rev-parse", "--path-format=absolute", "--git-path", name]);
  const format = await gitLine(host, from, ["rev-parse", "--show-object-format"]);
  const init = ["init", "--quiet", "--template=", `--object-format=${format}`];
  await git(host, to, ["-c", "init.defaultRefFormat=files", ...init]);
  const own = join(to, ".git");
  await makeDir(join(own, "objects", "info"));
  await writeFile(join(own, "objects", "info", "alternates"), `${await placeOf("objects")}\n`);
  const refs = await git(host, from, [
    "for-each-ref",
    "--format=%(objectname) %(refname)",
    "refs/heads",
    "refs/tags",
  ]);
  await writeFile(join(own, "packed-refs"), refs.stdout);
  const branch = await git(host, from, ["symbolic-ref", "--quiet", "HEAD"], [0, 1]);
  const head =
    branch.code === 0 ? `ref: ${branch.stdout.trim()}` : await gitLine(host, from, ["rev-parse", "HEAD"]);
  await writeFile(join(own, "HEAD"), `${head}\n`);
  for (const name of ["shallow", "index"]) {
    const place = await placeOf(name);
    if (await exists(place)) await copyTree(place, join(own, name), () => true);
  }
  // With the user's own filters, so that a build's git need not run them to see that nothing has changed.
  await git(host, to, ["update-index", "-q", "--refresh"], [0, 1]);
}

/**
 * Copies a checkout with its submodules, so that the copy has what a recursive clone of that commit has, and what is
 * changed or new where that was allowed.
 * @param to absent before
 * @param wanted says for a path below the checkout whether it is copied
 * @param time of all files
 * @throws E_SOURCE_INCOMPLETE, E_GIT, E_DISK_FULL, E_OUTPUT_DIR
 */
export async function copyCheckout(
  host: Host,
  { top, prefix }: Checkout,
  label: string,
  to: string,
  wanted: (path: string) => boolean,
  time: Date,
): Promise<void> {
  for (const { folder, path, files } of await repositoriesOf(host, top, "", prefix, label)) {
    const target = join(to, path);
    await makeDir(target);
    await copyFiles(
      folder,
      target,
      files.filter((name) => wanted(join(path, name))),
      time,
    );
    await copyRepository(host, folder, target);
  }
}

/** Has a copy's git take files that we have changed for what its commit holds. @param files relative to the folder */
export async function hideChanges(host: Host, folder: string, files: readonly string[]): Promise<void> {
  const known = files.length === 0 ? [] : await gitList(host, folder, ["ls-files", "-z", "--", ...files]);
  if (known.length > 0) await git(host, folder, ["update-index", "--skip-worktree", "--", ...known]);
}
