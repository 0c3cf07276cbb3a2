import { landingOf } from "../../wheel/landing.ts";
import type { LibraryFacts } from "../facts/facts.ts";

/** Folders of a wheel, as installed, that hold a library of this name (by file name or soname). */
export type Bundled = ReadonlyMap<string, ReadonlySet<string>>;

/** Where a file of the archive is installed, relative to site-packages; as the archive has it where that is elsewhere. */
function installed(name: string): string[] {
  const { place, path } = landingOf(name);
  return (place === "packages" ? path : name).split("/");
}

/** The wheel's own libraries by the names that others need them under. */
export function bundledIn(libraries: readonly Pick<LibraryFacts, "path" | "soname">[]): Bundled {
  const folders = new Map<string, Set<string>>();
  for (const { path, soname } of libraries) {
    const parts = installed(path);
    const folder = parts.slice(0, -1).join("/");
    for (const name of new Set([parts.at(-1) ?? path, soname ?? ""]))
      folders.set(name, (folders.get(name) ?? new Set()).add(folder));
  }
  return folders;
}

/** A search path that begins at the library's own folder, as a folder below site-packages; null for any other. */
function resolved(path: string, entry: string): string[] | null {
  const [, rest] = /^\$(?:ORIGIN|\{ORIGIN\})(?:\/(.*))?$/.exec(entry) ?? [];
  if (!/^\$(ORIGIN|\{ORIGIN\})(\/|$)/.test(entry) || (rest ?? "").includes("$")) return null;
  const folder = installed(path).slice(0, -1);
  for (const part of (rest ?? "").split("/")) {
    if (part === "..") {
      if (folder.length === 0) return null;
      folder.pop();
    } else if (part !== "" && part !== ".") folder.push(part);
  }
  return folder;
}

/** Folders of other packages that a wheel may look into: torch's libraries are loaded with torch. */
const TORCH = /^torch\/lib$/;

/**
 * Why a search path leaves the wheel: it is absolute or relative to where the program runs, or it climbs out of
 * site-packages, or ends in another package than the library's own.
 * @param path the library's path in the archive
 * @param entry one entry of DT_RPATH or DT_RUNPATH
 * @returns the folder of another package, null in its place where it is outside the wheel; or null for a path of its own
 */
export function foreignSearchPath(path: string, entry: string): { folder: string | null } | null {
  const folder = resolved(path, entry);
  if (folder === null) return { folder: null };
  const [own, top] = [installed(path), folder[0]];
  const isOwn = top === undefined || own.length === 1 || top === own[0] || /\.libs$/.test(top);
  return isOwn || own[0]?.endsWith(".libs") || TORCH.test(folder.join("/"))
    ? null
    : { folder: folder.join("/") };
}

/** True where the loader finds a bundled library of this name by the search paths of the one that needs it. */
export function reaches(
  path: string,
  searchPaths: readonly string[],
  name: string,
  bundled: Bundled,
): boolean {
  const folders = bundled.get(name);
  return searchPaths.some((entry) => folders?.has(resolved(path, entry)?.join("/") ?? "\0") === true);
}
