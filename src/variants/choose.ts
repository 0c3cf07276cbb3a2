import picomatch from "picomatch";
import { wheelsError } from "../errors/wheels-error.ts";
import { FormatError } from "../wheel/format-error.ts";
import { normalizeName, parseWheelFileName, type WheelFileName } from "../wheel/names.ts";
import type { PlanItem } from "./plan.ts";

/** Words of a pattern list, spaces or commas between them. Braces may hold commas of their own. */
const words = (text: string): string[] => text.match(/(?:\{[^}]*\}|[^\s,{])+/g) ?? [];

/**
 * Keeps the items whose id fits one of `only` and none of `skip`: shell patterns, as in cibuildwheel's build and skip.
 * @param only null for all
 * @throws E_PLAN_EMPTY where that leaves none
 */
export function chooseItems(
  items: readonly PlanItem[],
  only: string | null,
  skip: string | null,
): PlanItem[] {
  const wanted = picomatch(only === null ? ["*"] : words(only));
  const unwanted = picomatch(skip === null ? [] : words(skip));
  const kept = items.filter(({ id }) => wanted(id) && !unwanted(id));
  if (kept.length === 0) throw wheelsError("E_PLAN_EMPTY", { known: items.map(({ id }) => id) });
  return kept;
}

/** Python minor version of a tag such as cp311 or py3; null for what serves any. */
function minorOf(tag: string): number | null {
  const digits = /^cp3(\d+)$/.exec(tag)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** A listing may hold names of old tools that are no wheel names. */
function parsed(file: string): WheelFileName | null {
  try {
    return parseWheelFileName(file);
  } catch (thrown) {
    if (thrown instanceof FormatError) return null;
    throw thrown;
  }
}

/**
 * True where a wheel file is what a plan item would build: its distribution and version, for its Python.
 * Source: PEP 425 (tags), PEP 384 (abi3 serves later Pythons).
 */
export function isWheelOf(
  item: Pick<PlanItem, "distribution" | "version" | "python">,
  file: string,
): boolean {
  const name = parsed(file);
  if (name === null) return false;
  if (normalizeName(name.distribution) !== normalizeName(item.distribution)) return false;
  if (item.version !== null && name.version !== item.version) return false;
  if (item.python === null) return true;
  const wanted = Number(item.python.split(".")[1]);
  const isStable = name.abi.split(".").some((abi) => abi === "abi3" || abi === "none");
  return name.python.split(".").some((tag) => {
    const minor = minorOf(tag);
    return minor === null ? /^py3/.test(tag) : isStable ? minor <= wanted : minor === wanted;
  });
}
