/** A kind of platform tag: what stands before the architecture, and for which architectures. */
interface Kind {
  /** A regular expression of the part before `_ARCHITECTURE`. */
  before: string;
  /** Architectures of which some installer takes such a wheel. */
  installed: readonly string[];
  /** Those of them that the public index takes uploads of. */
  taken: readonly string[];
}

const EVERY_INDEX_ARCHITECTURE = ["x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64"];
const CENTOS_7 = ["x86_64", "i686", "aarch64", "armv7l", "ppc64", "ppc64le", "s390x"];
const CENTOS_5 = ["x86_64", "i686"];
const APPLE = [
  ...["ppc", "ppc64", "i386", "x86_64", "arm64", "intel"],
  ...["fat", "fat3", "fat64", "universal", "universal2"],
];

/**
 * One table of the platform tags that mean something, for what verifies and for what publishes.
 * Sources: what installers take: PEP 513, 571, 599, 600, 656, 730, 738, 783 and `packaging.tags`; what the index takes:
 * warehouse, warehouse/forklift/legacy.py (`_valid_platform_tag`) at commit 6b62157 of 2026-08-21.
 */
const KINDS: readonly Kind[] = [
  {
    before: "linux",
    installed: [...EVERY_INDEX_ARCHITECTURE, "ppc64", "armv6l", "loongarch64"],
    taken: ["armv6l", "armv7l"],
  },
  { before: "manylinux1", installed: CENTOS_5, taken: CENTOS_5 },
  { before: "manylinux2010", installed: CENTOS_5, taken: CENTOS_5 },
  { before: "manylinux2014", installed: CENTOS_7, taken: CENTOS_7 },
  {
    before: "manylinux_\\d+_\\d+",
    installed: [...EVERY_INDEX_ARCHITECTURE, "ppc64", "loongarch64"],
    taken: [...EVERY_INDEX_ARCHITECTURE, "ppc64"],
  },
  {
    before: "musllinux_\\d+_\\d+",
    installed: [...EVERY_INDEX_ARCHITECTURE, "ppc64", "armv6l", "loongarch64"],
    taken: EVERY_INDEX_ARCHITECTURE,
  },
  { before: "win", installed: ["amd64", "arm64", "ia64"], taken: ["amd64", "arm64", "ia64"] },
  { before: "macosx_10_\\d+", installed: APPLE, taken: APPLE },
  { before: "macosx_\\d+_\\d+", installed: APPLE, taken: [] },
  { before: "macosx_(11|12|13|14|15|26)_0", installed: APPLE, taken: APPLE },
  {
    before: "ios_\\d+_\\d+",
    installed: ["arm64_iphoneos", "arm64_iphonesimulator", "x86_64_iphonesimulator"],
    taken: ["arm64_iphoneos", "arm64_iphonesimulator", "x86_64_iphoneos", "x86_64_iphonesimulator"],
  },
  {
    before: "android_\\d+",
    installed: ["armeabi_v7a", "arm64_v8a", "x86", "x86_64"],
    taken: ["armeabi_v7a", "arm64_v8a", "x86", "x86_64"],
  },
  { before: "pyemscripten_\\d+_\\d+", installed: ["wasm32"], taken: ["wasm32"] },
];

function pattern(of: "installed" | "taken"): RegExp {
  const kinds = KINDS.filter((kind) => kind[of].length > 0).map(
    (kind) => `${kind.before}_(${kind[of].join("|")})`,
  );
  return new RegExp(`^(any|win32|${kinds.join("|")})$`);
}

const INSTALLED = pattern("installed");
const TAKEN = pattern("taken");

/** True for a platform tag that an installer on some platform knows. */
export function isPlatformTag(tag: string): boolean {
  return INSTALLED.test(tag);
}

/** True for a platform tag that the public index takes uploads of. */
export function isUploadTag(tag: string): boolean {
  return TAKEN.test(tag);
}
