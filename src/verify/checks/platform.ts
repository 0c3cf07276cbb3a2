import { isPlatformTag } from "../../wheel/platform-tags.ts";
import type { LibraryFacts, WheelFacts } from "../facts/facts.ts";
import type { Check } from "../verdict/verdict.ts";
import {
  earnedGlibc,
  exceeding,
  MUSL_LIBC,
  MUSL_LIBRARIES,
  PLATFORM_LIBRARIES,
  promisedGlibc,
  TORCH_LIBRARIES,
  versionsOf,
} from "./platform-policies.ts";
import { type Bundled, bundledIn, reaches, searchPathProblem } from "./search-paths.ts";

const readable = (facts: WheelFacts): LibraryFacts[] =>
  facts.libraries.filter(({ problem }) => problem === null);

/** Architectures as platform tags end with them, `any` left out. */
function architectures(tags: readonly string[]): string[] {
  return [
    ...new Set(
      tags.filter((tag) => tag !== "any").map((tag) => /_(x86_64|[a-z0-9]+)$/.exec(tag)?.[1] ?? tag),
    ),
  ];
}

interface Verdictlet {
  detail: string;
  remedy: string;
}

/** What can't be put right by a newer platform tag: no ELF, another architecture, a tag that means nothing. */
function mismatch(facts: WheelFacts): Verdictlet | null {
  const broken = facts.libraries.filter(({ problem }) => problem !== null);
  if (broken.length > 0)
    return {
      detail: broken.map(({ path, problem }) => `${path}: ${problem}`).join("; "),
      remedy: "A Linux wheel holds 64-bit little-endian ELF libraries only.",
    };
  const unknown = facts.platformTags.filter((tag) => !isPlatformTag(tag));
  if (unknown.length > 0)
    return {
      detail: `${unknown.join(", ")} is no platform tag: installers skip the wheel, indexes refuse it`,
      remedy: "Run auditwheel repair, which writes the tag that the bytes earn.",
    };
  const tagged = architectures(facts.platformTags);
  const strangers = readable(facts).filter(({ architecture }) => tagged.some((tag) => tag !== architecture));
  if (strangers.length > 0)
    return {
      detail: strangers
        .map(({ path, architecture }) => `${path} is ${architecture}, the tag says ${tagged.join(" and ")}`)
        .join("; "),
      remedy: "Tag the wheel with the architecture of its libraries.",
    };
  return null;
}

/** Libraries built for the other C library than the one that the tags name. */
function wrongLibc(facts: WheelFacts): Verdictlet | null {
  const isMusl = facts.platformTags.some((tag) => tag.startsWith("musllinux_"));
  const isGlibc = facts.platformTags.some((tag) => tag.startsWith("manylinux"));
  const wrong = readable(facts).filter(({ needed, wantedVersions }) => {
    const wantsGlibc = needed.includes("libc.so.6") || wantedVersions.some((name) => /^GLIBC_/.test(name));
    return (isMusl && wantsGlibc) || (isGlibc && needed.some((name) => MUSL_LIBC.test(name)));
  });
  if (wrong.length === 0) return null;
  return {
    detail: `${facts.platformTags.join(", ")}, yet ${wrong.map(({ path }) => path).join(", ")} wants ${isMusl ? "glibc" : "musl"}`,
    remedy: isMusl
      ? "Build it in a musllinux container, or tag it manylinux (auditwheel repair does)."
      : "Build it in a manylinux container, or tag it musllinux (auditwheel repair does).",
  };
}

/** The libraries need no newer glibc, libstdc++, libgcc or zlib than the platform tag promises. */
export function platformGlibc(facts: WheelFacts): Check {
  const base = {
    id: "platform.glibc",
    reference: "PEP 600 (manylinux), PEP 656 (musllinux), PEP 425",
  } as const;
  const [architecture = "x86_64"] = readable(facts).map((library) => library.architecture);
  const newest = versionsOf(readable(facts));
  const earned = earnedGlibc(newest, architecture);
  const isMusl = readable(facts).some(({ needed }) => needed.some((name) => MUSL_LIBC.test(name)));
  const earnedTag = earned === null || isMusl ? null : `manylinux_${earned.replace(".", "_")}`;
  const evidence = {
    newest: Object.fromEntries(newest),
    earned: earnedTag,
    platformTags: facts.platformTags,
    wantedBy: wantedBy(readable(facts), newest),
  };
  const wrong = mismatch(facts) ?? wrongLibc(facts);
  if (wrong) {
    const broken = facts.libraries.flatMap(({ path, problem }) =>
      problem === null ? [] : [{ path, problem }],
    );
    return { ...base, result: "fail", ...wrong, evidence: { ...evidence, broken } };
  }
  const brokenPromises = facts.platformTags.flatMap((tag) => {
    const glibc = promisedGlibc(tag);
    return glibc ? exceeding(newest, glibc, architecture).map((excess) => `${tag}: needs ${excess}`) : [];
  });
  if (brokenPromises.length > 0) {
    const remedy = earnedTag
      ? `Tag it ${earnedTag} (auditwheel repair does), or build on an older distribution.`
      : "Build on an older distribution.";
    return { ...base, result: "fail", detail: brokenPromises.join("; "), evidence, remedy };
  }
  const unpromised = facts.platformTags.filter((tag) => tag.startsWith("linux_"));
  if (unpromised.length > 0 && readable(facts).length > 0) {
    return {
      ...base,
      result: "warn",
      detail: `${unpromised.join(", ")} promises no glibc; the bytes earn ${earnedTag ?? "no manylinux tag"}`,
      evidence,
      remedy: "Run auditwheel repair, so that indexes take the wheel and old systems refuse it.",
    };
  }
  const good = earnedTag ? `the bytes earn ${earnedTag}` : "no symbol versions are needed";
  const detail = isMusl ? "built for musl, whose version does not stand in the bytes" : good;
  return {
    ...base,
    result: "pass",
    detail: readable(facts).length > 0 ? detail : "it holds no library",
    evidence,
  };
}

