import type { BuiltWheel } from "../build/build.ts";
import { type BuildGroups, buildPrepared, describeBuild } from "../build/build-wheels.ts";
import { prepare } from "../build/prepare.ts";
import type { Host } from "../host/host.ts";
import type { PlanItem } from "../variants/plan.ts";
import { type TraceReport, tracing } from "./trace.ts";

export interface BuildRequest extends BuildGroups {
  dryRun: boolean;
}

export interface BuildReport {
  plan: PlanItem[];
  built: BuiltWheel[];
  /** Lines of a dry run; empty otherwise. */
  dryRun: string[];
  /** Where the time went; null for a dry run. */
  trace: TraceReport | null;
}

/** Builds wheels, or says what would be done. @throws what {@link prepare} and {@link buildPrepared} throw */
export async function build(host: Host, request: BuildRequest): Promise<BuildReport> {
  const prepared = await prepare(host, request.what);
  const { plan } = prepared;
  if (request.dryRun) return { plan, built: [], dryRun: describeBuild(host, request, prepared), trace: null };
  const { value: wheels, trace } = await tracing(host, () => buildPrepared(host, request, prepared));
  return { plan, built: wheels.map(({ built }) => built), dryRun: [], trace };
}
