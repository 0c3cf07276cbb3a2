import type { PolicyRequest } from "../verify/policy/load-policy.ts";
import type { OptionSpecs, Values } from "./options.ts";

/** Options that say what judges a wheel's checks. */
export const POLICY_OPTIONS = {
  policy: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    help: "A policy of your own, laid over the default one (policy.yml)",
  },
  strict: { kind: "flag", help: "Take warnings for failures" },
  "accept-unproven": {
    kind: "text",
    placeholder: "FEATURES",
    default: null,
    help: "Take checks not run for want of these ISA features, comma between them, or own-contract for the variant's own; told in the verdict, and demanded of verify and of publish",
  },
} as const satisfies OptionSpecs;

export function policyRequest(options: Values<typeof POLICY_OPTIONS>): PolicyRequest {
  const { policy, strict, "accept-unproven": acceptUnproven } = options;
  return { policy, strict, acceptUnproven };
}
