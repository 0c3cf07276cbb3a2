import { wheelsError } from "../errors/wheels-error.ts";
import { haveSeveralVersions, jobId, type PlanItem } from "./plan.ts";
import { minorOf } from "./request.ts";

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

/** One compile, in the words that a workflow uses; `variants` is what build-variant takes. */
export interface BuildJob {
  id: string;
  /** Names with a comma between them. */
  variants: string;
  /** Empty where the source's build computes it. */
  version: string;
  /** The release to build, of those that were asked for; empty for a source that was named. */
  "vllm-version": string;
  /** Empty for the runner's own Python. */
  python: string;
  "runs-on": string[];
}

/** The wheels of one compile. */
export interface Compile {
  id: string;
  /** The wheel for the oldest Python first: that Python compiles. */
  items: readonly [PlanItem, ...PlanItem[]];
}

/**
 * The compiles that a plan's wheels take: one for each version, architecture, unit and Python; of a unit that keeps to
 * the stable ABI one for its oldest Python, which the later ones share. The longest first, so that it is not waited for.
 */
export function compilesOf(items: readonly PlanItem[]): Compile[] {
  const several = haveSeveralVersions(items);
  const groups = new Map<string, [PlanItem, ...PlanItem[]]>();
  for (const item of items) {
    const { version, architecture, compile, stableAbi, python } = item;
    const key = JSON.stringify([version, architecture, compile, stableAbi ? null : python]);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()]
    .map((members) => {
      members.sort((a, b) => minorOf(a.python) - minorOf(b.python));
      const [{ python, compile, version }] = members;
      return { id: jobId(python, compile, several ? version : null), items: members };
    })
    .toSorted(({ items: [a] }, { items: [b] }) => (b.seconds ?? 0) - (a.seconds ?? 0));
}

/**
 * The wheels of a plan: of a unit that keeps to the stable ABI, the one for its oldest Python is the later ones' too.
 * @param compiles of {@link compilesOf}
 */
export function wheelsOf(compiles: readonly Compile[]): PlanItem[] {
  return compiles.flatMap(({ items }) =>
    [...new Map(items.toReversed().map((item) => [item.variant, item])).values()].reverse(),
  );
}

function demandSize(jobs: number): void {
  if (jobs > MOST_JOBS) throw wheelsError("E_MATRIX_SIZE", { jobs, most: MOST_JOBS });
}

/**
 * The compiles of a plan as `strategy.matrix` takes them through fromJSON.
 * @param labelsOf the runner of a compile
 * @throws E_MATRIX_SIZE for more than 256 jobs
 */
export function toBuilds(
  compiles: readonly Compile[],
  labelsOf: (compile: Compile) => string[],
): { include: BuildJob[] } {
  demandSize(compiles.length);
  return {
    include: compiles.map((compile) => {
      const { id, items } = compile;
      const [{ version, release, python }] = items;
      return {
        id,
        variants: [...new Set(items.map(({ variant }) => variant))].join(","),
        version: version ?? "",
        "vllm-version": release ?? "",
        python: python ?? "",
        "runs-on": labelsOf(compile),
      };
    }),
  };
}

/**
 * A plan as `strategy.matrix` takes it through fromJSON.
 * @throws E_MATRIX_SIZE for more than 256 jobs
 */
export function toMatrix(items: readonly PlanItem[]): { include: MatrixJob[] } {
  demandSize(items.length);
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
