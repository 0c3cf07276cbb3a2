import { z } from "zod";
import { file, kind } from "./kind.ts";

const library = z.string().describe("Name that the loader is asked for");

const HIDDEN_WORDS = {
  "in-archive": "it is machine code inside an archive",
  packed: "it is packed by UPX, so its code is not in the file but made when it is loaded",
  "after-other-bytes": "a program or library begins",
  base64: "it carries a program or library in base64",
} as const;

const MEMORY_WORDS = {
  "executable-stack": "asks for an executable stack",
  "text-relocations": "has text relocations",
  "writable-code": "maps memory that is writable and executable at once",
} as const;

const names = <T extends string>(words: Readonly<Record<T, unknown>>): T[] => Object.keys(words) as T[];

const retag = ([first]: readonly { earned: string | null }[]): string =>
  first?.earned
    ? `Tag it ${first.earned} (auditwheel repair does), or build on an older distribution.`
    : "Build on an older distribution.";

const BUNDLE = (): string =>
  "Run auditwheel repair, which bundles libraries and mends search paths; link without -z execstack and with -fPIC.";

const earned = z.string().nullable().describe("The manylinux tag that the bytes earn; null for none");

/** What a wheel asks of the system that it is installed on. */
export const PLATFORM_KINDS = {
  "unreadable-library": kind(
    { file, problem: z.string() },
    ({ file: path, problem }) => `${path}: ${problem}`,
    () => "A Linux wheel holds 64-bit little-endian ELF libraries only.",
  ),
  "unknown-platform-tag": kind(
    { found: z.string() },
    ({ found }) => `${found} is no platform tag: installers skip the wheel, indexes refuse it`,
    () => "Run auditwheel repair, which writes the tag that the bytes earn.",
  ),
  "other-architecture": kind(
    { file, expected: z.array(z.string()).describe("Architectures of the tags"), found: z.string() },
    ({ file: path, expected, found }) => `${path} is ${found}, the tag says ${expected.join(" and ")}`,
    () => "Tag the wheel with the architecture of its libraries.",
  ),
  "other-libc": kind(
    {
      file,
      tags: z.array(z.string()),
      expected: z.enum(["glibc", "musl"]).describe("What the tags name"),
      found: z.enum(["glibc", "musl"]),
    },
    ({ file: path, tags, found }) => `${tags.join(", ")}, yet ${path} wants ${found}`,
    ([first]) =>
      first?.expected === "musl"
        ? "Build it in a musllinux container, or tag it manylinux (auditwheel repair does)."
        : "Build it in a manylinux container, or tag it musllinux (auditwheel repair does).",
  ),
  "newer-than-tag": kind(
    {
      tag: z.string(),
      symbol: z.string().describe("The symbol version, e.g. GLIBC_2.38"),
      expected: z.string().nullable().describe("The newest that the tag has; null where no platform has any"),
      files: z.array(z.string()).describe("Libraries that want it"),
      earned,
    },
    ({ tag, symbol, expected }) =>
      `${tag}: needs ${symbol}${expected === null ? ", which no platform promises" : ` (it has ${expected})`}`,
    retag,
  ),
  "tag-without-promise": kind(
    { tag: z.string(), earned },
    ({ tag }) => `${tag} promises no glibc`,
    () => "Run auditwheel repair, so that indexes take the wheel and old systems refuse it.",
  ),
  "missing-library": kind(
    { file, library },
    ({ file: path, library: name }) => `${path} needs ${name}, which nobody brings`,
    BUNDLE,
  ),
  "library-of-unrequired-torch": kind(
    { file, library },
    ({ file: path, library: name }) => `${path} needs ${name} of torch, which METADATA does not require`,
  ),
  "foreign-search-path": kind(
    {
      file,
      entry: z.string().describe("Of DT_RPATH or DT_RUNPATH"),
      folder: z.string().nullable().describe("Of another package; null where it is outside the wheel"),
    },
    ({ file: path, entry, folder }) =>
      `${path} looks for libraries in ${folder === null ? `${entry || "the current folder"}, which is outside the wheel` : `${entry}, which is ${folder} of another package`}`,
    BUNDLE,
  ),
  "unsafe-memory": kind(
    { file, problem: z.enum(names(MEMORY_WORDS)) },
    ({ file: path, problem }) => `${path} ${MEMORY_WORDS[problem]}`,
    BUNDLE,
  ),
  "unreachable-library": kind(
    { file, library },
    ({ file: path, library: name }) => `${path} needs ${name}, which is in the wheel, but not where it looks`,
    () =>
      "Give it a search path ($ORIGIN/…) to the folder, as auditwheel repair does, unless the package loads it first.",
  ),
  "sbom-malformed": kind(
    { file, problem: z.string() },
    ({ file: path, problem }) => `${path}: ${problem}`,
    () => "Build the wheel again: what writes it is the build.",
  ),
  "sbom-lacks-library": kind(
    { file },
    ({ file: path }) => `${path} is bundled, and the SBOM does not name it`,
    () => "Build the wheel again, or write what was added after the build into its SBOM.",
  ),
  "hidden-code": kind(
    {
      file,
      how: z.enum(names(HIDDEN_WORDS)),
      offset: z.number().nullable().describe("Bytes from the beginning of the file, where that is known"),
    },
    ({ file: path, how, offset }) =>
      `${path}: ${HIDDEN_WORDS[how]}${offset === null ? "" : ` at offset ${offset} of it`}`,
    () =>
      "Ship machine code as libraries of the wheel, where it can be read; look where these bytes come from.",
  ),
  "gpu-library": kind({ file }, ({ file: path }) => `${path} is a GPU library`),
  "gpu-library-needed": kind({ file, library }, ({ file: path, library: name }) => `${path} needs ${name}`),
  "gpu-symbol": kind(
    { file, symbol: z.string() },
    ({ file: path, symbol }) => `${path} wants the symbol ${symbol}`,
  ),
  "gpu-code": kind({ file }, ({ file: path }) => `${path} holds code for a GPU (a fat binary)`),
  "gpu-requirement": kind(
    { requirement: z.string() },
    ({ requirement }) => `METADATA requires ${requirement}`,
  ),
};
