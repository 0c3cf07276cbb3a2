import { isAbsolute, join, resolve } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import { exists, listDir, readTextIfAny, remove } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { copyTree, treeDigest } from "../../host/trees.ts";
import type { Dependency } from "../../variants/recipe-schema.ts";
import type { Recipe } from "../../variants/recipes.ts";
import { cachedCommit, exportCommit } from "./obtain.ts";

/** A dependency's tree, and where the build reads its place. */
export interface DependencyFolder {
  path: string;
  as: "environment" | "cmake";
}

interface DependencyPlace {
  onednn: string | null;
}

/** True for a bare repository, or a checkout with its history. */
async function isRepository(path: string): Promise<boolean> {
  if (await exists(join(path, ".git"))) return true;
  const names = new Set((await listDir(path)).map(({ name }) => name));
  return ["HEAD", "objects", "refs"].every((name) => names.has(name));
}

/** What a user's own source of oneDNN is, as far as it can change: a folder by its content, a repository by its name. */
export async function ownSourceDigest(host: Host, source: string | null): Promise<string> {
  if (source === null) return "";
  const path = isAbsolute(source) ? source : resolve(host.cwd, source);
  return (await exists(path)) && !(await isRepository(path)) ? treeDigest(path, wanted) : source;
}

/** What a build of its own may have left in a checkout is no source. */
const wanted = (path: string): boolean => !/(^|\/)(build|\.git)$/.test(path);

/** The version that oneDNN's cmake file states, such as 3.13.0; null where it is none. */
export function onednnVersion(cmake: string): string | null {
  return (
    /set\(PROJECT_VERSION "([\d.]+)"\)/.exec(cmake)?.[1] ??
    /project\(\S+ VERSION "?([\d.]+)"?/.exec(cmake)?.[1] ??
    null
  );
}

/** A plain folder of the user's is taken at its word where the word is the release that was asked for. */
async function demandRelease(name: string, source: string, { ref, file }: Dependency): Promise<void> {
  const cmake = await readTextIfAny(join(source, file));
  const refuse = (problem: string): never => {
    throw wheelsError("E_DEPENDENCY", { name, source, problem });
  };
  if (cmake === null) return refuse(`It has no ${file}, and is no git repository.`);
  const version = onednnVersion(cmake);
  const release = /^v(\d+\.\d+)/.exec(ref)?.[1];
  if (release === undefined)
    return refuse(`The build pins the commit ${ref}; a folder without history can't show it.`);
  if (version !== release && !version?.startsWith(`${release}.`))
    refuse(`It is version ${version ?? "unknown"}; the build pins ${ref}.`);
}

async function fromUser(
  host: Host,
  name: string,
  source: string,
  dependency: Dependency,
  to: string,
): Promise<void> {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\/|^[\w.-]+@[\w.-]+:/i.test(source);
  const path = isUrl || isAbsolute(source) ? source : resolve(host.cwd, source);
  if (isUrl || (await isRepository(path))) return exportCommit(host, path, dependency.ref, to);
  if (!(await exists(path)))
    throw wheelsError("E_DEPENDENCY", { name, source, problem: "There is no such folder." });
  await demandRelease(name, path, dependency);
  await copyTree(path, to, wanted);
}

/**
 * Puts the sources that a build would fetch by itself beside it, each at its pinned commit: from the cache, or from
 * what the user named.
 * @param refs commit or tag by name
 * @param folder where they go; always the same for one build, since its path is in the compile commands
 * @returns place by variable
 * @throws E_GIT, E_DEPENDENCY
 */
export async function provideDependencies(
  host: Host,
  recipe: Recipe,
  refs: ReadonlyMap<string, string>,
  place: DependencyPlace,
  folder: string,
  options: { keep: boolean },
): Promise<Record<string, DependencyFolder>> {
  if (!options.keep) await remove(folder);
  const provided: Record<string, DependencyFolder> = {};
  for (const [name, pinned] of Object.entries(recipe.dependencies)) {
    const dependency = { ...pinned, ref: refs.get(name) ?? pinned.ref };
    const path = join(folder, name);
    provided[dependency.variable] = { path, as: dependency.as };
    if (options.keep && (await exists(path))) continue;
    const own = name === "onednn" ? place.onednn : null;
    if (own !== null) await fromUser(host, name, own, dependency, path);
    else {
      const tree = await cachedCommit(host, dependency.repository, dependency.ref);
      await copyTree(tree, path, () => true);
    }
  }
  return provided;
}
