/** Newest symbol versions that a platform promises, by the family of the symbols. */
type Families = Readonly<Record<"GLIBCXX" | "CXXABI" | "GCC" | "ZLIB" | "LIBATOMIC", string>>;

interface PlatformPolicy extends Families {
  /** [major, minor] of glibc. */
  glibc: readonly [number, number];
  /** Where aarch64 differs. */
  aarch64?: Partial<Families & { GLIBC: string }>;
}

/**
 * What each manylinux platform promises; NONE where it has no version of a family.
 * Sources: PEP 513, 571, 599 and 600; auditwheel 6.8 (policy/manylinux-policy.json), which keeps the list that PEP 600
 * leaves to it; CXXABI by the libstdc++ that brings the GLIBCXX version (gcc.gnu.org, "ABI Policy and Guidelines").
 */
const NONE = "0";
const POLICIES: readonly PlatformPolicy[] = [
  { glibc: [2, 5], GLIBCXX: "3.4.8", CXXABI: "1.3.1", GCC: "4.2.0", ZLIB: NONE, LIBATOMIC: NONE },
  { glibc: [2, 12], GLIBCXX: "3.4.13", CXXABI: "1.3.3", GCC: "4.3.0", ZLIB: "1.2.2.4", LIBATOMIC: NONE },
  {
    glibc: [2, 17],
    GLIBCXX: "3.4.19",
    CXXABI: "1.3.7",
    GCC: "4.8.0",
    ZLIB: "1.2.5.2",
    LIBATOMIC: NONE,
    // CentOS 7 took __cxa_thread_atexit_impl@GLIBC_2.18 back to its glibc 2.17 on aarch64.
    aarch64: { GLIBC: "2.18", GCC: "4.7.0", LIBATOMIC: "1.0" },
  },
  {
    glibc: [2, 24],
    GLIBCXX: "3.4.22",
    CXXABI: "1.3.10",
    GCC: "4.8.0",
    ZLIB: "1.2.5.2",
    LIBATOMIC: "1.2",
    aarch64: { GCC: "4.7.0" },
  },
  {
    glibc: [2, 26],
    GLIBCXX: "3.4.22",
    CXXABI: "1.3.10",
    GCC: "4.8.0",
    ZLIB: "1.2.5.2",
    LIBATOMIC: "1.2",
    aarch64: { GLIBCXX: "3.4.24", CXXABI: "1.3.11", GCC: "7.0.0" },
  },
  { glibc: [2, 27], GLIBCXX: "3.4.24", CXXABI: "1.3.11", GCC: "7.0.0", ZLIB: "1.2.9", LIBATOMIC: "1.2" },
  { glibc: [2, 31], GLIBCXX: "3.4.28", CXXABI: "1.3.12", GCC: "7.0.0", ZLIB: "1.2.9", LIBATOMIC: "1.2" },
  {
    glibc: [2, 34],
    GLIBCXX: "3.4.29",
    CXXABI: "1.3.13",
    GCC: "7.0.0",
    ZLIB: "1.2.9",
    LIBATOMIC: "1.2",
    aarch64: { GCC: "11.0" },
  },
  {
    glibc: [2, 35],
    GLIBCXX: "3.4.30",
    CXXABI: "1.3.13",
    GCC: "12.0.0",
    ZLIB: "1.2.9",
    LIBATOMIC: "1.2",
    aarch64: { GCC: "11.0" },
  },
  { glibc: [2, 37], GLIBCXX: "3.4.30", CXXABI: "1.3.13", GCC: "12.0.0", ZLIB: "1.2.12", LIBATOMIC: "1.2" },
  { glibc: [2, 39], GLIBCXX: "3.4.33", CXXABI: "1.3.15", GCC: "14.0.0", ZLIB: "1.2.12", LIBATOMIC: "1.2" },
];

/** The oldest manylinux platform by architecture (PEP 513, PEP 599; auditwheel's list). */
const OLDEST: Readonly<Record<string, string>> = { x86_64: "2.5", i686: "2.5", riscv64: "2.31" };
const OLDEST_OF_OTHERS = "2.17";

const FAMILIES = ["GLIBCXX", "CXXABI", "GCC", "ZLIB", "LIBATOMIC"] as const;

/** The glibc whose loader reads packed relocations; such a library wants this name of it, if its linker is honest. */
const RELR = { name: "GLIBC_ABI_DT_RELR", glibc: "2.36" } as const;

/** Libraries that every manylinux platform has (auditwheel's lib_whitelist). */
export const PLATFORM_LIBRARIES: ReadonlySet<string> = new Set([
  "ld-linux-x86-64.so.2",
  "ld-linux-aarch64.so.1",
  "libGL.so.1",
  "libICE.so.6",
  "libSM.so.6",
  "libX11.so.6",
  "libXext.so.6",
  "libXrender.so.1",
  "libanl.so.1",
  "libatomic.so.1",
  "libc.so.6",
  "libdl.so.2",
  "libexpat.so.1",
  "libgcc_s.so.1",
  "libglib-2.0.so.0",
  "libgobject-2.0.so.0",
  "libgthread-2.0.so.0",
  "libm.so.6",
  "libmvec.so.1",
  "libnsl.so.1",
  "libpthread.so.0",
  "libresolv.so.2",
  "librt.so.1",
  "libstdc++.so.6",
  "libutil.so.1",
  "libz.so.1",
]);

