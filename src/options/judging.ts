import { about, complete, type Values } from "./spec.ts";

/** What judges a wheel's checks. */
export const JUDGING = about("What judges it", {
  policy: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    byHand: true,
    help: "A policy of your own, laid over the default one (policy.yml).",
  },
  strict: { kind: "flag", byHand: true, help: "Take warnings for failures." },
  "accept-unproven": {
    kind: "text",
    placeholder: "FEATURES",
    default: null,
    byHand: true,
    help: "Accept that checks were not run where the machine lacks these ISA features (a comma list, or own-contract for those of the variant itself); the verdict tells it, and both verify and publish must be given it.",
  },
});

/** The layers that a user lays over the default policy. */
export function parseJudging(given: Partial<Values<typeof JUDGING>>) {
  const { policy, strict, "accept-unproven": acceptUnproven } = complete(JUDGING, given);
  return { policy, strict, acceptUnproven };
}
