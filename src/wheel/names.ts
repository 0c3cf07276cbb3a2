import { FormatError } from "./format-error.ts";

/** Normalised distribution name. Source: PEP 503. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** Name or version as it stands in file names and dist-info. Source: binary distribution format, "Escaping and Unicode". */
export function escapeName(text: string): string {
  return text.toLowerCase().replace(/[-_.]+/g, "_");
}

/** A wheel's file name in parts. */
export interface WheelFileName {
  distribution: string;
  version: string;
  build: string | null;
  /** Compressed tag sets, as written. */
  python: string;
  abi: string;
  platform: string;
}

const NAME =
  /^([A-Za-z0-9._]+)-([A-Za-z0-9._!+]+)(?:-(\d[A-Za-z0-9._]*))?-([A-Za-z0-9_.]+)-([A-Za-z0-9_.]+)-([A-Za-z0-9_.]+)\.whl$/;

/** A compressed tag set has no empty part, and an interpreter is a word (packaging, `parse_tag`). */
const isTagSet = (set: string): boolean => set.split(".").every((tag) => tag !== "");
const isInterpreterSet = (set: string): boolean => set.split(".").every((tag) => /^[A-Za-z_]\w*$/.test(tag));

/** @throws FormatError. Source: binary distribution format, "File name convention" (PEP 427). */
export function parseWheelFileName(fileName: string): WheelFileName {
  const match = NAME.exec(fileName);
  const [, distribution, version, build, python, abi, platform] = match ?? [];
  if (!distribution || !version || !python || !abi || !platform) {
    throw new FormatError(fileName, "the name is not NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl");
  }
  if (distribution.includes("__"))
    throw new FormatError(fileName, "its name has two underscores in a row, which escaping never makes");
  if (!isInterpreterSet(python) || !isTagSet(abi) || !isTagSet(platform))
    throw new FormatError(fileName, "its tags are not those of PEP 425");
  return { distribution, version, build: build ?? null, python, abi, platform };
}

/** The architecture that a wheel's file name ends with; null for none that wheels of variants have. */
export const architectureOf = (fileName: string): string | null =>
  /_(x86_64|aarch64)\.whl$/.exec(fileName)?.[1] ?? null;

export function formatWheelFileName(parts: WheelFileName): string {
  const { distribution, version, build, python, abi, platform } = parts;
  return `${[distribution, version, ...(build ? [build] : []), python, abi, platform].join("-")}.whl`;
}

/** Every tag of compressed sets: `py2.py3`, `none`, `any` → two tags. Source: PEP 425, "Compressed tag sets". */
export function expandTags({
  python,
  abi,
  platform,
}: Pick<WheelFileName, "python" | "abi" | "platform">): string[] {
  return python
    .split(".")
    .flatMap((py) =>
      abi.split(".").flatMap((one) => platform.split(".").map((plat) => `${py}-${one}-${plat}`)),
    )
    .sort();
}

/** Compressed sets that stand for exactly these tags. @throws FormatError where no product of sets does */
export function compressTags(tags: readonly string[]): Pick<WheelFileName, "python" | "abi" | "platform"> {
  const split = tags.map((tag) => tag.split("-"));
  const column = (index: number): string =>
    [...new Set(split.map((parts) => parts[index] ?? ""))].sort().join(".");
  const sets = { python: column(0), abi: column(1), platform: column(2) };
  if (expandTags(sets).join() !== tags.toSorted().join())
    throw new FormatError("WHEEL", `the tags ${tags.join(", ")} are no product of sets`);
  return sets;
}
