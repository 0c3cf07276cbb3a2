import { createHash } from "node:crypto";
import { basename, isAbsolute, join, relative, resolve } from "node:path";
import { closest } from "fastest-levenshtein";
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { wheelsError } from "../../errors/wheels-error.ts";
import { exists, isWithin, listDir, makeDir, readTextIfAny, statPath } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { bundledSourcePath } from "../../host/resources.ts";
import { copyFiles, listFiles } from "../../host/source-copy.ts";
import { treeDigest } from "../../host/trees.ts";
import { oneOf, parseHeaders } from "../../wheel/metadata.ts";
import { normalizeName } from "../../wheel/names.ts";
import { type Checkout, checkoutFiles, copyCheckout, LEFTOVER } from "./checkout.ts";
import type { ResolvedRef } from "./git.ts";

/** Where a source is. Only a folder is there before the build fetches it. */
export type SourcePlace =
  | { kind: "folder"; path: string }
  /** A source distribution (PEP 517, "Source distributions"), as a file. */
  | { kind: "sdist"; path: string }
  /** A release of the user's package index. */
  | { kind: "release" }
  | { kind: "git"; url: string; ref: string; resolved: ResolvedRef | null };

/** What is built: a Python project. */
export interface Source {
  /** As the user named it. */
  label: string;
  place: SourcePlace;
  project: string;
  /** The version that the source states; null where its build backend computes it. */
  version: string | null;
  /** PEP 508 lines of `[build-system] requires`; empty for what is not there yet. */
  buildRequires: string[];
  /** Seconds that a compile takes on two cores, where the source says so. */
  expectedSeconds: number | null;
}

/** A source that lies in a folder. */
export interface ReadySource extends Source {
  path: string;
  /** The git checkout that it is in; null for one that is in none. */
  checkout: Checkout | null;
  /** Where it was fetched from, and the hash of what came; null for a folder. */
  origin: { uri: string; digest: Record<string, string> } | null;
}

const pyprojectSchema = z.object({
  "build-system": z.object({ requires: z.array(z.string()).default([]) }).optional(),
  project: z.object({ name: z.string().optional(), version: z.string().optional() }).optional(),
  tool: z
    .object({
      "vllm-cpu-wheels": z.object({ "compile-seconds": z.number().positive().optional() }).optional(),
    })
    .optional(),
});

/** PEP 518: what a project without a build-system table is built with. */
const DEFAULT_REQUIRES = ["setuptools>=40.8.0", "wheel"];

const GIT = /^git\+([a-z+]+:\/\/[^@]+(?:@[^@/]+(?=[:/]))?[^@]*)(?:@([\w./-]+))?$/;

/** The source of a release, which the build fetches from the user's package index. */
export function releaseSource(project: string, version: string): Source {
  return {
    label: `${project} ${version}`,
    place: { kind: "release" },
    project,
    version,
    buildRequires: [],
    expectedSeconds: null,
  };
}

/**
 * Finds what `--source` names; of a folder it reads what it is.
 * @param label `sample` for the bundled source, a folder, an sdist file, or `git+URL@REF`
 * @throws E_SOURCE
 */
export async function openSource(host: Host, label: string): Promise<Source> {
  if (label.startsWith("git+")) return gitSource(label);
  const path =
    label === "sample" ? bundledSourcePath() : isAbsolute(label) ? label : resolve(host.cwd, label);
  const stat = await statPath(path);
  if (!stat) throw wheelsError("E_SOURCE", { source: label, problem: `There is no folder or file ${path}.` });
  if (stat.isFile) return sdistSource(label, path);
  if (!stat.isDirectory) throw wheelsError("E_SOURCE", { source: label, problem: "It is no folder." });
  return readFolder(label, path);
}

