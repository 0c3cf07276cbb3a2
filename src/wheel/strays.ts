import { landingOf } from "./landing.ts";

/**
 * Top-level names that decide how others are installed, imported or judged, by the distributions that own them: a wheel of
 * another name that brings one takes the place of what runs before and beside it.
 */
const OWNED: Readonly<Record<string, readonly string[]>> = {
  torch: ["torch", "torchgen", "functorch"],
  numpy: ["numpy"],
  pip: ["pip"],
  setuptools: ["setuptools", "pkg_resources", "_distutils_hack"],
  wheel: ["wheel"],
  packaging: ["packaging"],
  uv: ["uv"],
  certifi: ["certifi"],
  "typing-extensions": ["typing_extensions"],
  virtualenv: ["virtualenv", "_virtualenv"],
  // Python imports them by itself (site module).
  "": ["sitecustomize", "usercustomize"],
};
const OTHERS = new Set(Object.values(OWNED).flat());
/** Programs of an environment that a wheel's script would take the place of, by the distributions that own them. */
const PROGRAMS: readonly [RegExp, string][] = [
  [/^(python[\d.]*[wt]?|python[\d.]*-config|idle[\d.]*|pydoc[\d.]*|2to3[\d.-]*)$/i, ""],
  [/^(de)?activate([.\w-]*)$/i, "virtualenv"],
  [/^pip[\d.]*$/i, "pip"],
  [/^easy_install[\d.-]*$/i, "setuptools"],
  [/^wheel$/i, "wheel"],
  [/^uvx?$/i, "uv"],
];

/**
 * True for the name of a program that every environment has or that makes environments, and that is not this wheel's.
 * @param distribution normalised name of the wheel's distribution
 */
export const isOthersProgram = (distribution: string, name: string): boolean =>
  PROGRAMS.some(([pattern, owner]) => owner !== distribution && pattern.test(name.replace(/\.exe$/i, "")));

/**
 * Entries, and programs that installers make, which land where another one does: `installer` refuses that, pip and uv let
 * the last one win.
 * @param names paths in the archive
 * @param programs of entry points
 */
export function landedTwice(
  names: readonly string[],
  programs: readonly string[],
): { file: string; other: string }[] {
  const taken = new Map<string, string>();
  const all = [
    ...names
      .filter((name) => !name.endsWith("/"))
      .map((name) => [name, landingOf(name)] as const)
      .map(([name, { place, path }]) => [name, `${place}/${path}`] as const),
    ...programs.map((name) => [`the program ${name}`, `programs/${name}`] as const),
  ];
  return all.flatMap(([file, place]) => {
    const other = taken.get(place);
    taken.set(place, other ?? file);
    return other === undefined ? [] : [{ file, other }];
  });
}

/**
 * Files that run at every start of the interpreter (Python, site module). Some tools live by that; a variant's wheel has no
 * reason to.
 * @param names paths in the archive
 */
export const startupFiles = (names: readonly string[]): string[] =>
  names.filter((name) => {
    const { place, path } = landingOf(name);
    return place === "packages" && /^[^/]+\.pth$/i.test(path);
  });

/**
 * Files of a wheel that would take another package's place: a folder `torch` would change what the wheel is compared
 * with. Entries of folders bring nothing.
 * @param distribution normalised name of the wheel's distribution
 * @param names paths in the archive
 */
export function strayFiles(distribution: string, names: readonly string[]): string[] {
  const own = new Set(OWNED[distribution] ?? []);
  return names.filter((name) => {
    if (name.endsWith("/")) return false;
    const { place, path, by } = landingOf(name);
    if (place === "unknown") return true;
    if (place === "headers") return false;
    // What data/ puts among programs and packages goes round the rules of their own schemes.
    if (by === "data")
      return (
        place !== "environment" ||
        /^(s?bin|Scripts|pyvenv\.cfg)(\/|$)|(^|\/)(site|dist)-packages(\/|$)|^lib(64)?\/python[^/]*\//i.test(
          path,
        )
      );
    if (place === "programs") return isOthersProgram(distribution, path);
    const top = (path.split("/")[0] ?? "").replace(/\.(py|pyc|so|[\w-]+\.so)$/, "");
    // A second dist-info folder would make another distribution look installed, in whatever version.
    if (by !== null && /^[^/]+\.(dist-info|egg-info)(\/|$)/i.test(path)) return true;
    return OTHERS.has(top) && !own.has(top);
  });
}
