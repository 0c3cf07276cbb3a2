import { createHash } from "node:crypto";
import { join } from "node:path";
import { exists, makeDir, moveInto, remove } from "../../host/files.ts";
import { git } from "../../host/git.ts";
import type { Host } from "../../host/host.ts";
import { withLock } from "../../host/lock.ts";
import { shownUrl } from "../../host/network/urls.ts";
import { copyFiles, listFiles } from "../../host/source-copy.ts";
import { gitUrl, type ResolvedRef } from "./git.ts";
import { SOURCE_TIME } from "./source.ts";

/** Another run fetches the very same thing. */
export const WAIT_MS = 1_800_000;

/** Fills a folder of the cache once: what is there is whole, or not there. */
export async function once(
  host: Host,
  folder: string,
  fill: (fresh: string) => Promise<void>,
): Promise<string> {
  if (await exists(folder)) return folder;
  await withLock(
    host,
    `${folder}.lock`,
    folder,
    async () => {
      if (await exists(folder)) return;
      const fresh = `${folder}.part`;
      await remove(fresh);
      await fill(fresh);
      await moveInto(fresh, folder);
    },
    { waitMs: WAIT_MS },
  );
  return folder;
}

/** Submodules of a repository on this machine's disk may lie there too; one from elsewhere names none of our folders. */
const localSubmodules = (url: string): string[] =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? [] : ["-c", "protocol.file.allow=always"];

/**
 * Clones a repository at one commit, with its submodules.
 * @param deep with all history and tags, from which a version is computed; else with that commit and its tag alone
 * @param to made; absent before
 * @throws E_GIT
 */
async function cloneAt(
  host: Host,
  repository: string,
  { commit, name }: ResolvedRef,
  deep: boolean,
  to: string,
): Promise<void> {
  const url = gitUrl(repository);
  await makeDir(to);
  await git(host, to, ["init", "--quiet", "--template="]);
  await git(host, to, ["remote", "add", "origin", url]);
  if (deep) {
    const heads = "+refs/heads/*:refs/remotes/origin/*";
    await git(host, to, ["fetch", "--quiet", "--tags", "--no-recurse-submodules", "origin", heads]);
    if ((await git(host, to, ["cat-file", "-e", `${commit}^{commit}`], [0, 1, 128])).code !== 0)
      await git(host, to, ["fetch", "--quiet", "--no-recurse-submodules", "origin", commit]);
  } else {
    const ref = name?.startsWith("refs/tags/") ? `+${name}:${name}` : (name ?? commit);
    await git(host, to, ["fetch", "--quiet", "--depth", "1", "--no-tags", "origin", ref]);
  }
  await git(host, to, ["-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit]);
  const update = ["submodule", "--quiet", "update", "--init", "--recursive"];
  await git(host, to, [...localSubmodules(url), ...update]);
  // An address may hold a password.
  await git(host, to, ["remote", "remove", "origin"]);
}

/**
 * The tree of one commit with its submodules, without history, so that equal commits give equal folders.
 * @param to folder, made; absent before
 * @throws E_GIT
 */
export async function exportCommit(
  host: Host,
  repository: string,
  ref: ResolvedRef,
  to: string,
): Promise<void> {
  await host.scratch.withFolder("vllm-cpu-wheels-git", async (folder) => {
    const clone = join(folder, "clone");
    await cloneAt(host, repository, ref, false, clone);
    await copyFiles(clone, to, await listFiles(clone, (path) => !/(^|\/)\.git$/.test(path)), SOURCE_TIME);
  });
}

const sourceFolder = (host: Host, repository: string, { commit }: ResolvedRef, inputs: unknown): string => {
  const id = createHash("sha256")
    .update(JSON.stringify([repository, commit, inputs]))
    .digest("hex");
  const name = (repository.split("/").at(-1) ?? "tree").replace(/\.git$/, "");
  return join(host.cache, "sources", `${name}-${commit.slice(0, 12)}-${id.slice(0, 16)}`);
};

async function fetching(
  host: Host,
  repository: string,
  { commit, name }: ResolvedRef,
  work: () => Promise<void>,
): Promise<void> {
  const stage = host.log.stage(`Fetching ${shownUrl(repository)} at ${name ?? commit}, commit ${commit}`);
  try {
    await work();
  } catch (thrown) {
    stage.failed();
    throw thrown;
  }
  stage.done();
}

/**
 * A folder of the cache with the tree of one commit; fetched where it is not there yet.
 * @param fresh fetch it, whatever is there
 * @throws E_GIT
 */
export async function cachedCommit(
  host: Host,
  repository: string,
  ref: ResolvedRef,
  fresh: boolean,
): Promise<string> {
  const folder = sourceFolder(host, repository, ref, "tree");
  if (fresh) await remove(folder);
  return once(host, folder, (part) =>
    fetching(host, repository, ref, () => exportCommit(host, repository, ref, part)),
  );
}

/** A folder of the cache with a clone at one commit. @param deep see {@link cloneAt} @throws E_GIT */
export async function cachedClone(
  host: Host,
  repository: string,
  ref: ResolvedRef,
  deep: boolean,
  fresh: boolean,
): Promise<string> {
  // A tag that is added later changes the version that is computed of the very same commit.
  const folder = sourceFolder(host, repository, ref, deep ? ref.tags : ref.name);
  if (fresh) await remove(folder);
  return once(host, folder, (part) =>
    fetching(host, repository, ref, () => cloneAt(host, repository, ref, deep, part)),
  );
}
