import { resolve } from "node:path";
import { loadVariants } from "../build/load-manifest.ts";
import { keptMaterials } from "../build/materials/kept-materials.ts";
import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { writeAlsoAs } from "../publish/also-as.ts";
import { type Publishing, publisherFor } from "../publish/prepare.ts";
import type { Publisher, PublishReport } from "../publish/publish.ts";
import type { TorchRequest } from "../torch/install.ts";
import { loadPolicy, type PolicyRequest } from "../verify/policy/load-policy.ts";
import { prove } from "../verify/prove.ts";
import type { RunSettings } from "../verify/runtime/settings.ts";
import { deepest } from "../verify/verdict/verdict.ts";
import { failuresOf } from "./prove.ts";

export type { PublishReport };

export interface PublishRequest {
  /** Paths, relative to the working folder, each with its verdict beside it. */
  wheels: readonly string[];
  publishing: Publishing & { to: string };
  judging: PolicyRequest;
  manifest: string | null;
  dryRun: boolean;
  /** Told of every refusal before the first of them is thrown. */
  onRefusal: (refusals: readonly WheelsError[]) => void;
  /** How wheels under a second name are run, to the level that the targets demand. */
  proving: { settings: RunSettings; torch: TorchRequest };
}

/**
 * Publishes wheels whose verdicts prove these very bytes: all of them, or none.
 * @throws E_PUBLISH_NOTHING, E_MANIFEST, E_POLICY, what {@link publisherFor} and the publisher throw
 */
export async function publish(host: Host, request: PublishRequest): Promise<PublishReport> {
  const { publishing, dryRun } = request;
  const wheels = request.wheels.map((wheel) => resolve(host.cwd, wheel));
  const [first] = wheels;
  // Where a plan is expected, what is missing of it says more.
  if (first === undefined && publishing.expect === null)
    throw wheelsError("E_PUBLISH_NOTHING", { where: "The command line" });
  const variants = [...(await loadVariants(host, request.manifest)).values()];
  const { policy } = await loadPolicy(host.cwd, request.judging);
  const folder = resolve(first ?? host.cwd, first === undefined ? "." : "..");
  const publisher = await publisherFor(host, publishing, { variants, policy, folder, dryRun });
  const others =
    publishing.alsoAs === null || dryRun ? [] : await proveAlsoAs(host, request, publisher, wheels);
  return publisher.publish([...new Set([...wheels, ...others])], request.onRefusal);
}

/** Writes the wheels under their second name, and proves those. @throws E_CHECK_FAILED */
async function proveAlsoAs(
  host: Host,
  { publishing, manifest, judging, proving }: PublishRequest,
  { kinds }: Publisher,
  wheels: readonly string[],
): Promise<string[]> {
  const variants = await loadVariants(host, manifest);
  const policy = await loadPolicy(host.cwd, judging);
  const written = await writeAlsoAs(host, wheels, publishing.alsoAs ?? "", [...variants.values()]);
  const results = await prove(
    host,
    {
      variants,
      variant: null,
      depth: {
        level: deepest(kinds.map((kind) => policy.policy.targets[kind].level)),
        settings: proving.settings,
      },
      torch: proving.torch,
      pythons: [],
      policy,
      writesVerdicts: true,
      materialsOf: keptMaterials,
    },
    written.map((path) => ({ path, torch: null })),
  );
  const failures = failuresOf(results);
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  return written;
}
