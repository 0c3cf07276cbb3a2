import { isPlatformTag } from "../../wheel/platform-tags.ts";
import { compareVersions } from "../../wheel/version.ts";
import { FAMILIES, LIBRARIES, PACKED_RELOCATIONS_GLIBC, PLATFORMS } from "./manylinux.ts";

/** What a table says where a platform has no version of a family. */
const NONE = "0";

/** The oldest platform of an architecture that no manylinux has yet, as for those that came with PEP 599. */
const OLDEST_OF_OTHERS = "2.17";

const PACKED_RELOCATIONS = "GLIBC_ABI_DT_RELR";

/** Loaders, which a library may name, and which every platform of their architecture has. */
const LOADERS: ReadonlySet<string> = new Set(["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"]);

/**
 * True for a library that the platform of these tags has; where no tag promises a glibc, that some platform has.
 * Source: auditwheel's lib_whitelist.
 */
export function isPlatformLibrary(name: string, platformTags: readonly string[]): boolean {
  if (LOADERS.has(name)) return true;
  const since = LIBRARIES[name];
  if (since === undefined) return false;
  const promised = platformTags.map(promisedGlibc).filter((glibc) => glibc !== null);
  return promised.every((glibc) => compareVersions(glibc, since) >= 0);
}

/** Libraries that every musllinux platform has. Source: PEP 656; auditwheel 6.8 (policy/musllinux-policy.json). */
export const MUSL_LIBRARIES = /^(libc\.so|libc\.musl-\w+\.so\.1|ld-musl-\w+\.so\.1|libz\.so\.1)$/;

/** musl's C library by the names that a library needs it under. */
export const MUSL_LIBC = /^(libc\.musl-|ld-musl-|libc\.so$)/;

/** True for a wheel of another system, by tags that mean one: its libraries are none of those that are read here. */
export const isForOtherSystem = (platformTags: readonly string[]): boolean =>
  platformTags.length > 0 &&
  platformTags.every((tag) => isPlatformTag(tag) && tag !== "any" && !/^(many|musl)?linux/.test(tag));

/** Libraries that torch's own wheel brings and loads first. */
export const TORCH_LIBRARIES =
  /^lib(torch|torch_cpu|torch_python|torch_global_deps|c10|shm|gomp)(-[0-9a-f]+)?\.so(\.\d+)*$/;

/**
 * The newest version of each symbol family among names such as GLIBC_2.34. Names of glibc that no platform promises
 * (GLIBC_PRIVATE) stand for themselves; other odd names are left out.
 */
export function newestVersions(wanted: Iterable<string>): Map<string, string> {
  const newest = new Map<string, string>();
  for (const name of wanted) {
    const known = name === PACKED_RELOCATIONS ? `GLIBC_${PACKED_RELOCATIONS_GLIBC}` : name;
    const match = /^(GLIBC|GLIBCXX|CXXABI|GCC|ZLIB|LIBATOMIC)_(\d+(?:\.\d+)*)$/.exec(known);
    const [, family, version] = match ?? [];
    if (family && version) {
      const before = newest.get(family);
      if (before === undefined || compareVersions(version, before) > 0) newest.set(family, version);
    } else if (name.startsWith("GLIBC_")) newest.set(name, "");
  }
  return newest;
}

/** The versions that libraries want, packed relocations included. */
export function versionsOf(
  libraries: readonly { wantedVersions: readonly string[]; packedRelocations: boolean }[],
): Map<string, string> {
  return newestVersions(
    libraries.flatMap(({ wantedVersions, packedRelocations }) => [
      ...wantedVersions,
      ...(packedRelocations ? [PACKED_RELOCATIONS] : []),
    ]),
  );
}

const LEGACY: Readonly<Record<string, string>> = { "1": "2.5", "2010": "2.12", "2014": "2.17" };

/** glibc version, such as 2.28, that a platform tag promises; null for a tag that promises none (linux_*, any). */
export function promisedGlibc(platformTag: string): string | null {
  const [, alias, major, minor] = /^manylinux(?:(1|2010|2014)|_(\d+)_(\d+))_/.exec(platformTag) ?? [];
  return alias !== undefined ? (LEGACY[alias] ?? null) : major && minor ? `${major}.${minor}` : null;
}

/** The row of the newest platform of an architecture that a glibc version has reached. */
function platformFor(glibc: string, architecture: string): readonly string[] | undefined {
  return PLATFORMS[architecture]?.filter(([own = ""]) => compareVersions(own, glibc) <= 0).at(-1);
}

/** A symbol version that a platform does not have. */
interface Excess {
  /** E.g. GLIBC_2.38. */
  symbol: string;
  /** The newest version that it has; null where no platform has any. */
  expected: string | null;
}

/** What a set of symbol versions exceeds on a platform; empty where all is there. @param glibc such as 2.28 */
export function exceeding(
  newest: ReadonlyMap<string, string>,
  glibc: string,
  architecture: string,
): Excess[] {
  const [, libc = NONE, ...families] = platformFor(glibc, architecture) ?? [];
  const limits: [string, string][] = [
    ["GLIBC", compareVersions(libc, glibc) > 0 ? libc : glibc],
    ...families.map((version, index): [string, string] => [FAMILIES[index] ?? "", version]),
  ];
  return [
    ...limits.flatMap(([family, limit]) => {
      const wanted = newest.get(family);
      return wanted !== undefined && compareVersions(wanted, limit) > 0
        ? [{ symbol: `${family}_${wanted}`, expected: limit === NONE ? "none" : limit }]
        : [];
    }),
    ...[...newest].flatMap(([name, version]) => (version === "" ? [{ symbol: name, expected: null }] : [])),
  ];
}

/**
 * The oldest glibc platform on which symbol versions and libraries are all there; null where no known one is enough.
 * @param needed names of libraries
 */
export function earnedGlibc(
  newest: ReadonlyMap<string, string>,
  needed: readonly string[],
  architecture = "x86_64",
): string | null {
  const platforms = (PLATFORMS[architecture] ?? []).map(([glibc = ""]) => glibc);
  const floors = [platforms[0] ?? OLDEST_OF_OTHERS, ...needed.map((name) => LIBRARIES[name] ?? NONE)];
  const floor = floors.sort(compareVersions).at(-1) ?? OLDEST_OF_OTHERS;
  const own = newest.get("GLIBC") ?? floor;
  return (
    [...platforms, floor, own]
      .filter((glibc) => compareVersions(glibc, floor) >= 0)
      .sort(compareVersions)
      .find((glibc) => exceeding(newest, glibc, architecture).length === 0) ?? null
  );
}
