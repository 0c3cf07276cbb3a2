import type { Finding, FindingOf } from "../../findings/findings.ts";
import type { ClaimedVariant, LibraryFacts, WheelFacts } from "../facts/facts.ts";
import { type CheckAnswer, failOnOwn } from "../verdict/check.ts";
import { isForOtherSystem, isPlatformLibrary, MUSL_LIBRARIES, TORCH_LIBRARIES } from "./platform-policies.ts";
import { type Bundled, bundledIn, foreignSearchPath, reaches } from "./search-paths.ts";

/** Files told of that can't be looked into. */
const MOST_FILES = 50;

const isThere = (name: string, { platformTags }: WheelFacts): boolean =>
  isPlatformLibrary(name, platformTags) || MUSL_LIBRARIES.test(name);

function memoryProblems(library: LibraryFacts): FindingOf<"unsafe-memory">["problem"][] {
  return [
    ...(library.executableStack ? ["executable-stack" as const] : []),
    ...(library.textRelocations ? ["text-relocations" as const] : []),
    ...(library.writableCode ? ["writable-code" as const] : []),
  ];
}

/** What one library asks of the system that it is loaded on, and what of that nobody promises. */
function libraryProblems(library: LibraryFacts, facts: WheelFacts, bundled: Bundled): Finding[] {
  const { path: file, needed, searchPaths } = library;
  const bringsTorch = facts.torch !== null || facts.distribution === "torch";
  return [
    ...needed
      .filter((name) => !isThere(name, facts) && !TORCH_LIBRARIES.test(name) && !bundled.has(name))
      .map((name): Finding => ({ kind: "missing-library", file, library: name })),
    ...needed
      .filter((name) => !bringsTorch && TORCH_LIBRARIES.test(name) && !bundled.has(name))
      .map(
        // An OpenMP library is brought by many.
        (name): Finding => ({
          kind: name.startsWith("libgomp") ? "missing-library" : "library-of-unrequired-torch",
          file,
          library: name,
        }),
      ),
    ...searchPaths.flatMap((entry): Finding[] => {
      const foreign = foreignSearchPath(file, entry);
      return foreign ? [{ kind: "foreign-search-path", file, entry, folder: foreign.folder }] : [];
    }),
    ...memoryProblems(library).map((problem): Finding => ({ kind: "unsafe-memory", file, problem })),
  ];
}

/** The wheel's libraries that need each other one, by the names that they need it under. */
function loadersOf(libraries: readonly LibraryFacts[]): ReadonlyMap<string, readonly LibraryFacts[]> {
  const loaders = new Map<string, LibraryFacts[]>();
  for (const library of libraries)
    for (const name of library.needed) loaders.set(name, [...(loaders.get(name) ?? []), library]);
  return loaders;
}

/**
 * Libraries whose DT_RPATH the loader searches for what this one needs: of those that load it, and of those that load them.
 * One with DT_RUNPATH is asked for its own needs alone, and asks nobody else.
 * Source: ld.so(8), "DESCRIPTION"; gABI, chapter 5, "Shared Object Dependencies".
 */
function handingOn(
  library: LibraryFacts,
  loaders: ReadonlyMap<string, readonly LibraryFacts[]>,
): readonly LibraryFacts[] {
  const found = new Set<LibraryFacts>();
  const queue = [library];
  for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
    if (one === library && one.hasRunpath) break;
    const names = [one.path.split("/").at(-1) ?? "", one.soname ?? ""];
    for (const loader of names.flatMap((name) => loaders.get(name) ?? []))
      if (!found.has(loader)) {
        found.add(loader);
        queue.push(loader);
      }
  }
  return [...found].filter(({ hasRunpath }) => !hasRunpath);
}

/**
 * Libraries of the wheel that whoever needs them does not find. One that finds it is enough: a loader takes what is
 * loaded already under that name.
 */
function unreachable(libraries: readonly LibraryFacts[], facts: WheelFacts, bundled: Bundled): Finding[] {
  const loaders = loadersOf(libraries);
  const needs = libraries.flatMap((library) =>
    library.needed
      .filter((name) => !isThere(name, facts) && !TORCH_LIBRARIES.test(name) && bundled.has(name))
      .map((name) => ({
        path: library.path,
        name,
        found: [library, ...handingOn(library, loaders)].some(({ path, searchPaths }) =>
          reaches(path, searchPaths, name, bundled),
        ),
      })),
  );
  const found = new Set(needs.filter((need) => need.found).map(({ name }) => name));
  return needs
    .filter(({ name }) => !found.has(name))
    .map(({ path, name }) => ({ kind: "unreachable-library", file: path, library: name }));
}

/** What the SBOM of a wheel of ours lacks: each library that the repair has bundled must stand there. */
function sbomProblems({ sbom, libraries }: WheelFacts): Finding[] {
  if (sbom === null) return [];
  if (sbom.problem !== null) return [{ kind: "sbom-malformed", file: sbom.file, problem: sbom.problem }];
  const named = new Set(sbom.names);
  return libraries
    .filter(({ path }) => /^[^/]+\.libs\//.test(path) && !named.has(path))
    .map(({ path }) => ({ kind: "sbom-lacks-library", file: path }));
}

/** What the wheels of others do on purpose, or have lived with: a plugin for what may be there, a path of the machine that built. */
const TOLD: ReadonlySet<Finding["kind"]> = new Set([
  "missing-library",
  "library-of-unrequired-torch",
  "foreign-search-path",
]);

/** Every library that is needed is in the wheel, on the platform, or torch's own; and none is loaded from elsewhere. */
export function platformLibraries(
  facts: WheelFacts,
  variant: ClaimedVariant,
): CheckAnswer<"platform.libraries"> {
  const libraries = facts.libraries.filter(({ problem }) => problem === null);
  const bundled = bundledIn(facts.libraries);
  const hidden = facts.hidden.filter(({ kind }) => kind === "hidden-code");
  const failures = [
    ...hidden,
    ...sbomProblems(facts),
    ...libraries.flatMap((library) => libraryProblems(library, facts, bundled)),
  ];
  const warnings = unreachable(libraries, facts, bundled);
  const evidence = {
    needed: Object.fromEntries(libraries.map(({ path, needed }) => [path, needed])),
    opaque: facts.hidden
      .filter(({ kind }) => kind === "opaque-file")
      .map(({ file }) => file)
      .slice(0, MOST_FILES),
  };
  const tags = facts.platformTags;
  if (failures.length === 0 && isForOtherSystem(tags))
    return { result: "not-run", findings: [{ kind: "other-system", tags }], evidence };
  return failOnOwn({ failures, warnings }, evidence, TOLD, variant !== null);
}
