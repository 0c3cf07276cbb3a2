import { visible } from "./visible.ts";

const MOST_ITEMS = 6;
const MOST_CHARACTERS = 160;

const short = (value: unknown): string =>
  visible(typeof value === "string" ? value : (JSON.stringify(value) ?? "none"), MOST_CHARACTERS);

/** A list in which nothing is nested reads better in one line. */
function listText(list: readonly unknown[]): string {
  const more = list.length - MOST_ITEMS;
  const shown = list.slice(0, MOST_ITEMS).map(short).join(", ");
  return list.length === 0 ? "none" : shown + (more > 0 ? ` and ${more} more` : "");
}

/** A check's evidence as lines `name: value`, short enough for a terminal or a card; the verdict has all of it. */
export function evidenceLines(evidence: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(evidence).flatMap(([name, value]) => {
    if (value === null || value === "") return [];
    if (Array.isArray(value)) return value.length === 0 ? [] : [`${short(name)}: ${listText(value)}`];
    if (typeof value !== "object") return [`${short(name)}: ${short(value)}`];
    const parts = Object.entries(value).map(
      ([key, part]) => `${key} ${Array.isArray(part) ? `[${listText(part)}]` : short(part)}`,
    );
    return parts.length === 0 ? [] : [`${short(name)}: ${listText(parts)}`];
  });
}
