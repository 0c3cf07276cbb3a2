import { resolve } from "node:path";
import type { Host } from "../host/host.ts";
import { probesSha256 } from "../host/probes.ts";
import { productVersion } from "../host/version.ts";
import { CPU_INDEX } from "../torch/install.ts";
import { contractSha256, cpuNeeds } from "../variants/cpu-needs.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Policy } from "../verify/policy/policy.ts";
import { demandLocalVersions } from "./also-as.ts";
import { parseExpected } from "./gate/expect.ts";
import { type Publisher, preparePublish } from "./publish.ts";
import { signatureDemand } from "./signing/check.ts";

/** What publishing demands. */
export interface Publishing {
  /** One target, or a comma list; null where nothing is to be published. */
  to: string | null;
  checkUrl: string | null;
  complete: boolean;
  variantIndex: boolean;
  servedAt: string | null;
  signedBy: string | null;
  trustedRoot: string | null;
  attested: boolean;
  /** MiB. */
  fileLimit: number | null;
  /** GiB. */
  projectLimit: number | null;
  /** A second name for each wheel; null for none. */
  alsoAs: string | null;
  /** A plan as JSON. */
  expect: string | null;
  /** Index or folder whose torch an index links; null for the default, `none` for none. */
  torchIndex: string | null;
}

/** What a publisher is made from besides what the user typed. */
export interface Grounds {
  variants: readonly Variant[];
  policy: Policy;
  /** Folder beside which the journal is kept. */
  folder: string;
  dryRun: boolean;
}

/**
 * Asks everything of a publish that does not need the wheels: targets, credentials, signatures, policy, plan.
 * @throws E_PUBLISH_TARGET, E_PUBLISH_CREDENTIALS, E_ALSO_AS, E_OUTPUT_DIR, E_OPTION_VALUE, E_TRUSTED_ROOT, E_SIGNATURE_ROOTS
 */
export async function publisherFor(
  host: Host,
  { to, ...publishing }: Publishing & { to: string },
  { variants, policy, folder, dryRun }: Grounds,
): Promise<Publisher> {
  const { expect, torchIndex, trustedRoot } = publishing;
  const signedBy = publishing.signedBy ?? policy.signedBy;
  const roots = trustedRoot === null ? null : resolve(host.cwd, trustedRoot);
  const publisher = await preparePublish(host, {
    target: to,
    policy,
    variants,
    own: {
      version: await productVersion(),
      probes: await probesSha256(host),
      contracts: new Map(variants.map((variant) => [variant.name, contractSha256(variant)])),
    },
    needs: cpuNeeds(variants),
    signatures: signedBy === null ? null : await signatureDemand(signedBy, roots),
    attested: publishing.attested,
    expected: expect === null ? [] : parseExpected(expect),
    complete: publishing.complete ? [...new Set(variants.map(({ distribution }) => distribution))] : [],
    checkUrl: publishing.checkUrl,
    fileLimit: publishing.fileLimit,
    projectLimit: publishing.projectLimit,
    servedAt: publishing.servedAt,
    variantIndex: publishing.variantIndex,
    torchIndex: torchIndex === "none" ? null : (torchIndex ?? CPU_INDEX),
    folder,
    dryRun,
  });
  if (publishing.alsoAs !== null) demandLocalVersions(publishing.alsoAs, publisher.kinds);
  return publisher;
}
