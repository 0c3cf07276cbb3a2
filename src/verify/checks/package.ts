import { stableAbi } from "../../elf/stable-abi.ts";
import type { Finding } from "../../findings/findings.ts";
import { expectedDistribution } from "../../variants/alias.ts";
import type { Variant } from "../../variants/manifest.ts";
import { normalizeName } from "../../wheel/names.ts";
import type { ClaimedVariant, WheelFacts } from "../facts/facts.ts";
import { type CheckAnswer, failOn, failOnOwn } from "../verdict/check.ts";

/** The archive holds what it says: CRCs, sizes, no overlap, no duplicate, no name that escapes, no bomb. */
export function zipIntegrity(facts: WheelFacts): CheckAnswer<"zip.integrity"> {
  const nested = facts.hidden.filter(({ kind }) => kind === "nested-archive");
  return failOn([...facts.zipProblems, ...nested], { entries: facts.files });
}

/** RECORD vouches for every file with its hash, and for no other. */
export function recordHashes(facts: WheelFacts): CheckAnswer<"record.hashes"> {
  return failOn(facts.recordProblems, { files: facts.recordFiles });
}

/**
 * Programs of a variant that are not named after it: on a user's PATH they would stand before the system's own. Wheels of
 * others may make what they like.
 */
function foreignPrograms({ programs, packages, fileName }: WheelFacts, variant: Variant): Finding[] {
  const own = [...new Set([...packages, expectedDistribution(fileName, variant)])];
  const isOwn = (program: string): boolean =>
    own.some((name) => program.startsWith(name) && /^($|[._-])/.test(program.slice(name.length)));
  return programs
    .filter((program) => !isOwn(program))
    .slice(0, MOST_PROGRAMS)
    .map((found) => ({ kind: "foreign-program", found, expected: own }));
}

/** Programs, and names, told of one wheel. */
const MOST_PROGRAMS = 20;

/**
 * What a variant's wheel puts beside other distributions' packages and the manifest does not name: whatever is imported by
 * that name afterwards, by others too, is the wheel's.
 */
function foreignNames({ installedNames }: WheelFacts, { packages, distribution }: Variant): Finding[] {
  if (packages === null) return [];
  const own = normalizeName(distribution).replaceAll("-", "_");
  const expected = [own, ...packages];
  return (
    installedNames
      // Where auditwheel grafts libraries, named after the distribution that was built.
      .filter((name) => !expected.includes(name.replace(/\.libs$/, "")))
      .slice(0, MOST_PROGRAMS)
      .map((found) => ({ kind: "foreign-package", found, expected }))
  );
}

/** What some wheels of others live by. */
const TOLD_OF_NAMES: ReadonlySet<Finding["kind"]> = new Set(["startup-file"]);

/** File name, METADATA and dist-info folder say one name and version, and it is the variant's. */
export function nameAgreement(facts: WheelFacts, variant: ClaimedVariant): CheckAnswer<"name.agreement"> {
  const { distribution, version } = facts;
  const expected = variant ? expectedDistribution(facts.fileName, variant) : null;
  const foreign: Finding[] =
    variant && expected !== null && distribution !== null && distribution !== expected
      ? [{ kind: "other-distribution", variant: variant.name, expected, found: distribution }]
      : [];
  const programs = variant === null ? [] : foreignPrograms(facts, variant);
  const evidence = { distribution, version };
  const failures = [...facts.nameProblems, ...foreign, ...programs];
  const warnings = variant === null ? [] : foreignNames(facts, variant);
  return failOnOwn({ failures, warnings }, evidence, TOLD_OF_NAMES, variant !== null);
}

/** PEP 384 came with Python 3.2; a tag that names no minor version promises all of them. */
const OLDEST_STABLE_ABI = 2;

/** Symbols told of one library. */
const MOST_SYMBOLS = 20;

/** The oldest Python 3 minor version among tags such as cp38-abi3-…; null where none claims the stable ABI. */
function stableAbiFloor(tags: readonly string[]): number | null {
  const minors = tags.flatMap((tag) => {
    const [, minor] = /^[a-z]+3?(\d*)-abi3-/.exec(tag) ?? [];
    return minor === undefined ? [] : [minor === "" ? OLDEST_STABLE_ABI : Number(minor)];
  });
  return minors.length > 0 ? Math.min(...minors) : null;
}

/** Where a library wants of Python what the oldest Python of an abi3 tag does not promise. */
function stableAbiProblems({ tags, libraries }: WheelFacts): Finding[] {
  const floor = stableAbiFloor(tags);
  if (floor === null) return [];
  return libraries.flatMap(({ path, problem, undefinedSymbols }): Finding[] => {
    if (problem !== null) return [];
    const { outside, minor } = stableAbi(undefinedSymbols);
    if (outside.length > 0)
      return [{ kind: "outside-stable-abi", file: path, symbols: outside.slice(0, MOST_SYMBOLS) }];
    return minor > floor ? [{ kind: "newer-stable-abi", file: path, expected: floor, found: minor }] : [];
  });
}

/** What installers take all the same. */
const TOLD_OF_TAGS: ReadonlySet<Finding["kind"]> = new Set(["tags-unexpanded"]);

/** File name and WHEEL say the same tags, and libraries keep to the stable ABI that an abi3 tag claims. */
export function tagsAgreement(facts: WheelFacts, variant: ClaimedVariant): CheckAnswer<"tags.agreement"> {
  const failures = [...facts.tagProblems, ...stableAbiProblems(facts)];
  return failOnOwn({ failures, warnings: [] }, { tags: facts.tags }, TOLD_OF_TAGS, variant !== null);
}
