import type { Variant } from "../variants/manifest.ts";
import type { FoundRecipe, Recipe } from "../variants/recipes.ts";
import { minorOf } from "../variants/request.ts";
import { chooseKernels, type KernelChoice, type Unit } from "../variants/units.ts";
import type { Source } from "./source/source.ts";

/** One variant of one source, and what it is made from. */
export interface PlannedVariant {
  variant: Variant;
  unit: Unit;
  kernels: KernelChoice | null;
}

/** What is built of one source for one architecture. */
export interface Batch {
  source: Source;
  found: FoundRecipe;
  planned: PlannedVariant[];
}

/** One compile: a unit of a source for one Python, and the variants whose wheels are made of it. */
export interface CompileJob {
  /** Position of its batch in the request. */
  batch: number;
  unit: Unit;
  /** Minor version; null for the Python on PATH. */
  python: string | null;
  planned: PlannedVariant[];
}

/** The variants with what each is made from. @param units by variant name */
export function planned(
  variants: readonly Variant[],
  units: ReadonlyMap<string, Unit>,
  recipe: Recipe,
): PlannedVariant[] {
  return variants.flatMap((variant) => {
    const unit = units.get(variant.name);
    return unit ? [{ variant, unit, kernels: chooseKernels(recipe, variant) }] : [];
  });
}

/**
 * What is compiled, for whom, in which order: batch by batch, unit by unit, and of a unit the oldest Python first, since
 * an abi3 wheel of it serves the later ones (PEP 384) and their compiles are then left out.
 * @param pythons minor versions; empty for the Python on PATH
 */
export function compileJobs(batches: readonly Batch[], pythons: readonly string[]): CompileJob[] {
  const order: (string | null)[] =
    pythons.length > 0 ? pythons.toSorted((a, b) => minorOf(a) - minorOf(b)) : [null];
  return batches.flatMap(({ planned: members }, batch) =>
    [...new Set(members.map(({ unit }) => unit))].flatMap((unit) =>
      order.map((python) => ({
        batch,
        unit,
        python,
        planned: members.filter((one) => one.unit === unit),
      })),
    ),
  );
}
