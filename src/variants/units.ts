import { wheelsError } from "../errors/wheels-error.ts";
import { closure, type IsaFeature } from "./features.ts";
import type { Variant } from "./manifest.ts";
import type { Compilers } from "./recipe-schema.ts";
import type { Recipe } from "./recipes.ts";

/** What a recipe builds for one variant. */
export interface Unit {
  /** Stable name of what is compiled; variants with the same unit share one compile. */
  name: string;
  environment: Record<string, string>;
  compilers: Compilers | null;
  patches: string[];
  /** Features that the compile is shown as the machine's. */
  features: IsaFeature[];
}

/** One set of kernels out of a build that makes several, and the others that the wheel leaves out. */
export interface KernelChoice {
  library: string;
  others: string[];
}

const hasAll = (features: readonly IsaFeature[], contract: ReadonlySet<IsaFeature>): boolean =>
  closure(features).every((feature) => contract.has(feature));

/** Throws for a contract that these releases can't be built for. @throws E_VARIANT_UNBUILDABLE */
function demandBuildable(recipe: Recipe, variant: Variant): void {
  const contract = new Set(variant.isa.mayUse);
  const refused = recipe.refuses.find(({ needs }) => hasAll(needs, contract));
  if (refused)
    throw wheelsError("E_VARIANT_UNBUILDABLE", {
      variant: variant.name,
      recipe: recipe.name,
      why: refused.reason,
    });
}

/**
 * The set of kernels for a variant: the richest whose code stays within the contract.
 * @returns null for a build that makes one set only
 * @throws E_VARIANT_UNBUILDABLE where none uses what the contract must use
 */
export function chooseKernels(recipe: Recipe, variant: Variant): KernelChoice | null {
  demandBuildable(recipe, variant);
  if (recipe.kernels.length === 0) return null;
  const contract = new Set(variant.isa.mayUse);
  const within = recipe.kernels.filter(({ features }) => hasAll(features, contract));
  const best = within.toSorted((a, b) => closure(b.features).length - closure(a.features).length)[0];
  const used = new Set<IsaFeature>(best ? closure([...best.features, ...(best.dispatched ?? [])]) : []);
  const missing = variant.isa.mustUse.filter((feature) => !used.has(feature));
  if (!best || missing.length > 0) {
    throw wheelsError("E_VARIANT_UNBUILDABLE", {
      variant: variant.name,
      recipe: recipe.name,
      why: best
        ? `Its kernels within the contract, ${best.library}, don't use ${missing.join(", ")}.`
        : `None of its sets of kernels (${recipe.kernels.map(({ library }) => library).join(", ")}) stays within the contract.`,
    });
  }
  const others = recipe.kernels.map(({ library }) => library).filter((library) => library !== best.library);
  return { library: best.library, others };
}

/**
 * What has to be compiled for these variants, which share one architecture.
 * @returns a unit by variant name; variants that share a compile share the very unit
 * @throws E_VARIANT_UNBUILDABLE
 */
export function unitsOf(recipe: Recipe, variants: readonly Variant[]): Map<string, Unit> {
  const choices = new Map(variants.map((variant) => [variant.name, chooseKernels(recipe, variant)]));
  if (recipe.kernels.length === 0) {
    return new Map(variants.map((variant) => [variant.name, ownUnit(recipe, variant)]));
  }
  // Variables of one's own may change what is compiled, so that only variants with the same ones share it.
  const groups = new Map<string, Variant[]>();
  for (const variant of variants) {
    const key = JSON.stringify(Object.entries(variant.environment).sort());
    groups.set(key, [...(groups.get(key) ?? []), variant]);
  }
  const units = new Map<string, Unit>();
  for (const members of groups.values()) {
    const unit = sharedUnit(recipe, members, new Set(members.map(({ name }) => choices.get(name)?.library)));
    for (const { name } of members) units.set(name, unit);
  }
  return units;
}

function sharedUnit(
  recipe: Recipe,
  members: readonly Variant[],
  wanted: ReadonlySet<string | undefined>,
): Unit {
  const added = recipe.kernels.filter(({ library, patch }) => patch !== undefined && wanted.has(library));
  const own = members[0]?.environment ?? {};
  const suffix = Object.keys(own).length > 0 ? [members[0]?.name ?? ""] : [];
  return {
    name: [
      "kernels",
      ...suffix,
      ...added.map(({ library }) => library.replace(/^_C_?/, "").toLowerCase()),
    ].join("-"),
    environment: { ...recipe.environment, ...own },
    compilers: recipe.compilers,
    patches: [...new Set([...recipe.patches, ...added.flatMap(({ patch }) => patch ?? [])])],
    features: closure(
      recipe.kernels.flatMap(({ features, dispatched }) => [...features, ...(dispatched ?? [])]),
    ),
  };
}

function ownUnit(recipe: Recipe, variant: Variant): Unit {
  const contract = new Set(variant.isa.mayUse);
  const applying = recipe.switches.filter(
    ({ needs, lacks }) => hasAll(needs, contract) && !(lacks ?? []).some((feature) => contract.has(feature)),
  );
  return {
    name: variant.name,
    environment: {
      ...recipe.environment,
      ...Object.assign({}, ...applying.map(({ environment }) => environment)),
      ...variant.environment,
    },
    compilers:
      applying.map(({ compilers }) => compilers).findLast((floor) => floor !== undefined) ?? recipe.compilers,
    patches: recipe.patches,
    features: variant.isa.mayUse,
  };
}
