import type { Finding } from "../../findings/findings.ts";
import { isPlatformTag } from "../../wheel/platform-tags.ts";
import type { LibraryFacts, WheelFacts } from "../facts/facts.ts";
import type { CheckAnswer } from "../verdict/check.ts";
import {
  earnedGlibc,
  exceeding,
  isForOtherSystem,
  MUSL_LIBC,
  promisedGlibc,
  versionsOf,
} from "./platform-policies.ts";

/** Libraries told of one symbol version. */
const MOST_FILES = 20;

/** Architectures as platform tags end with them, `any` left out. */
function architectures(tags: readonly string[]): string[] {
  return [
    ...new Set(
      tags.filter((tag) => tag !== "any").map((tag) => /_(x86_64|[a-z0-9]+)$/.exec(tag)?.[1] ?? tag),
    ),
  ];
}

/** Libraries that were read, by whether they could be. */
const readable = (facts: WheelFacts): LibraryFacts[] =>
  facts.libraries.filter(({ problem }) => problem === null);

/** Libraries built for the other C library than the one that the tags name. */
function otherLibc(facts: WheelFacts): Finding[] {
  const isMusl = facts.platformTags.some((tag) => tag.startsWith("musllinux_"));
  const isGlibc = facts.platformTags.some((tag) => tag.startsWith("manylinux"));
  return readable(facts)
    .filter(({ needed, wantedVersions }) => {
      const wantsGlibc = needed.includes("libc.so.6") || wantedVersions.some((name) => /^GLIBC_/.test(name));
      return (isMusl && wantsGlibc) || (isGlibc && needed.some((name) => MUSL_LIBC.test(name)));
    })
    .map(({ path }) => ({
      kind: "other-libc",
      file: path,
      tags: facts.platformTags,
      expected: isMusl ? "musl" : "glibc",
      found: isMusl ? "glibc" : "musl",
    }));
}

/** What can't be put right by a newer platform tag: no ELF, a tag that means nothing, another architecture or libc. */
function mismatches(facts: WheelFacts): Finding[] {
  const broken = facts.libraries.flatMap(({ path, problem }): Finding[] =>
    problem === null ? [] : [{ kind: "unreadable-library", file: path, problem }],
  );
  if (broken.length > 0) return broken;
  const unknown = facts.platformTags
    .filter((tag) => !isPlatformTag(tag))
    .map((tag): Finding => ({ kind: "unknown-platform-tag", found: tag }));
  if (unknown.length > 0) return unknown;
  const expected = architectures(facts.platformTags);
  const strangers = readable(facts)
    .filter(({ architecture }) => expected.some((tag) => tag !== architecture))
    .map(
      ({ path, architecture }): Finding => ({
        kind: "other-architecture",
        file: path,
        expected,
        found: architecture,
      }),
    );
  return strangers.length > 0 ? strangers : otherLibc(facts);
}

/** Which libraries want the newest version of each family. */
function wantedBy(
  libraries: readonly LibraryFacts[],
  newest: ReadonlyMap<string, string>,
): Record<string, string[]> {
  return Object.fromEntries(
    [...newest].map(([family, version]) => {
      const name = version === "" ? family : `${family}_${version}`;
      const those = libraries.filter((library) => versionsOf([library]).get(family) === version);
      return [name, those.map(({ path }) => path).slice(0, MOST_FILES)];
    }),
  );
}

/** The libraries need no newer glibc, libstdc++, libgcc or zlib than the platform tag promises. */
export function platformGlibc(facts: WheelFacts): CheckAnswer<"platform.glibc"> {
  const libraries = readable(facts);
  const { platformTags } = facts;
  const [architecture = "x86_64"] = libraries.map((library) => library.architecture);
  const newest = versionsOf(libraries);
  const needed = libraries.flatMap((library) => library.needed);
  const glibc = earnedGlibc(newest, needed, architecture);
  const isMusl = needed.some((name) => MUSL_LIBC.test(name));
  const earned = glibc === null || isMusl ? null : `manylinux_${glibc.replace(".", "_")}`;
  const wanted = wantedBy(libraries, newest);
  const evidence: CheckAnswer<"platform.glibc">["evidence"] = {
    newest: Object.fromEntries(newest),
    earned,
    platformTags,
    wantedBy: wanted,
    libraries: libraries.length,
    libc: isMusl ? "musl" : "glibc",
  };
  if (isForOtherSystem(platformTags))
    return { result: "not-run", findings: [{ kind: "other-system", tags: platformTags }], evidence };
  const wrong = mismatches(facts);
  if (wrong.length > 0) return { result: "fail", findings: wrong, evidence };
  const broken = platformTags.flatMap((tag): Finding[] => {
    const promised = promisedGlibc(tag);
    const excess = promised ? exceeding(newest, promised, architecture) : [];
    return excess.map(({ symbol, expected }) => {
      const files = wanted[symbol] ?? [];
      return { kind: "newer-than-tag", tag, symbol, expected, files, earned };
    });
  });
  if (broken.length > 0) return { result: "fail", findings: broken, evidence };
  const unpromised = platformTags.filter((tag) => tag.startsWith("linux_"));
  return unpromised.length > 0 && libraries.length > 0
    ? {
        result: "warn",
        findings: unpromised.map((tag) => ({ kind: "tag-without-promise", tag, earned })),
        evidence,
      }
    : { result: "pass", findings: [], evidence };
}
