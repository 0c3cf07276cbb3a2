import { stableAbi } from "../../elf/stable-abi.ts";
import { normalizeName } from "../../wheel/names.ts";
import type { Claim, WheelFacts } from "../facts/facts.ts";
import type { Check } from "../verdict/verdict.ts";

const SPEC = "https://packaging.python.org/en/latest/specifications/binary-distribution-format/";

function fromProblems(
  check: Pick<Check, "id" | "reference" | "remedy">,
  problems: readonly string[],
  good: string,
): Check {
  const failed = problems.length > 0;
  return {
    id: check.id,
    result: failed ? "fail" : "pass",
    detail: failed
      ? problems.slice(0, 3).join("; ") + (problems.length > 3 ? ` (and ${problems.length - 3} more)` : "")
      : good,
    evidence: { problems: problems.slice(0, 50) },
    ...(check.reference === undefined ? {} : { reference: check.reference }),
    ...(failed && check.remedy !== undefined ? { remedy: check.remedy } : {}),
  };
}

/** The archive holds what it says: CRCs, sizes, no overlap, no duplicate, no name that escapes, no bomb. */
export function zipIntegrity(facts: WheelFacts): Check {
  return fromProblems(
    {
      id: "zip.integrity",
      reference: "PKWARE APPNOTE 6.3.10; PEP 427; the index's rules on archives",
      remedy: "Build the wheel again, or download it again.",
    },
    [
      ...facts.zipProblems,
      ...facts.hidden
        .filter(({ kind }) => kind === "archive")
        .map(({ path, problem }) => `${path}, an archive in the wheel: ${problem}`),
    ],
    "every entry's CRC, size and name is right",
  );
}

/** RECORD vouches for every file with its hash, and for no other. */
export function recordHashes(facts: WheelFacts): Check {
  return fromProblems(
    {
      id: "record.hashes",
      reference: `${SPEC}#the-dist-info-directory`,
      remedy: "Build the wheel again; never edit one with a zip tool.",
    },
    facts.recordProblems,
    `RECORD is right for all ${facts.recordFiles} files`,
  );
}

/** File name, METADATA and dist-info folder say one name and version, and it is the variant's. */
export function nameAgreement(facts: WheelFacts, { variant }: Claim): Check {
  const wanted = variant ? normalizeName(variant.distribution) : undefined;
  const foreign =
    wanted !== undefined && facts.distribution !== null && facts.distribution !== wanted
      ? [`the distribution is ${facts.distribution}, variant ${variant?.name} is ${wanted}`]
      : [];
  return fromProblems(
    {
      id: "name.agreement",
      reference: `${SPEC}#file-name-convention`,
      remedy: "Build the wheel under its own name; renaming a file does not change what is in it.",
    },
    [...facts.nameProblems, ...foreign],
    `${facts.distribution} ${facts.version} in file name, METADATA and dist-info`,
  );
}

/** PEP 384 came with Python 3.2; a tag that names no minor version promises all of them. */
const OLDEST_STABLE_ABI = 2;

/** The oldest Python 3 minor version among tags such as cp38-abi3-…; null where none claims the stable ABI. */
function stableAbiFloor(tags: readonly string[]): number | null {
  const minors = tags.flatMap((tag) => {
    const [, minor] = /^[a-z]+3?(\d*)-abi3-/.exec(tag) ?? [];
    return minor === undefined ? [] : [minor === "" ? OLDEST_STABLE_ABI : Number(minor)];
  });
  return minors.length > 0 ? Math.min(...minors) : null;
}

/** Where a library wants of Python what the oldest Python of an abi3 tag does not promise. */
function stableAbiProblems({ tags, libraries }: WheelFacts): string[] {
  const floor = stableAbiFloor(tags);
  if (floor === null) return [];
  return libraries.flatMap(({ path, problem, undefinedSymbols }) => {
    if (problem !== null) return [];
    const { outside, minor } = stableAbi(undefinedSymbols);
    if (outside.length > 0)
      return [`tagged abi3, yet ${path} wants ${outside.slice(0, 3).join(", ")}, outside the stable ABI`];
    return minor > floor
      ? [`tagged cp3${floor}-abi3, yet ${path} needs the stable ABI of Python 3.${minor}`]
      : [];
  });
}

/** File name and WHEEL say the same tags, and libraries keep to the stable ABI that an abi3 tag claims. */
export function tagsAgreement(facts: WheelFacts): Check {
  return fromProblems(
    {
      id: "tags.agreement",
      reference: "PEP 425; PEP 427; PEP 384 (stable ABI)",
      remedy:
        "Use `wheel tags` or auditwheel repair to retag, never a file manager; for abi3, tag the oldest Python whose stable ABI has every symbol.",
    },
    [...facts.tagProblems, ...stableAbiProblems(facts)],
    facts.tags.join(" "),
  );
}
