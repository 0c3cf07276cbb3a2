import type { OptionSpecs } from "./options.ts";

/** Options that say whose signatures count. */
export const SIGNING_OPTIONS = {
  "signed-by": {
    kind: "text",
    placeholder: "REPO[@WORKFLOW]",
    default: null,
    help: "Take only verdicts that a GitHub workflow of this repository signed: OWNER/REPO, OWNER/REPO@WORKFLOW.yml, or that with @refs/tags/v* behind it; else as the policy has it",
  },
  "trusted-root": {
    kind: "text",
    placeholder: "FILE",
    default: null,
    help: "Trust roots that signatures are checked with, as `gh attestation trusted-root` prints them",
  },
  attestations: {
    kind: "flag",
    help: "Refuse wheels without a PEP 740 attestation (<wheel>.publish.attestation) beside them; those that are there go along anyway",
  },
} as const satisfies OptionSpecs;