function gitSource(label: string): Source {
  const [, url, ref] = GIT.exec(label) ?? [];
  if (!url || !ref || ref.startsWith("-"))
    throw wheelsError("E_SOURCE", {
      source: label,
      problem: "A git source is written git+URL@REF, REF a tag or a commit.",
    });
  const project = (url.split("/").at(-1) ?? "").replace(/\.git$/, "").toLowerCase();
  const version = /^v?(\d+(?:\.\d+)+(?:(?:a|b|rc|\.post|\.dev)\d+)?)$/.exec(ref)?.[1] ?? null;
  return {
    label,
    place: { kind: "git", url, ref, resolved: null },
    project,
    version,
    buildRequires: [],
    expectedSeconds: null,
  };
}

/** @throws E_SOURCE for a name that is no sdist's (PEP 625) */
function sdistSource(label: string, path: string): Source {
  const [, project, version] = /^([A-Za-z0-9._-]+?)-(\d[^-]*)\.tar\.gz$/.exec(basename(path)) ?? [];
  if (!project || !version)
    throw wheelsError("E_SOURCE", {
      source: label,
      problem: "It is neither a folder nor an sdist NAME-VERSION.tar.gz.",
    });
  return {
    label,
    place: { kind: "sdist", path },
    project: normalizeName(project),
    version,
    buildRequires: [],
    expectedSeconds: null,
  };
}

/** Reads what a folder says of itself: pyproject.toml, and the PKG-INFO that an sdist has. @throws E_SOURCE */
export async function readFolder(label: string, path: string): Promise<ReadySource> {
  const place: SourcePlace = { kind: "folder", path };
  const text = await readTextIfAny(join(path, "pyproject.toml"));
  if (text === null) {
    if (!(await exists(join(path, "setup.py")))) {
      throw wheelsError("E_SOURCE", {
        source: label,
        problem: "It has neither pyproject.toml nor setup.py.",
      });
    }
    return {
      label,
      place,
      path,
      checkout: null,
      origin: null,
      project: label,
      version: null,
      buildRequires: DEFAULT_REQUIRES,
      expectedSeconds: null,
    };
  }
  const pyproject = readPyproject(label, text);
  const info = await readTextIfAny(join(path, "PKG-INFO"));
  return {
    label,
    place,
    path,
    checkout: null,
    origin: null,
    project: pyproject.project?.name ?? label,
    version:
      pyproject.project?.version ?? (info === null ? null : oneOf(parseHeaders(info, "PKG-INFO"), "Version")),
    buildRequires: pyproject["build-system"]?.requires ?? DEFAULT_REQUIRES,
    expectedSeconds: pyproject.tool?.["vllm-cpu-wheels"]?.["compile-seconds"] ?? null,
  };
}

function readPyproject(label: string, text: string): z.infer<typeof pyprojectSchema> {
  try {
    return pyprojectSchema.parse(parse(text));
  } catch (thrown) {
    if (thrown instanceof TomlError) {
      const problem = `pyproject.toml:${thrown.line}:${thrown.column} is no TOML: ${thrown.message.split("\n")[0]}`;
      throw wheelsError("E_SOURCE", { source: label, problem }, thrown);
    }
    if (thrown instanceof z.ZodError) {
      throw wheelsError(
        "E_SOURCE",
        { source: label, problem: `pyproject.toml: ${z.prettifyError(thrown)}` },
        thrown,
      );
    }
    throw thrown;
  }
}

/**
 * The source as the version that was asked for; one that does not say its own version is taken at the user's word.
 * @throws E_VERSION_UNKNOWN for the bundled source, E_VERSION_MISMATCH for another
 */
export function asVersion<S extends Source>(source: S, asked: string): S {
  if (source.version === null) return { ...source, version: asked };
  if (source.version === asked) return source;
  if (source.label === "sample") {
    throw wheelsError("E_VERSION_UNKNOWN", {
      project: source.project,
      version: asked,
      nearest: closest(asked, [source.version]),
      newest: null,
    });
  }
  throw wheelsError("E_VERSION_MISMATCH", { asked, found: source.version, source: source.label });
}

