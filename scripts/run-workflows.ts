// Runs every workflow of the project under act on this host and prints what became of each job.
// Usage: npm run workflows [-- ci build-wheels release readme readme-pinned]
// readme is the README's first workflow alone in an empty repository; readme-pinned the same with our action by commit, where
// a checker refuses any action that is not pinned, also within ours.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ActOptions,
  act,
  REPOSITORY,
  type Released,
  releaseTree,
  torchInput,
} from "../test/support/act.ts";
import { README_WORKFLOWS, replaced, surroundings } from "../test/support/readme-workflows.ts";
import { bareRepository, copyProject, makeRepository, repository } from "../test/support/repository.ts";
import { removeScratch, root, scratch } from "../test/support/run.ts";
import { unpinned } from "../test/support/uses.ts";

/** setup-node and setup-python bring an interpreter that is here already, and can't be fetched offline. */
function standIn(program: string): string {
  const folder = scratch();
  writeFileSync(
    join(folder, "action.yml"),
    `name: stand-in\ndescription: Uses the ${program} that is here\ninputs:\n  node-version: { description: unused }\n  python-version: { description: unused }\nruns:\n  using: composite\n  steps:\n    - run: ${program} --version\n      shell: bash\n`,
  );
  return folder;
}

/** The token of an app that GitHub would give; without it, a push to a folder needs none. */
function tokenStandIn(): string {
  const folder = scratch();
  writeFileSync(
    join(folder, "action.yml"),
    "name: stand-in\ndescription: Gives a token that opens nothing\ninputs:\n  client-id: { description: unused }\n  private-key: { description: unused }\n  permission-contents: { description: unused }\n  permission-workflows: { description: unused }\noutputs:\n  token: { description: the token, value: stand-in-token }\nruns:\n  using: composite\n  steps:\n    - run: 'true'\n      shell: bash\n",
  );
  return folder;
}

/** A copy of the project whose origin is a local repository, ready to be released as its own version. */
function copyOfProject(isRelease: boolean): string {
  const folder = scratch();
  copyProject(folder);
  const changelog = join(folder, "CHANGELOG.md");
  if (isRelease)
    writeFileSync(changelog, readFileSync(changelog, "utf8").replace("## Unreleased", `## ${version}`));
  makeRepository(folder, bareRepository());
  return folder;
}

/** GitHub's API can't be here: this says what it would have been asked. */
function ghStandIn(): string {
  const folder = scratch();
  writeFileSync(join(folder, "gh"), '#!/bin/sh\necho "gh $*"\n', { mode: 0o755 });
  return folder;
}

/** The README's first workflow alone in a repository. @param pin commit that its action is named by; null for the tag */
function readmeRepository(pin: string | null): string {
  const [first] = README_WORKFLOWS;
  const text = replaced(first?.text ?? "");
  const named = pin === null ? text : text.replaceAll(`${REPOSITORY}@v1`, `${REPOSITORY}@${pin}`);
  return repository({ ".github/workflows/readme.yml": named });
}

/** Says what an organisation that demands full-length hashes would refuse, here and in what is called. */
function demandPins(repo: string, { folder, partsFolder }: Released): void {
  const loose = [repo, folder, partsFolder].flatMap(unpinned);
  console.log(`actions that are not pinned to a commit, nested ones included: ${loose.length}`);
  if (loose.length > 0) throw new Error(loose.join("\n"));
}

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const workflows: Record<string, () => Partial<ActOptions>> = {
  readme: () => ({ workflow: "readme.yml", ...surroundings() }),
  "readme-pinned": () => ({ workflow: "readme.yml", ...surroundings() }),
  ci: () => ({ event: "push" }),
  "build-wheels": () => ({ inputs: { source: "sample", "torch-index-url": torchInput } }),
  release: () => ({
    inputs: { version: `v${version}` },
    env: { GITHUB_REPOSITORY: "org/vllm-cpu-actions" },
    path: [ghStandIn()],
    secrets: { GITHUB_TOKEN: "stand-in-token" },
  }),
};

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const names = asked.length > 0 ? asked : Object.keys(workflows);
  const tree = releaseTree();
  const actions = {
    "actions/setup-node@820762786026740c76f36085b0efc47a31fe5020": standIn("node"),
    "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97": standIn("python3"),
    "actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3": tokenStandIn(),
  };
  const logs = join(root, ".test-cache", "workflows");
  mkdirSync(logs, { recursive: true });
  const rows: string[] = [];
  for (const name of names) {
    const options = workflows[name];
    if (!options) throw new Error(`no workflow ${name}; there are ${Object.keys(workflows).join(", ")}`);
    console.log(`running ${name}.yml …`);
    const started = Date.now();
    const isReadme = name.startsWith("readme");
    const repo = isReadme
      ? readmeRepository(name === "readme" ? null : tree.commit)
      : copyOfProject(name === "release");
    if (name === "readme-pinned") demandPins(repo, tree);
    const run = await act(repo, tree, { workflow: `${name}.yml`, actions, ...options() });
    writeFileSync(join(logs, `${name}.log`), run.output);
    const seconds = Math.round((Date.now() - started) / 1000);
    for (const { job, result } of run.jobs) rows.push(`${name.padEnd(14)} ${job.padEnd(44)} ${result}`);
    for (const artifact of run.artifacts) rows.push(`${name.padEnd(14)} artifact ${artifact}`);
    rows.push(`${name.padEnd(14)} ${"(the workflow)".padEnd(44)} exit ${run.status}, ${seconds} s`);
    if (run.status !== 0) process.exitCode = 1;
  }
  console.log(`\n${rows.join("\n")}\n\nlogs: ${logs}`);
  removeScratch();
}

void main();