/** Which library wants the newest version of each family, for evidence. */
function wantedBy(
  libraries: readonly LibraryFacts[],
  newest: ReadonlyMap<string, string>,
): Record<string, string[]> {
  return Object.fromEntries(
    [...newest].map(([family, version]) => {
      const name = version === "" ? family : `${family}_${version}`;
      const those = libraries.filter((library) => versionsOf([library]).get(family) === version);
      return [name, those.map(({ path }) => path).slice(0, 20)];
    }),
  );
}

const isPlatformLibrary = (name: string): boolean =>
  PLATFORM_LIBRARIES.has(name) || MUSL_LIBRARIES.test(name);

/** What one library asks of the system that it is loaded on, and what of that nobody promises. */
function libraryProblems(library: LibraryFacts, facts: WheelFacts, bundled: Bundled): string[] {
  const { path, needed, searchPaths } = library;
  const bringsTorch = facts.torch !== null || facts.distribution === "torch";
  const missing = needed.filter(
    (name) => !isPlatformLibrary(name) && !TORCH_LIBRARIES.test(name) && !bundled.has(name),
  );
  const torchless = bringsTorch
    ? []
    : needed.filter((name) => TORCH_LIBRARIES.test(name) && !bundled.has(name));
  return [
    ...missing.map((name) => `${path} needs ${name}, which nobody brings`),
    ...torchless.map((name) => `${path} needs ${name} of torch, which METADATA does not require`),
    ...searchPaths.flatMap((entry) => {
      const problem = searchPathProblem(path, entry);
      return problem === null ? [] : [`${path} looks for libraries in ${problem}`];
    }),
    ...(library.executableStack ? [`${path} asks for an executable stack`] : []),
    ...(library.textRelocations ? [`${path} has text relocations`] : []),
    ...(library.writableCode ? [`${path} maps memory that is writable and executable at once`] : []),
  ];
}

/**
 * Libraries of the wheel that whoever needs them does not find. One that finds it is enough: a loader takes what is
 * loaded already under that name.
 */
function unreachable(libraries: readonly LibraryFacts[], bundled: Bundled): string[] {
  const needs = libraries.flatMap(({ path, needed, searchPaths }) =>
    needed
      .filter((name) => !isPlatformLibrary(name) && !TORCH_LIBRARIES.test(name) && bundled.has(name))
      .map((name) => ({ path, name, found: reaches(path, searchPaths, name, bundled) })),
  );
  const found = new Set(needs.filter((need) => need.found).map(({ name }) => name));
  return needs
    .filter(({ name }) => !found.has(name))
    .map(({ path, name }) => `${path} needs ${name}, which is in the wheel, but not where it looks`);
}

/** Every library that is needed is in the wheel, on the platform, or torch's own; and none is loaded from elsewhere. */
export function platformLibraries(facts: WheelFacts): Check {
  const libraries = readable(facts);
  const bundled = bundledIn(facts.libraries);
  const problems = [
    ...libraries.flatMap((library) => libraryProblems(library, facts, bundled)),
    ...facts.hidden.filter(({ kind }) => kind === "code").map(({ path, problem }) => `${path}: ${problem}`),
  ];
  const unreached = unreachable(libraries, bundled);
  const told = problems.length > 0 ? problems : unreached;
  const good =
    libraries.length > 0 ? `${libraries.length} libraries, all they need is there` : "it holds no library";
  return {
    id: "platform.libraries",
    result: problems.length > 0 ? "fail" : unreached.length > 0 ? "warn" : "pass",
    detail: told.length > 0 ? told.slice(0, 3).join("; ") + more(told.length - 3) : good,
    evidence: {
      problems: [...problems, ...unreached].slice(0, 50),
      needed: Object.fromEntries(libraries.map(({ path, needed }) => [path, needed])),
      hidden: facts.hidden.slice(0, 50),
    },
    reference: "PEP 513, PEP 600; auditwheel's policies; gABI, chapter 5 (shared object dependencies)",
    ...(told.length > 0 ? { remedy: libraryRemedy(problems.length > 0, facts) } : {}),
  };
}

function libraryRemedy(failed: boolean, { hidden }: WheelFacts): string {
  if (!failed)
    return "Give it a search path ($ORIGIN/…) to the folder, as auditwheel repair does, unless the package loads it first.";
  return hidden.some(({ kind }) => kind === "code")
    ? "Ship machine code as libraries of the wheel, where it can be read; look where these bytes come from."
    : "Run auditwheel repair, which bundles libraries and mends search paths; link without -z execstack and with -fPIC.";
}

const more = (count: number): string => (count > 0 ? ` (and ${count} more)` : "");
