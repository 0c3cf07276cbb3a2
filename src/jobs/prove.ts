import { resolve } from "node:path";
import { loadVariants } from "../build/load-manifest.ts";
import { keptMaterials } from "../build/materials/kept-materials.ts";
import type { Host } from "../host/host.ts";
import type { ReportFiles, ReportPaths } from "../report/report-files.ts";
import type { TorchRequest } from "../torch/install.ts";
import { selectVariants } from "../variants/manifest.ts";
import { loadPolicy, type PolicyRequest } from "../verify/policy/load-policy.ts";
import { type ProofDepth, prove as proveWheels } from "../verify/prove.ts";
import { proveEnvironment } from "../verify/prove-environment.ts";
import type { Result } from "../verify/verdict/result.ts";
import { reportFileName, verdictFileName } from "../verify/verdict/verdict.ts";
import { demandReports, writeReports } from "./write-reports.ts";

export { reportFileName, verdictFileName };

export interface ProveRequest {
  /** Paths, relative to the working folder. */
  wheels: readonly string[];
  /** Minor versions to run wheels on that serve several; left out for the Python on PATH. */
  pythons?: readonly string[];
  /** A virtual environment, or `current` for the Python on PATH; null for none. */
  environment: string | null;
  /** Name of the variant that the wheels claim to be; null to go by their names. */
  variant: string | null;
  manifest: string | null;
  depth: ProofDepth;
  torch: TorchRequest;
  judging: PolicyRequest;
  reports: ReportFiles;
  writesVerdicts: boolean;
}

export interface ProveReport {
  results: Result[];
  reports: ReportPaths;
}

/**
 * Verifies wheels, an environment, or both, and writes verdicts and reports.
 * @throws E_MANIFEST, E_VARIANT_UNKNOWN, E_POLICY, E_OPTION_VALUE, E_PYTHON_MISSING, what {@link proveWheels} throws
 */
export async function prove(host: Host, request: ProveRequest): Promise<ProveReport> {
  const { wheels, environment, depth, torch, writesVerdicts } = request;
  const variants = await loadVariants(host, request.manifest);
  const [variant] = request.variant === null ? [] : selectVariants(variants, request.variant);
  const policy = await loadPolicy(host.cwd, request.judging);
  await demandReports(host, request.reports, environment === null ? wheels : [...wheels, null]);
  const results: Result[] = await proveWheels(
    host,
    {
      variants,
      variant: variant ?? null,
      depth,
      torch,
      pythons: request.pythons ?? [],
      policy,
      writesVerdicts,
      materialsOf: keptMaterials,
    },
    wheels.map((wheel) => ({ path: resolve(host.cwd, wheel), torch: null })),
  );
  if (environment !== null) results.push(await proveEnvironment(host, environment, depth, policy));
  return { results, reports: await writeReports(host, request.reports, results) };
}

/** Every failed check, as a line; of an environment that is refused, what was not run too. */
export function failuresOf(results: readonly Pick<Result, "wheel" | "result" | "checks">[]): string[] {
  return results.flatMap(({ wheel, result: whole, checks }) =>
    checks
      .filter(
        ({ result }) => result === "fail" || (wheel === null && whole === "fail" && result === "not-run"),
      )
      .map(({ id, detail }) => `${wheel?.split("/").at(-1) ?? "environment"}: ${id}: ${detail}`),
  );
}
