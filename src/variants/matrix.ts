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

/** One compile, in the words that a workflow uses; `variants` is what build-variant takes. */
export interface BuildJob {
  id: string;
  /** Names with a comma between them. */
  variants: string;
  /** Empty where the source's build computes it. */
  version: string;
  /** Empty for the runner's own Python. */
  python: string;
  "runs-on": string[];
}

/** The wheels of one compile. */
export interface Compile {
  id: string;
  items: readonly PlanItem[];
}

const minorOf = (python: string | null): number => Number(python?.split(".")[1] ?? 0);

/**
 * The compiles that a plan's wheels take: one for each version, architecture, unit and Python; of a unit that keeps to
 * the stable ABI one for its oldest Python, which the later ones share. The longest first, so that it is not waited for.
 */
export function compilesOf(items: readonly PlanItem[]): Compile[] {
  const isOneVersion = new Set(items.map(({ version }) => version)).size <= 1;
  const groups = new Map<string, PlanItem[]>();
  for (const item of items) {
    const { version, architecture, compile, stableAbi, python } = item;
    const key = JSON.stringify([version, architecture, compile, stableAbi ? null : python]);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()]
    .map((members) => {
      const [oldest] = members.toSorted((a, b) => minorOf(a.python) - minorOf(b.python));
      const { python = null, version = null, compile = "" } = oldest ?? {};
      const parts = [python === null ? "py3" : `cp${python.replace(".", "")}`, compile];
      return {
        id: [...parts, ...(isOneVersion || version === null ? [] : [version])].join("-"),
        items: members,
      };
    })
    .toSorted((a, b) => (b.items[0]?.seconds ?? 0) - (a.items[0]?.seconds ?? 0));
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
      const [oldest] = items.toSorted((a, b) => minorOf(a.python) - minorOf(b.python));
      return {
        id,
        variants: [...new Set(items.map(({ variant }) => variant))].join(","),
        version: oldest?.version ?? "",
        python: oldest?.python ?? "",
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
