import { ISA_FEATURES } from "../variants/features.ts";
import { answerOf } from "./answer.ts";
import type { Comparison } from "./document.ts";
import type { Library, Side } from "./side.ts";

/** Names told of one list; the figures count all. */
const MOST_NAMES = 200;

const rank = new Map<string, number>(ISA_FEATURES.map((name, index) => [name, index]));

const byRank = (a: string, b: string): number =>
  (rank.get(a) ?? ISA_FEATURES.length) - (rank.get(b) ?? ISA_FEATURES.length) || (a < b ? -1 : 1);

const allSame = (values: readonly unknown[]): boolean => values.every((value) => value === values[0]);

const union = (sets: readonly Iterable<string>[]): string[] => [...new Set(sets.flatMap((set) => [...set]))];

/** Wheels grouped by the machine code of all their libraries, whatever these are called. */
function groups(sides: readonly Side[]): number[][] {
  const byCode = new Map<string, number[]>();
  for (const [index, { libraries }] of sides.entries()) {
    const key = libraries
      .map(({ codeSha256 }) => codeSha256)
      .sort()
      .join();
    byCode.set(key, [...(byCode.get(key) ?? []), index]);
  }
  return [...byCode.values()];
}

function differingFeatures(found: readonly (Library | undefined)[]): Record<string, (number | null)[]> {
  const features = union(found.map((library) => Object.keys(library?.found ?? {}))).sort(byRank);
  return Object.fromEntries(
    features
      .map((feature): [string, (number | null)[]] => [
        feature,
        found.map((library) => (library ? (library.found[feature] ?? 0) : null)),
      ])
      .filter(([, counts]) => !allSame(counts)),
  );
}

function libraryRows(sides: readonly Side[]): Comparison["libraries"] {
  const paths = union(sides.map(({ libraries }) => libraries.map(({ path }) => path))).sort();
  return paths.map((path) => {
    const found = sides.map(({ libraries }) => libraries.find((library) => library.path === path));
    const codes = found.map((library) => library?.codeSha256 ?? null);
    const present = found.find((library) => library !== undefined);
    const lacking = sides.filter((_side, index) => found[index] === undefined);
    const twin = lacking
      .flatMap(({ libraries }) => libraries)
      .find(({ codeSha256 }) => codeSha256 === present?.codeSha256);
    return {
      path,
      equal: lacking.length === 0 && allSame(codes),
      codeSha256: codes,
      bytes: found.map((library) => library?.bytes ?? null),
      features: differingFeatures(found),
      ...(twin ? { movedFrom: twin.path } : {}),
    };
  });
}

function isaTotals(sides: readonly Side[]): Record<string, number[]> {
  const features = union(
    sides.flatMap(({ libraries }) => libraries.map(({ found }) => Object.keys(found))),
  ).sort(byRank);
  return Object.fromEntries(
    features.map((feature) => [
      feature,
      sides.map(({ libraries }) => libraries.reduce((sum, { found }) => sum + (found[feature] ?? 0), 0)),
    ]),
  );
}

/** Folders of each wheel; a dist-info folder is one, whatever version or name it carries. */
function folderRows(sides: readonly Side[]): Comparison["folders"] {
  const named = sides.map(
    ({ contents }) =>
      new Map(
        contents.folders.map((folder) => [folder.path.replace(/^.*\.(dist-info|data)$/, "*.$1"), folder]),
      ),
  );
  const largest = (path: string): number =>
    Math.max(...named.map((folders) => folders.get(path)?.packed ?? 0));
  return union(named.map((folders) => folders.keys()))
    .sort((a, b) => largest(b) - largest(a) || (a < b ? -1 : 1))
    .map((path) => ({
      path,
      packed: named.map((folders) => folders.get(path)?.packed ?? null),
      unpacked: named.map((folders) => folders.get(path)?.bytes ?? null),
    }));
}

/** Lines of METADATA that not all have, requirements first. A description is compared as a whole. */
function metadataRows(sides: readonly Side[]): Comparison["metadata"] {
  const lines = sides.map(({ metadata }) => {
    const body = metadata.body.trim();
    return new Map(
      [...metadata.headers, ...(body === "" ? [] : [{ name: "Description", value: body }])].map(
        ({ name, value }): [string, { header: string; value: string }] => [
          JSON.stringify([name, value]),
          { header: name, value: name === "Description" ? `${value.length} characters` : value },
        ],
      ),
    );
  });
  const isRequirement = (header: string): number => (/^Requires-/.test(header) ? 0 : 1);
  return union(lines.map((some) => some.keys()))
    .map((key) => ({
      ...(lines.find((some) => some.has(key))?.get(key) ?? { header: "", value: "" }),
      wheels: [...sides.keys()].filter((index) => lines[index]?.has(key)),
    }))
    .filter(({ wheels }) => wheels.length < sides.length)
    .sort((a, b) => isRequirement(a.header) - isRequirement(b.header) || (a.header < b.header ? -1 : 1))
    .slice(0, MOST_NAMES);
}

function fileRows(sides: readonly Side[]): Comparison["files"] {
  const rows: Comparison["files"] = { equal: 0, different: [], notInAll: [] };
  for (const path of union(sides.map(({ others }) => others.keys())).sort()) {
    const wheels = [...sides.keys()].filter((index) => sides[index]?.others.has(path));
    if (wheels.length < sides.length) rows.notInAll.push({ path, wheels });
    else if (allSame(sides.map(({ others }) => others.get(path)))) rows.equal++;
    else rows.different.push(path);
  }
  rows.different = rows.different.slice(0, MOST_NAMES);
  rows.notInAll = rows.notInAll.slice(0, MOST_NAMES);
  return rows;
}

/** Compares wheels: machine code by digest, instructions by feature, sizes, METADATA, other files. */
export function compareWheels(sides: readonly Side[]): Comparison {
  const facts = {
    wheels: sides.map(({ fileName, sha256, size, variant, contents }) => ({
      wheel: fileName,
      sha256,
      size,
      unpacked: contents.unpacked,
      variant: variant?.name ?? null,
      claimed: variant?.isa.mustUse ?? [],
    })),
    sameCode: groups(sides),
    libraries: libraryRows(sides),
    isa: isaTotals(sides),
    folders: folderRows(sides),
    metadata: metadataRows(sides),
    files: fileRows(sides),
  };
  return { ...answerOf(facts), ...facts };
}
