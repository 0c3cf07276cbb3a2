/**
 * Newest symbol versions that each manylinux platform promises.
 * Sources: PEP 600 and the policies of auditwheel 6.8 (policy/manylinux-policy.json); CXXABI by the libstdc++ that
 * brings the GLIBCXX version (gcc.gnu.org, "ABI Policy and Guidelines").
 */
interface PlatformPolicy {
  /** [major, minor] of glibc. */
  glibc: readonly [number, number];
  GLIBCXX: string;
  CXXABI: string;
  GCC: string;
}

const POLICIES: readonly PlatformPolicy[] = [
  { glibc: [2, 5], GLIBCXX: "3.4.8", CXXABI: "1.3.1", GCC: "4.2.0" },
  { glibc: [2, 12], GLIBCXX: "3.4.13", CXXABI: "1.3.3", GCC: "4.3.0" },
  { glibc: [2, 17], GLIBCXX: "3.4.19", CXXABI: "1.3.7", GCC: "4.8.0" },
  { glibc: [2, 24], GLIBCXX: "3.4.22", CXXABI: "1.3.10", GCC: "4.8.0" },
  { glibc: [2, 27], GLIBCXX: "3.4.24", CXXABI: "1.3.11", GCC: "7.0.0" },
  { glibc: [2, 31], GLIBCXX: "3.4.28", CXXABI: "1.3.12", GCC: "7.0.0" },
  { glibc: [2, 34], GLIBCXX: "3.4.29", CXXABI: "1.3.13", GCC: "7.0.0" },
  { glibc: [2, 35], GLIBCXX: "3.4.30", CXXABI: "1.3.13", GCC: "12.0.0" },
  { glibc: [2, 39], GLIBCXX: "3.4.33", CXXABI: "1.3.15", GCC: "14.0.0" },
];

/** Libraries that every manylinux platform has (auditwheel's lib_whitelist). */
export const PLATFORM_LIBRARIES: ReadonlySet<string> = new Set([
  "ld-linux-x86-64.so.2",
  "ld-linux-aarch64.so.1",
  "libanl.so.1",
  "libatomic.so.1",
  "libc.so.6",
  "libdl.so.2",
  "libexpat.so.1",
  "libgcc_s.so.1",
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

/** The newest version of each symbol family among names such as GLIBC_2.34; private and odd names are left out. */
export function newestVersions(wanted: Iterable<string>): Map<string, string> {
  const newest = new Map<string, string>();
  for (const name of wanted) {
    const match = /^(GLIBC|GLIBCXX|CXXABI|GCC)_(\d+(?:\.\d+)*)$/.exec(name);
    const [, family, version] = match ?? [];
    if (!family || !version) continue;
    const before = newest.get(family);
    if (before === undefined || compareDotted(version, before) > 0) newest.set(family, version);
  }
  return newest;
}

/** glibc version that a platform tag promises; null for a tag that promises none (linux_*, any). */
export function promisedGlibc(platformTag: string): [number, number] | null {
  const legacy = { manylinux1: [2, 5], manylinux2010: [2, 12], manylinux2014: [2, 17] } as const;
  const [, alias] = /^(manylinux1|manylinux2010|manylinux2014)_/.exec(platformTag) ?? [];
  if (alias) return [...legacy[alias as keyof typeof legacy]];
  const [, major, minor] = /^manylinux_(\d+)_(\d+)_/.exec(platformTag) ?? [];
  return major && minor ? [Number(major), Number(minor)] : null;
}

/**
 * What a set of symbol versions exceeds on a platform.
 * @returns lines such as "GLIBC_2.38 (platform has 2.34)"; empty where all is there
 */
export function exceeding(newest: ReadonlyMap<string, string>, glibc: readonly [number, number]): string[] {
  const policy = POLICIES.filter(
    ({ glibc: [major, minor] }) => major < glibc[0] || (major === glibc[0] && minor <= glibc[1]),
  ).at(-1);
  const limits: [string, string][] = [["GLIBC", glibc.join(".")]];
  if (policy) limits.push(["GLIBCXX", policy.GLIBCXX], ["CXXABI", policy.CXXABI], ["GCC", policy.GCC]);
  return limits.flatMap(([family, limit]) => {
    const wanted = newest.get(family);
    return wanted !== undefined && compareDotted(wanted, limit) > 0
      ? [`${family}_${wanted} (it has ${limit})`]
      : [];
  });
}

/** The oldest glibc platform on which these symbol versions are all there; null where no known one is enough. */
export function earnedGlibc(newest: ReadonlyMap<string, string>): string | null {
  const own = newest.get("GLIBC") ?? "2.5";
  const [major = 2, minor = 5] = parts(own);
  const candidates: [number, number][] = [
    [major, minor],
    ...POLICIES.map(({ glibc }): [number, number] => [...glibc]),
  ];
  const fitting = candidates
    .filter((glibc) => exceeding(newest, glibc).length === 0)
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return fitting[0]?.join(".") ?? null;
}
