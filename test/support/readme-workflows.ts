// The workflows that the README shows, as they are run here.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { REPOSITORY, torchInput } from "./act.ts";
import { blocksOf } from "./documents.ts";
import { scratch } from "./run.ts";
import { standInAction } from "./stand-in-action.ts";

/**
 * All that is replaced in the README's workflows here, where vLLM itself can't be built: what is built, where torch comes
 * from, and where wheels go. By the input that says it; every `uses:` stays as it stands.
 */
const REPLACED: Readonly<Record<"source" | "torch index" | "target", (given: Given) => Given>> = {
  source: ({ "vllm-version": _version, "onednn-source": _onednn, ...given }) => ({
    ...given,
    source: "sample",
  }),
  "torch index": (given) => ({ ...given, "torch-index-url": torchInput }),
  target: (given) => ({ ...given, ...("to" in given ? { to: "index:_site" } : {}) }),
};

type Given = Record<string, unknown>;

interface Call {
  uses?: string;
  with?: Given;
}

interface Workflow {
  jobs: Record<string, Call & { steps?: Call[] }>;
}

const BUILDS = new RegExp(`^${REPOSITORY}(/build-variant|/\\.github/workflows/build-wheels\\.yml)?@`);
const PUBLISHES = new RegExp(`^${REPOSITORY}/publish-wheel@`);

const usesOf = (text: string): string[] => [...text.matchAll(/uses: (\S+)/g)].map(([, uses = ""]) => uses);

/** A workflow of the README with what {@link REPLACED} says. */
export function replaced(text: string): string {
  const workflow = load(text) as Workflow;
  for (const job of Object.values(workflow.jobs))
    for (const call of [job, ...(job.steps ?? [])]) {
      const builds = BUILDS.test(call.uses ?? "");
      if (builds) call.with = REPLACED["torch index"](REPLACED.source(call.with ?? {}));
      if (builds || PUBLISHES.test(call.uses ?? "")) call.with = REPLACED.target(call.with ?? {});
    }
  const changed = dump(workflow);
  if (usesOf(changed).join() !== usesOf(text).join()) throw new Error("a uses: was changed");
  return changed;
}

export const README_WORKFLOWS = blocksOf("README.md").filter(
  ({ directive }) => directive?.kind === "workflow",
);

/** An action of others as the README names it, with its pin. */
const asPinned = (name: string): string =>
  README_WORKFLOWS.flatMap(({ text }) => usesOf(text)).find((uses) => uses.startsWith(`${name}@`)) ?? name;

/** What is no part of the project and can't be fetched here: GitHub's own actions, and the sudo of its images. */
export function surroundings(): { actions: Record<string, string>; path: string[] } {
  const bin = scratch();
  writeFileSync(join(bin, "sudo"), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  return {
    actions: {
      [asPinned("actions/upload-pages-artifact")]: standInAction(
        'test -f "$FOLDER/index.html" && echo "pages of $(ls "$FOLDER")"',
        { FOLDER: "path" },
      ),
      [asPinned("actions/deploy-pages")]: standInAction("echo deployed", {}),
    },
    path: [bin],
  };
}
