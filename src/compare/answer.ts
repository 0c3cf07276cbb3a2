import { visible } from "../report/visible.ts";
import type { Comparison } from "./document.ts";

type Facts = Omit<Comparison, "answer" | "worth">;

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** How a wheel is called in tables and sentences. */
export const letterOf = (index: number): string => LETTERS[index] ?? `#${index + 1}`;

const count = (value: number): string => value.toLocaleString("en");

/** "A", "A and B", "A, B and C". */
function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}

/** The variant's name, or the file's where it is of none; with its letter, by which tables call it. */
function nameOf({ wheels }: Facts, index: number): string {
  const wheel = wheels[index];
  return `${visible(wheel?.variant ?? wheel?.wheel ?? "?", 120)} (${letterOf(index)})`;
}

/** Features that some name promises and none of these wheels holds. */
function emptyPromises({ wheels, isa }: Facts, group: readonly number[]): string {
  return group
    .flatMap((index) =>
      (wheels[index]?.claimed ?? [])
        .filter((feature) => (isa[feature]?.[index] ?? 0) === 0)
        .map(
          (feature) => ` The name of ${letterOf(index)} promises ${feature}; it holds no such instruction.`,
        ),
    )
    .join("");
}

function groupSentence(facts: Facts, group: readonly number[]): string {
  const libraries = facts.libraries.filter(({ codeSha256 }) =>
    group.some((index) => codeSha256[index] !== null),
  );
  const names = listed(group.map((index) => nameOf(facts, index)));
  const where =
    libraries.length === 0
      ? "hold no machine code at all"
      : `hold the same machine code, byte for byte, in ${libraries.length === 1 ? "their only library" : `all ${libraries.length} libraries`}`;
  return `${names} ${where}: one wheel would serve for ${group.length === 2 ? "both" : "all of them"}.${emptyPromises(facts, group)}`;
}

/** Features that the first wheel of one group has and that of another has not, or has less of. */
function advantage({ isa }: Facts, has: number, lacks: number): string[] {
  return Object.entries(isa)
    .filter(
      ([feature, counts]) => feature !== "x86-64" && (counts[has] ?? 0) > 0 && (counts[lacks] ?? 0) === 0,
    )
    .map(([feature, counts]) => `${count(counts[has] ?? 0)} × ${feature}`);
}

function differenceSentence(facts: Facts, one: number, other: number): string {
  const [here, there] = [advantage(facts, other, one), advantage(facts, one, other)];
  const [a, b] = [letterOf(one), letterOf(other)];
  const differing = facts.libraries.filter(({ codeSha256 }) => codeSha256[one] !== codeSha256[other]).length;
  const where = `${b} differs from ${a} in ${differing} of ${facts.libraries.length} libraries`;
  if (here.length > 0 && there.length > 0)
    return `${where}: it has ${here.join(", ")}; ${a} has ${there.join(", ")}.`;
  if (here.length > 0) return `${where}: it has ${here.join(", ")}, of which ${a} has none.`;
  if (there.length > 0) return `${where}: ${a} has ${there.join(", ")}, of which ${b} has none.`;
  return isSameCounts(facts, one, other)
    ? `${where}, but every feature has as many instructions in both: the bytes differ, hardly the code.`
    : `${where}: the same features, in other numbers.`;
}

const isSameCounts = ({ isa }: Facts, one: number, other: number): boolean =>
  Object.values(isa).every((counts) => counts[one] === counts[other]);

function isUndecoded({ libraries, isa }: Facts): boolean {
  return libraries.length > 0 && Object.keys(isa).length === 0;
}

function restSentence({ metadata, files }: Facts): string {
  const requirements = metadata.filter(({ header }) => header === "Requires-Dist").length;
  const others = [...files.different, ...files.notInAll.map(({ path }) => path)];
  const [first] = others;
  const packages =
    requirements === 0
      ? "They require the same packages"
      : `They differ in ${requirements} lines of requirements`;
  if (first === undefined) return ` ${packages}; all other files are equal.`;
  const named = others.length === 1 ? visible(first, 120) : `${count(others.length)} other files`;
  return ` ${packages}${requirements === 0 ? ", and differ in" : " and in"} ${named}.`;
}

/** Whether each variant is worth a wheel of its own. */
export function answerOf(facts: Facts): Pick<Comparison, "answer" | "worth"> {
  const { sameCode, wheels } = facts;
  const shared = sameCode.filter((group) => group.length > 1).map((group) => groupSentence(facts, group));
  const rest = restSentence(facts);
  if (sameCode.length === 1) return { worth: "no", answer: `No. ${shared.join(" ")}${rest}` };
  if (isUndecoded(facts))
    return {
      worth: shared.length > 0 ? "partly" : "unknown",
      answer:
        `${shared.join(" ")} The machine code differs; it is not decoded, so what differs can't be told.${rest}`.trim(),
    };
  const heads = sameCode.map(([first = 0]) => first);
  // Each against the one before it: variants are given from the least demanding on.
  const differences = heads.slice(1).map((head, index) => differenceSentence(facts, heads[index] ?? 0, head));
  const promises = sameCode
    .filter((group) => group.length === 1)
    .map((group) => emptyPromises(facts, group).trim());
  const isHardly = heads.slice(1).every((head) => isSameCounts(facts, heads[0] ?? 0, head));
  const worth = isHardly ? "hardly" : shared.length > 0 ? "partly" : "yes";
  const word = {
    hardly: "Hardly.",
    partly: `Not every one: ${wheels.length} wheels hold ${sameCode.length} different codes.`,
    yes: "Yes.",
  }[worth];
  return {
    worth,
    answer: `${[word, ...shared, ...differences, ...promises].filter((one) => one !== "").join(" ")}${rest}`,
  };
}
