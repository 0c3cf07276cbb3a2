import { resolve } from "node:path";
import { loadVariants } from "../build/load-manifest.ts";
import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { type Publishing, publisherFor } from "../publish/prepare.ts";
import type { PublishReport } from "../publish/publish.ts";
import { loadPolicy, type PolicyRequest } from "../verify/policy/load-policy.ts";

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
  return publisher.publish(wheels, request.onRefusal);
}
