import { wheelsError } from "../errors/wheels-error.ts";
import type { PlanItem } from "./plan.ts";

/** Source: GitHub documentation, "Usage limits": a job matrix can generate a maximum of 256 jobs per workflow run. */
const MOST_JOBS = 256;

/** One job, in the words that a workflow uses: `${{ matrix.variant }}`, `runs-on: ${{ matrix.runs-on }}`. */
export interface MatrixJob {
  id: string;
  variant: string;
  distribution: string;
  /** Empty where the source's build computes it. */
  version: string;
  /** Empty for the runner's own Python. */
  python: string;
  "runs-on": string[];
}

/**
 * A plan as `strategy.matrix` takes it through fromJSON.
 * @throws E_MATRIX_SIZE for more than 256 jobs
 */
export function toMatrix(items: readonly PlanItem[]): { include: MatrixJob[] } {
  if (items.length > MOST_JOBS) throw wheelsError("E_MATRIX_SIZE", { jobs: items.length, most: MOST_JOBS });
  return {
    include: items.map(({ id, variant, distribution, version, python, runnerLabels }) => ({
      id,
      variant,
      distribution,
      version: version ?? "",
      python: python ?? "",
      "runs-on": runnerLabels,
    })),
  };
}
