import type { Finding, FindingOf } from "../../findings/findings.ts";
import type { LibraryFacts, WheelFacts } from "../facts/facts.ts";
import type { CheckAnswer } from "../verdict/check.ts";
import { isPlatformLibrary, MUSL_LIBRARIES, TORCH_LIBRARIES } from "./platform-policies.ts";
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
      .map((name): Finding => ({ kind: "library-of-unrequired-torch", file, library: name })),
    ...searchPaths.flatMap((entry): Finding[] => {
      const foreign = foreignSearchPath(file, entry);
      return foreign ? [{ kind: "foreign-search-path", file, entry, folder: foreign.folder }] : [];
    }),
    ...memoryProblems(library).map((problem): Finding => ({ kind: "unsafe-memory", file, problem })),
  ];
}

/**
 * Libraries of the wheel that whoever needs them does not find. One that finds it is enough: a loader takes what is
 * loaded already under that name.
 */
function unreachable(libraries: readonly LibraryFacts[], facts: WheelFacts, bundled: Bundled): Finding[] {
  const needs = libraries.flatMap(({ path, needed, searchPaths }) =>
    needed
      .filter((name) => !isThere(name, facts) && !TORCH_LIBRARIES.test(name) && bundled.has(name))
      .map((name) => ({ path, name, found: reaches(path, searchPaths, name, bundled) })),
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

/** Every library that is needed is in the wheel, on the platform, or torch's own; and none is loaded from elsewhere. */
export function platformLibraries(facts: WheelFacts): CheckAnswer<"platform.libraries"> {
  const libraries = facts.libraries.filter(({ problem }) => problem === null);
  const bundled = bundledIn(facts.libraries);
  const hidden = facts.hidden.filter(({ kind }) => kind === "hidden-code");
  const failures = [
    ...hidden,
    ...sbomProblems(facts),
    ...libraries.flatMap((library) => libraryProblems(library, facts, bundled)),
  ];
  const warnings = unreachable(libraries, facts, bundled);
  return {
    result: failures.length > 0 ? "fail" : warnings.length > 0 ? "warn" : "pass",
    findings: [...failures, ...warnings],
    evidence: {
      needed: Object.fromEntries(libraries.map(({ path, needed }) => [path, needed])),
      opaque: facts.hidden
        .filter(({ kind }) => kind === "opaque-file")
        .map(({ file }) => file)
        .slice(0, MOST_FILES),
    },
  };
}