/** A time for every file of a copy: later than what zip and ninja take for none, and earlier than any clock that is right. */
export const SOURCE_TIME = new Date("2000-01-01T00:00:00Z");

/** What of a source is not built: leftovers of a folder that git knows nothing of, and what this run writes to. */
async function wantedFiles(
  { path, place, checkout }: ReadySource,
  exclude: readonly string[],
): Promise<(path: string) => boolean> {
  const from = checkout?.top ?? path;
  const skipped = exclude
    .filter((folder) => folder !== from && isWithin(from, folder))
    .map((folder) => relative(from, folder));
  if (checkout === null) {
    for (const { name } of await listDir(join(path, "build")))
      if (name === "CMakeCache.txt" || /^(temp|lib|bdist)\./.test(name)) skipped.push("build");
  }
  const isSkipped = (name: string): boolean =>
    skipped.some((folder) => name === folder || name.startsWith(`${folder}/`));
  // An sdist's own list of files, by which setuptools knows what else goes into the wheel, lies in its egg-info.
  const isSdist = place.kind !== "folder" || (await exists(join(path, "PKG-INFO")));
  const isLeft = (name: string): boolean =>
    checkout === null && LEFTOVER.test(name) && !(isSdist && /\.egg-info(\/|$)/.test(name));
  return (name) => !isSkipped(name) && !isLeft(name);
}

/** The folder that files of a source are named from, and their names. */
async function filesOf(
  host: Host,
  source: ReadySource,
  exclude: readonly string[],
): Promise<{ from: string; files: string[] }> {
  const wanted = await wantedFiles(source, exclude);
  const { path, checkout } = source;
  if (checkout === null) return { from: path, files: await listFiles(path, wanted) };
  return {
    from: checkout.top,
    files: (await checkoutFiles(host, checkout, source.label)).filter(wanted),
  };
}

/**
 * A digest of all that is built of a source, hexadecimal: equal sources have equal ones. Of a git checkout it holds the
 * commit and what git makes of the tags, too: versions are computed of them.
 * @throws E_SOURCE_INCOMPLETE, E_GIT
 */
export async function sourceDigest(
  host: Host,
  source: ReadySource,
  exclude: readonly string[],
): Promise<string> {
  const { from, files } = await filesOf(host, source, exclude);
  const wanted = new Set(files.flatMap((name) => parentsOf(name)));
  const content = await treeDigest(from, (name) => wanted.has(name));
  const { commit = null, described = null, prefix = "" } = source.checkout ?? {};
  return createHash("sha256")
    .update(JSON.stringify([content, commit, described, prefix]))
    .digest("hex");
}

/** A file's path and those of the folders that it is in. */
function parentsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_part, index) => parts.slice(0, index + 1).join("/"));
}

/** Where in a copy of it a source's project lies. */
export const projectFolder = (source: Pick<ReadySource, "checkout">, copy: string): string =>
  join(copy, source.checkout?.prefix ?? "");

/**
 * Copies the source into a scratch folder, where the build may change what it likes: the user's own tree is never
 * written, so that no interruption, not even kill -9, can leave it changed. Of a git checkout the copy has what a
 * recursive clone has, and git answers in it as it does there.
 * @param to absent before; see {@link projectFolder}
 * @param exclude folders below the source that this run itself writes to
 * @throws E_DISK_FULL, E_SOURCE, E_SOURCE_INCOMPLETE, E_GIT
 */
export async function copySource(
  host: Host,
  source: ReadySource,
  to: string,
  exclude: readonly string[],
): Promise<void> {
  const wanted = await wantedFiles(source, exclude);
  const { checkout } = source;
  if (checkout !== null) return copyCheckout(host, checkout, source.label, to, wanted, SOURCE_TIME);
  await makeDir(to);
  const missing = await copyFiles(source.path, to, await listFiles(source.path, wanted), SOURCE_TIME);
  if (missing.length > 0)
    throw wheelsError("E_SOURCE", { source: source.label, problem: "It changed while it was copied." });
}
