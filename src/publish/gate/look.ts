import { isDeepStrictEqual } from "node:util";
import type { Host } from "../../host/host.ts";
import type { Variant } from "../../variants/manifest.ts";
import { totals } from "../../verify/checks/isa.ts";
import { askStatic } from "../../verify/checks/static-checks.ts";
import { VLLM_PACKAGE } from "../../verify/facts/facts.ts";
import { variantOfWheel, wheelFacts } from "../../verify/facts/read-wheel.ts";
import { applyPolicy, demandedBy } from "../../verify/policy/policy.ts";
import { answerOf, type Check, type TargetKind, type Verdict } from "../../verify/verdict/verdict.ts";
import type { Demand } from "./gate.ts";

/** What this release says of a wheel's bytes by itself. */
export interface OwnLook {
  /** The static checks; nothing is run. */
  checks: Check[];
  /** The variant of the publisher's manifest that the wheel was held to; null for none. */
  variant: string | null;
  /** True where the manifest takes the variant for vLLM's, and the wheel holds no vLLM. */
  lacksVllm: boolean;
  /** Instructions by ISA feature, of all libraries together. */
  found: Readonly<Record<string, number>>;
}

/**
 * Asks a wheel every question that its bytes answer, by the publisher's own manifest: these answers need nobody's word.
 * @param bytes of the wheel, in shared memory
 * @param verdict names the variant where the wheel's own name is no variant's
 */
export async function lookAt(
  host: Host,
  fileName: string,
  bytes: Uint8Array,
  { predicate }: Verdict,
  variants: readonly Variant[],
): Promise<OwnLook> {
  const { facts, variant } = await wheelFacts(
    host,
    fileName,
    bytes,
    (identity) =>
      variantOfWheel(variants, identity) ?? variants.find(({ name }) => name === predicate.variant) ?? null,
  );
  return {
    checks: askStatic(facts, variant),
    variant: variant?.name ?? null,
    lacksVllm: (variant?.packages?.includes(VLLM_PACKAGE) ?? false) && !facts.packages.includes(VLLM_PACKAGE),
    found: totals(facts.audits),
  };
}

const PUBLIC: ReadonlySet<TargetKind> = new Set<TargetKind>(["pypi", "url"]);

/**
 * vLLM's operators are asked from outside; a wheel without them was compared by its own kernel checks alone. Under a name of
 * vLLM's an upload index, where strangers install it, does not get it on its own word.
 * @returns the reason; null where there is none
 */
export function ownWordAlone(
  { lacksVllm, variant }: OwnLook,
  { policy, target }: Pick<Demand, "policy" | "target">,
): string | null {
  if (!lacksVllm || !PUBLIC.has(target) || !demandedBy(policy, target).includes("runtime.kernels"))
    return null;
  return `runtime.kernels: the wheel declares its kernel checks itself; ${target} takes ${variant} with the package ${VLLM_PACKAGE} alone, whose operators are asked from outside`;
}

/** Of a wheel of no variant nobody can say what it may use. */
const hasNoContract = ({ id }: Check, { variant }: OwnLook): boolean =>
  variant === null && (id === "isa.contained" || id === "isa.used");

/**
 * Where the bytes say otherwise than a verdict that was taken: one that was edited, or made by an older release or a laxer
 * manifest.
 * @returns one text a difference; empty where the bytes bear the verdict out
 */
export function contradictions(
  look: OwnLook,
  { predicate }: Verdict,
  { policy, target, own }: Pick<Demand, "policy" | "target" | "own">,
): string[] {
  const demanded = demandedBy(policy, target);
  const judged = applyPolicy(policy, look.checks, target).filter(
    (check) =>
      check.result === "fail" ||
      (answerOf(check) === "not-run" && demanded.includes(check.id) && !hasNoContract(check, look)),
  );
  const told = judged.map(({ id, detail }) => {
    const said = predicate.checks.find((check) => check.id === id);
    return `${id}: ${detail} (the verdict says ${said ? answerOf(said) : "nothing"})`;
  });
  const isSameRelease = predicate.verifier.version["vllm-cpu-wheels"] === own?.version;
  if (told.length > 0 || !isSameRelease || isDeepStrictEqual(look.found, predicate.isa.found)) return told;
  const listed = (found: OwnLook["found"]): string =>
    Object.entries(found)
      .map(([feature, count]) => `${count} ${feature}`)
      .join(", ") || "none";
  return [
    `instructions beyond the least CPU: ${listed(look.found)} (the verdict says ${listed(predicate.isa.found)})`,
  ];
}