/** Libraries that every musllinux platform has. Source: PEP 656; auditwheel 6.8 (policy/musllinux-policy.json). */
export const MUSL_LIBRARIES = /^(libc\.so|libc\.musl-\w+\.so\.1|ld-musl-\w+\.so\.1|libz\.so\.1)$/;

/** musl's C library by the names that a library needs it under. */
export const MUSL_LIBC = /^(libc\.musl-|ld-musl-|libc\.so$)/;

/** Libraries that torch's own wheel brings and loads first. */
export const TORCH_LIBRARIES =
  /^lib(torch|torch_cpu|torch_python|torch_global_deps|c10|shm|gomp)(-[0-9a-f]+)?\.so(\.\d+)*$/;

function parts(version: string): number[] {
  return version.split(".").map(Number);
}

/** Compares dotted numeric versions: negative where `a` is older. */
export function compareDotted(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The newest version of each symbol family among names such as GLIBC_2.34. Names of glibc that no platform promises
 * (GLIBC_PRIVATE) stand for themselves; other odd names are left out.
 */
export function newestVersions(wanted: Iterable<string>): Map<string, string> {
  const newest = new Map<string, string>();
  for (const name of wanted) {
    const known = name === RELR.name ? `GLIBC_${RELR.glibc}` : name;
    const match = /^(GLIBC|GLIBCXX|CXXABI|GCC|ZLIB|LIBATOMIC)_(\d+(?:\.\d+)*)$/.exec(known);
    const [, family, version] = match ?? [];
    if (family && version) {
      const before = newest.get(family);
      if (before === undefined || compareDotted(version, before) > 0) newest.set(family, version);
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
      ...(packedRelocations ? [RELR.name] : []),
    ]),
  );
}

/** glibc version that a platform tag promises; null for a tag that promises none (linux_*, any). */
export function promisedGlibc(platformTag: string): [number, number] | null {
  const legacy = { manylinux1: [2, 5], manylinux2010: [2, 12], manylinux2014: [2, 17] } as const;
  const [, alias] = /^(manylinux1|manylinux2010|manylinux2014)_/.exec(platformTag) ?? [];
  if (alias) return [...legacy[alias as keyof typeof legacy]];
  const [, major, minor] = /^manylinux_(\d+)_(\d+)_/.exec(platformTag) ?? [];
  return major && minor ? [Number(major), Number(minor)] : null;
}

/** The newest policy that a glibc version has reached. */
function policyFor(glibc: readonly [number, number]): PlatformPolicy | undefined {
  return POLICIES.filter(
    ({ glibc: [major, minor] }) => major < glibc[0] || (major === glibc[0] && minor <= glibc[1]),
  ).at(-1);
}

/** A symbol version that a platform does not have. */
interface Excess {
  /** E.g. GLIBC_2.38. */
  symbol: string;
  /** The newest version that it has; null where no platform has any. */
  expected: string | null;
}

/** What a set of symbol versions exceeds on a platform; empty where all is there. */
export function exceeding(
  newest: ReadonlyMap<string, string>,
  glibc: readonly [number, number],
  architecture: string,
): Excess[] {
  const policy = policyFor(glibc);
  const own = architecture === "aarch64" ? policy?.aarch64 : undefined;
  const limit = [glibc.join("."), own?.GLIBC ?? NONE].sort(compareDotted).at(-1) ?? NONE;
  const limits: [string, string][] = [["GLIBC", limit]];
  if (policy) for (const family of FAMILIES) limits.push([family, own?.[family] ?? policy[family]]);
  return [
    ...limits.flatMap(([family, limit]) => {
      const wanted = newest.get(family);
      return wanted !== undefined && compareDotted(wanted, limit) > 0
        ? [{ symbol: `${family}_${wanted}`, expected: limit === NONE ? "none" : limit }]
        : [];
    }),
    ...[...newest].flatMap(([name, version]) => (version === "" ? [{ symbol: name, expected: null }] : [])),
  ];
}

/** The oldest glibc platform on which these symbol versions are all there; null where no known one is enough. */
export function earnedGlibc(newest: ReadonlyMap<string, string>, architecture = "x86_64"): string | null {
  const floor = OLDEST[architecture] ?? OLDEST_OF_OTHERS;
  const own = [newest.get("GLIBC") ?? floor, floor].sort(compareDotted).at(-1) ?? floor;
  const [major = 2, minor = 5] = parts(own);
  const candidates: [number, number][] = [
    [major, minor],
    ...POLICIES.map(({ glibc }): [number, number] => [...glibc]),
  ];
  const fitting = candidates
    .filter((glibc) => compareDotted(glibc.join("."), floor) >= 0)
    .filter((glibc) => exceeding(newest, glibc, architecture).length === 0)
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return fitting[0]?.join(".") ?? null;
}
