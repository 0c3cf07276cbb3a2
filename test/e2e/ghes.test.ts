// docs/ghes.md, followed to the letter; what stands for its addresses is here, and what could not be tried it says itself.

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { dump, load } from "js-yaml";
import { act, insideAct, type Released, releaseTree, torchInput } from "../support/act.ts";
import { blocksOf } from "../support/documents.ts";
import { serveGit } from "../support/git-server.ts";
import { git, repository } from "../support/repository.ts";
import { ended, removeScratch, scratch } from "../support/run.ts";
import { allUnless } from "../support/skip.ts";
import { standInAction } from "../support/stand-in-action.ts";

const suite = allUnless(insideAct ? "inside act" : null);
const SERVER = "https://ghes.example.com";
const PATH = "org/vllm-cpu-actions.git";

suite("docs/ghes.md", () => {
  const blocks = blocksOf("docs/ghes.md");
  const served = scratch();
  const home = scratch();
  const work = scratch();
  let release: Released;
  let server: Awaited<ReturnType<typeof serveGit>>;

  /** Runs a block of the page as it stands; only git is told where its addresses are. */
  async function follow(text: string): Promise<{ status: number | null; said: string }> {
    const child = spawn("bash", ["-euc", text], {
      cwd: work,
      env: { ...process.env, HOME: home, GIT_TERMINAL_PROMPT: "0" },
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (part: Buffer) => {
        said += part.toString();
      });
    return { status: await ended(child), said };
  }

  beforeAll(async () => {
    release = releaseTree();
    for (const tag of ["v1", "v1.0", "v1.0.0"]) git(release.repository, "tag", tag, release.commit);
    // What is no release of version 1 does not go along.
    git(release.repository, "tag", "v0.9.0", release.parts);
    git(release.repository, "branch", "main", release.commit);
    mkdirSync(join(served, PATH), { recursive: true });
    git(join(served, PATH), "init", "-q", "--bare");
    server = await serveGit(served);
    writeFileSync(
      join(home, ".gitconfig"),
      `[url "file://${release.repository}"]\n\tinsteadOf = https://github.com/${PATH}\n[url "${server.url}/"]\n\tinsteadOf = ${SERVER}/\n`,
    );
  }, 60_000);

  afterAll(async () => {
    await server?.close();
    removeScratch();
  });

  test("its two commands mirror the tags, with the commit that they refer to, over HTTP", async () => {
    const mirror = blocks.find(({ text }) => text.includes("git clone --bare"));
    const ran = await follow(mirror?.text ?? "");
    expect(ran.status === 0 ? "" : ran.said).toBe("");
    const there = join(served, PATH);
    expect(git(there, "tag").split("\n")).toEqual(["v1", "v1.0", "v1.0.0"]);
    expect(git(there, "rev-parse", "v1", "v1.0.0").split("\n")).toEqual([release.commit, release.commit]);
    expect(git(there, "cat-file", "-t", release.parts)).toBe("commit");
    expect(git(there, "show", `${release.parts}:build-variant/action.yml`)).toContain("node24");
  }, 60_000);

  test("its workflow runs there, from the mirror's tag", async () => {
    const cloned = join(work, "cloned");
    const from = await follow(`git clone -q --branch v1 ${SERVER}/${PATH} cloned`);
    expect(from.status === 0 ? "" : from.said).toBe("");
    const text = blocks.find((block) => block.text.includes("runs-on:"))?.text ?? "";
    const workflow = load(text) as {
      env?: object;
      jobs: { wheel: { steps: { with: Record<string, string> }[] } };
    };
    // All that is replaced: what is built, and the two mirrors.
    const [step] = workflow.jobs.wheel.steps;
    const { "vllm-version": _version, ...given } = step?.with ?? {};
    if (step) step.with = { ...given, source: "sample", "torch-index-url": torchInput };
    delete workflow.env;
    const repo = repository({ ".github/workflows/copied.yml": dump(workflow) });
    const run = await act(
      repo,
      { ...release, folder: cloned },
      {
        workflow: "copied.yml",
        instance: "ghes.example.com",
        actions: {
          "actions/upload-artifact@v3": standInAction('ls "$FOLDER"', { NAME: "name", FOLDER: "path" }),
        },
      },
    );
    expect(run.status === 0 ? "" : run.output).toBe("");
    expect(run.output).toMatch(/vllm_cpu-0\.1\.0-\S+\.whl\.verdict\.json/);
    expect(run.artifacts).toEqual([]);
  }, 600_000);
});
