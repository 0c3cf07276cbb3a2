import { prepare } from "../build/prepare.ts";
import type { Host } from "../host/host.ts";
import { listWheels } from "../publish/plan/list-wheels.ts";
import { chooseItems, isWheelOf } from "../variants/choose.ts";
import { toMatrix } from "../variants/matrix.ts";
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
}

/**
 * Plans wheels and builds nothing.
 * @throws what {@link prepare} throws, E_PLAN_EMPTY, E_INDEX_READ
 */
export async function plan(host: Host, { what, choice }: PlanRequest): Promise<PlanReport> {
  const prepared = await prepare(host, what);
  const { runner, skipExisting } = choice;
  const items = chooseItems(prepared.plan, choice.only, choice.skip).map((item) =>
    runner === null ? item : { ...item, runnerLabels: [runner.replaceAll("{variant}", item.variant)] },
  );
  if (skipExisting === null) return { plan: items, existing: [] };
  if (items.some(({ version }) => version === null))
    host.log.warn("The source states no version, so skip-existing can't tell which wheels are there");
  const distributions = new Set(items.map(({ distribution }) => distribution));
  const there = await listWheels(host, skipExisting, [...distributions]);
  const isThere = (item: PlanItem): boolean =>
    item.version !== null && there.some((file) => isWheelOf(item, file));
  return { plan: items.filter((item) => !isThere(item)), existing: items.filter(isThere) };
}
