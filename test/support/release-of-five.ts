// A caller's workflow that releases the five variants of the bundled source, which is compiled once for all of them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { torchInput } from "./act.ts";
import { repository } from "./repository.ts";
import { scratch } from "./run.ts";
import { REUSABLE, type Signer } from "./signer.ts";

/** @returns a repository with .github/workflows/release.yml. @param signer who signs in it @param variant as the input */
export function releaseOfFive(signer: Signer, variant = "all"): string {
  const roots = join(scratch(), "trusted_root.jsonl");
  writeFileSync(roots, signer.store.root);
  return repository({
    ".github/workflows/release.yml": `
on: workflow_dispatch
permissions: {}
jobs:
  wheels:
    permissions: { contents: read, id-token: write, attestations: write }
    uses: org/vllm-cpu-actions/.github/workflows/build-wheels.yml@v1
    with:
      variant: ${variant}
      source: sample
      recipe: sample-one-build
      torch-index-url: ${torchInput}
      signed-by: ${REUSABLE.repository}@${REUSABLE.workflow}
      trusted-root: ${roots}
`,
  });
}

/** A job of a called workflow: act names it by its caller, and numbers the jobs of a matrix. */
export const plainJob = (job: string): string => job.replace(/^.*\//, "").replace(/-\d$/, "");
