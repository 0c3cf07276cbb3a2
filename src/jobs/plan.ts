import { type Prepared, prepare } from "../build/prepare.ts";
import type { Host } from "../host/host.ts";
import { listWheels } from "../publish/plan/list-wheels.ts";
import { chooseItems, isWheelOf } from "../variants/choose.ts";
import type { Variant } from "../variants/manifest.ts";
import { type BuildJob, compilesOf, toBuilds, toMatrix, wheelsOf } from "../variants/matrix.ts";
import type { PlanItem } from "../variants/plan.ts";
import type { WheelChoice, WheelRequest } from "../variants/request.ts";

export { toMatrix };

export interface PlanRequest {
  what: WheelRequest;
  choice: WheelChoice;
}

/** Which wheels a request stands for. */
export interface PlanReport {
  plan: PlanItem[];
  /** What the index has already. */
  existing: PlanItem[];
  /** The compiles that the plan takes, as a matrix. */
  builds: { include: BuildJob[] };
  /** The plan without the rows that stand for a wheel of another row. */
  wheels: PlanItem[];
}

/** Labels that all variants of an architecture share: a machine that compiles needs nothing of a variant's own. */
function sharedLabels(variants: Iterable<Variant>, architecture: string): string[] {
  const [first, ...others] = [...variants].filter((variant) => variant.architecture === architecture);
  return (first?.runnerLabels ?? []).filter((label) =>
    others.every(({ runnerLabels }) => runnerLabels.includes(label)),
  );
}

/** @param prepared whose manifest says what runners there are */
function jobsOf(
  prepared: Prepared,
  items: readonly PlanItem[],
  { runner, buildRunner }: WheelChoice,
): Pick<PlanReport, "builds" | "wheels"> {
  const compiles = compilesOf(items);
  const builds = toBuilds(compiles, ({ items: [item] }) => {
    if (buildRunner !== null) return [buildRunner];
    return runner === null ? sharedLabels(prepared.variants.values(), item.architecture) : item.runnerLabels;
  });
  return { builds, wheels: wheelsOf(compiles) };
}

/**
 * Plans wheels and builds nothing.
 * @throws what {@link prepare} throws, E_PLAN_EMPTY, E_INDEX_READ, E_MATRIX_SIZE
 */
export async function plan(host: Host, { what, choice }: PlanRequest): Promise<PlanReport> {
  const prepared = await prepare(host, what);
  const { runner, skipExisting } = choice;
  const items = chooseItems(prepared.plan, choice.only, choice.skip).map((item) =>
    runner === null ? item : { ...item, runnerLabels: [runner.replaceAll("{variant}", item.variant)] },
  );
  if (skipExisting === null) return { plan: items, existing: [], ...jobsOf(prepared, items, choice) };
  if (items.some(({ version }) => version === null))
    host.log.warn("The source states no version, so skip-existing can't tell which wheels are there");
  const distributions = new Set(items.map(({ distribution }) => distribution));
  const there = await listWheels(host, skipExisting, [...distributions]);
  const isThere = (item: PlanItem): boolean =>
    item.version !== null && there.some((file) => isWheelOf(item, file));
  const left = items.filter((item) => !isThere(item));
  return { plan: left, existing: items.filter(isThere), ...jobsOf(prepared, left, choice) };
}
