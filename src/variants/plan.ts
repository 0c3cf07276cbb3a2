import type { Variant } from "./manifest.ts";

/** One wheel to build. */
export interface PlanItem {
  /** Stable name of the job, as `plan` prints it: cp311-vllm-cpu-avx512. */
  id: string;
  variant: string;
  distribution: string;
  /** Python minor version; null for the Python on PATH. */
  python: string | null;
  /** The source's version with the suffix; null where the build backend computes it. */
  version: string | null;
  architecture: string;
  runnerLabels: string[];
  mayUse: string[];
  mustUse: string[];
  environment: Record<string, string>;
}

/**
 * Every wheel that a request stands for: variants × Python versions, Python by Python within a variant.
 * @param pythons empty for the Python on PATH
 */
export function makePlan(
  variants: readonly Variant[],
  pythons: readonly string[],
  version: string | null,
): PlanItem[] {
  const wanted: (string | null)[] = pythons.length > 0 ? [...pythons] : [null];
  return variants.flatMap((variant) =>
    wanted.map((python) => ({
      id: `${python === null ? "py3" : `cp${python.replace(".", "")}`}-${variant.name}`,
      variant: variant.name,
      distribution: variant.distribution,
      python,
      version,
      architecture: variant.architecture,
      runnerLabels: variant.runnerLabels,
      mayUse: variant.isa.mayUse,
      mustUse: variant.isa.mustUse,
      environment: variant.environment,
    })),
  );
}
