import { isAbsolute, join, resolve } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import { exists, listDir, readTextIfAny, remove } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { copyFiles, listFiles } from "../../host/source-copy.ts";
import { treeDigest } from "../../host/trees.ts";
import type { Dependency, LibrarySource, SystemLibrary } from "../../variants/recipe-schema.ts";
import type { Recipe } from "../../variants/recipes.ts";
import { cachedCommit } from "./clone.ts";
import { type ResolvedRef, resolveRef } from "./git.ts";
import { SOURCE_TIME } from "./source.ts";

/** A dependency's tree, and where the build reads its place. */
export interface DependencyFolder {
  path: string;
  as: "environment" | "cmake";
}

/** True for a bare repository, or a checkout with its history. */
async function isRepository(path: string): Promise<boolean> {
  if (await exists(join(path, ".git"))) return true;
  const names = new Set((await listDir(path)).map(({ name }) => name));
  return ["HEAD", "objects", "refs"].every((name) => names.has(name));
}

/** Where a dependency comes from: a folder by its content, a repository by the commit that its ref stands for now. */
export type DependencyOrigin =
  | { kind: "folder"; path: string; digest: string }
  | { kind: "git"; repository: string; ref: ResolvedRef; isOwn: boolean };

/** What an origin's bytes are known by, hexadecimal: the commit, or the digest of the folder. */
export const identityOf = (origin: DependencyOrigin): string =>
  origin.kind === "git" ? origin.ref.commit : origin.digest;

/** What is known of a source before it is fetched. */
type Pinned = Pick<Dependency, "repository" | "ref" | "file">;

/** A library that is built from source, so that it asks for no newer glibc than the wheel does. */
export interface SourcedLibrary {
  /** As the linker is told it. */
  library: string;
  source: LibrarySource;
}

/**
 * The libraries of a recipe by where they come from: the system, or their source, where a glibc is asked for and for all that is
 * listed to the build.
 */
export function librariesOf(
  { libraries, listed }: Pick<Recipe, "libraries" | "listed">,
  floor: string | null,
): { system: SystemLibrary[]; sourced: SourcedLibrary[] } {
  const isSourced = (one: SystemLibrary): one is SystemLibrary & SourcedLibrary =>
    floor !== null && one.source !== undefined;
  const taken = listed.map((source) => ({
    library: source.soname.replace(/^lib|\.so(\.\d+)*$/g, ""),
    source,
  }));
  return {
    system: libraries.filter((one) => !isSourced(one)),
    sourced: [...libraries.filter(isSourced), ...taken],
  };
}

/** The sources of other projects that a build takes, by name, pinned by its recipe. */
export function pinnedSources(recipe: Recipe, floor: string | null): Record<string, Pinned> {
  const libraries = librariesOf(recipe, floor).sourced.map(({ source }) => [source.project, source] as const);
  return { ...recipe.dependencies, ...Object.fromEntries(libraries) };
}

/**
 * Finds out what each dependency of a build is now, before anything of it is fetched.
 * @param refs tag or commit by name
 * @param local folder or repository that the user names, by the dependency's name
 * @throws E_GIT, E_DEPENDENCY
 */
export async function resolveDependencies(
  host: Host,
  pinned: Readonly<Record<string, Pinned>>,
  refs: ReadonlyMap<string, string>,
  local: Readonly<Record<string, string>>,
): Promise<Map<string, DependencyOrigin>> {
  const origins = new Map<string, DependencyOrigin>();
  for (const [name, dependency] of Object.entries(pinned)) {
    const ref = refs.get(name) ?? dependency.ref;
    const own = local[name] ?? null;
    const isUrl = own !== null && /^[a-z][a-z0-9+.-]*:\/\/|^[\w.-]+@[\w.-]+:/i.test(own);
    const path = own === null || isUrl || isAbsolute(own) ? own : resolve(host.cwd, own);
    if (path !== null && !isUrl && !(await isRepository(path))) {
      if (!(await exists(path)))
        throw wheelsError("E_DEPENDENCY", { name, source: path, problem: "There is no such folder." });
      await demandRelease(name, path, { ...dependency, ref });
      origins.set(name, { kind: "folder", path, digest: await treeDigest(path, wanted) });
    } else {
      const repository = path ?? dependency.repository;
      const found = await resolveRef(host, repository, ref);
      origins.set(name, { kind: "git", repository, ref: found, isOwn: own !== null });
    }
  }
  return origins;
}

/** What a build of its own may have left in a checkout is no source. */
const wanted = (path: string): boolean => !/(^|\/)(build|\.git)$/.test(path);

/** The version that a file states, such as 3.13.0: oneDNN's cmake file, or one that holds nothing else. */
export function statedVersion(cmake: string): string | null {
  return (
    /^([\d.]+)\s*$/.exec(cmake)?.[1] ??
    /set\(PROJECT_VERSION "([\d.]+)"\)/.exec(cmake)?.[1] ??
    /project\(\S+ VERSION "?([\d.]+)"?/.exec(cmake)?.[1] ??
    null
  );
}

/** A plain folder of the user's is taken at its word where the word is the release that was asked for. */
async function demandRelease(name: string, source: string, { ref, file }: Pinned): Promise<void> {
  const cmake = await readTextIfAny(join(source, file));
  const refuse = (problem: string): never => {
    throw wheelsError("E_DEPENDENCY", { name, source, problem });
  };
  if (cmake === null) return refuse(`It has no ${file}, and is no git repository.`);
  const version = statedVersion(cmake);
  const release = /^(?:v|[a-z]+-)(\d+(\.\d+)+)/.exec(ref)?.[1];
  if (release === undefined)
    return refuse(`The build pins the commit ${ref}; a folder without history can't show it.`);
  if (version !== release && !version?.startsWith(`${release}.`))
    refuse(`It is version ${version ?? "unknown"}; the build pins ${ref}.`);
}

/** Puts a copy of a source into a folder: of a folder of the user's, or of a commit in the cache. @throws E_GIT, E_OUTPUT_DIR, E_DISK_FULL */
export async function copyOrigin(
  host: Host,
  origin: DependencyOrigin,
  fresh: boolean,
  to: string,
): Promise<void> {
  const tree =
    origin.kind === "folder" ? origin.path : await cachedCommit(host, origin.repository, origin.ref, fresh);
  await copyFiles(tree, to, await listFiles(tree, wanted), SOURCE_TIME);
}

/**
 * Puts the sources that a build would fetch by itself beside it, each at its pinned commit: from the cache, or from
 * what the user named.
 * @param origins of {@link resolveDependencies}
 * @param folder where they go; always the same for one build, since its path is in the compile commands
 * @returns place by variable
 * @throws E_GIT
 */
export async function provideDependencies(
  host: Host,
  recipe: Recipe,
  origins: ReadonlyMap<string, DependencyOrigin>,
  fresh: boolean,
  folder: string,
  options: { keep: boolean },
): Promise<Record<string, DependencyFolder>> {
  if (!options.keep) await remove(folder);
  const provided: Record<string, DependencyFolder> = {};
  for (const [name, { variable, as }] of Object.entries(recipe.dependencies)) {
    const path = join(folder, name);
    provided[variable] = { path, as };
    const origin = origins.get(name);
    if (origin === undefined || (options.keep && (await exists(path)))) continue;
    await copyOrigin(host, origin, fresh, path);
  }
  return provided;
}
