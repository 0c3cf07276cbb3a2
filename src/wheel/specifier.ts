import pep440 from "@renovatebot/pep440";
import { FormatError } from "./format-error.ts";
import { isVersion } from "./version.ts";

/** One clause of a specifier set. Source: PEP 440, "Version specifiers". */
interface Clause {
  operator: string;
  version: string;
  /** True for `==1.2.*` and `!=1.2.*`. */
  isPrefix: boolean;
}

const CLAUSE = /^(===|[<>=!~]=|[<>])\s*(\S+)$/;
const RELEASE_ONLY = /^v?(\d+!)?\d+(\.\d+)*$/i;

function parseClause(text: string): Clause {
  const fail = (problem: string): never => {
    throw new FormatError("specifier", `${text}: ${problem}`);
  };
  const [, operator = "", written = ""] = CLAUSE.exec(text) ?? [];
  if (operator === "") fail("no version specifier");
  if (operator === "===") return { operator, version: written, isPrefix: false };
  const isPrefix = written.endsWith(".*");
  const version = isPrefix ? written.slice(0, -2) : written;
  const parts = pep440.explain(version);
  if (!parts) return fail("no version that PEP 440 knows");
  const isEquality = operator === "==" || operator === "!=";
  if (isPrefix && !(isEquality && RELEASE_ONLY.test(version))) fail(".* follows a plain release only");
  if (parts.local !== null && !isEquality) fail("a local version can only be equal or not");
  if (operator === "~=" && parts.release.length < 2) fail("~= needs two numbers");
  return { operator, version, isPrefix };
}

/**
 * Reads a specifier set such as `>=2,<3`. Empty clauses count for nothing, as in pip.
 * @throws FormatError
 */
function parseSpecifiers(text: string): Clause[] {
  return text
    .split(",")
    .map((clause) => clause.trim())
    .filter((clause) => clause !== "")
    .map(parseClause);
}

/** True for a specifier set that PEP 440 knows. */
export function isSpecifier(text: string): boolean {
  try {
    return parseSpecifiers(text).length >= 0;
  } catch (thrown) {
    if (thrown instanceof FormatError) return false;
    throw thrown;
  }
}

/**
 * True where `===` compares with something that is no version. PEP 440 lets it, pip takes it, and uv can't read it: it finds
 * no version of what asks so.
 */
export const hasArbitrary = (text: string): boolean =>
  isSpecifier(text) &&
  parseSpecifiers(text).some(({ operator, version }) => operator === "===" && !isVersion(version));

interface Explained {
  epoch: number;
  release: number[];
  local: string | null;
  public: string;
  base: string;
  /** Without the post, dev and local parts: what a post-release follows. */
  beforePost: string;
  isPre: boolean;
  isPost: boolean;
}

function explain(version: string): Explained | null {
  const parts = pep440.explain(version);
  return (
    parts && {
      epoch: parts.epoch,
      release: parts.release,
      local: parts.local ?? null,
      public: parts.public,
      base: parts.base_version,
      beforePost: `${parts.base_version}${parts.pre?.join("") ?? ""}`,
      isPre: parts.is_prerelease,
      isPost: parts.is_postrelease,
    }
  );
}

/** Releases are padded with zeros: 1 begins like 1.0.*. */
function hasPrefix(version: Explained, prefix: Explained, length: number): boolean {
  if (version.epoch !== prefix.epoch) return false;
  return prefix.release.slice(0, length).every((part, index) => (version.release[index] ?? 0) === part);
}

/** Source: PEP 440, "Exclusive ordered comparison": 1.0rc1 is not <1.0, and 1.0.post1 is not >1.0. */
function isBeyond(version: Explained, text: string, bound: Explained, operator: string): boolean {
  const order = pep440.compare(text, bound.public);
  const sameBase = pep440.compare(version.base, bound.base) === 0;
  if (operator === "<") return order < 0 && !(sameBase && version.isPre && !bound.isPre);
  if (order <= 0) return false;
  const isPostOfBound = version.isPost && pep440.compare(version.beforePost, bound.public) === 0;
  return !isPostOfBound && !(sameBase && version.local !== null && !version.isPost);
}

function holds(text: string, { operator, version: wanted, isPrefix }: Clause): boolean {
  if (operator === "===") return text.toLowerCase() === wanted.toLowerCase();
  const [version, bound] = [explain(text), explain(wanted)];
  if (!version || !bound) return false;
  const equals = (): boolean =>
    isPrefix
      ? hasPrefix(version, bound, bound.release.length)
      : pep440.compare(bound.local === null ? version.public : text, wanted) === 0;
  switch (operator) {
    case "==":
      return equals();
    case "!=":
      return !equals();
    case "<=":
      return pep440.compare(version.public, wanted) <= 0;
    case ">=":
      return pep440.compare(version.public, wanted) >= 0;
    case "~=":
      return (
        pep440.compare(version.public, wanted) >= 0 && hasPrefix(version, bound, bound.release.length - 1)
      );
    default:
      return isBeyond(version, text, bound, operator);
  }
}

/**
 * True where a version satisfies a specifier set; pre-releases count like others. A local part (`+cpu`) counts only
 * where the specifier names one; none satisfies what PEP 440 does not know. Source: PEP 440, "Version specifiers".
 */
export function satisfies(version: string, specifier: string): boolean {
  return isSpecifier(specifier) && parseSpecifiers(specifier).every((clause) => holds(version, clause));
}
