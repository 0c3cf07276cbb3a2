import { spawn } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { bareRepository, git } from "./repository.ts";
import { startResultsService } from "./results-service.ts";
import { ended, exec, root, scratch, torchFolder } from "./run.ts";
import { type Signer, startSigner } from "./signer.ts";

const bin = join(root, ".test-cache", "tools", "bin", "act");

/** True inside act itself, whose ci job would else run itself again without end. */
export const insideAct = process.env["ACT"] === "true";

export interface JobLine {
  job: string;
  result: "success" | "failure" | "skipped";
}

export interface ActRun {
  status: number | null;
  output: string;
  jobs: JobLine[];
  /** Names of the artifacts that the run uploaded. */
  artifacts: string[];
}

/** A release made on the spot: what its tags point at, and the commit that this refers to. */
export interface Released {
  /** Folder of the tree that vX.Y.Z, vX.Y and vX point at. */
  folder: string;
  /** Folder of the tree of the commit before it, which holds the actions alone. */
  partsFolder: string;
  /** Hash of that commit. */
  parts: string;
  /** Hash of the tagged commit. */
  commit: string;
  /** A repository with both. */
  repository: string;
}

export const REPOSITORY = "org/vllm-cpu-actions";

/** Makes the two commits of a release from the files that are here, and writes out what they hold. */
export function releaseTree(repositoryName = REPOSITORY, tag = "v1.0.0"): Released {
  const repository = bareRepository();
  const source = [git(root, "rev-parse", "HEAD"), git(root, "show", "-s", "--format=%cI", "HEAD")];
  const made = exec(process.execPath, [
    "scripts/release-commits.mjs",
    repository,
    repositoryName,
    tag,
    ...source,
  ]);
  if (made.status !== 0) throw new Error(made.stderr);
  const [parts = "", commit = ""] = made.stdout.split("\n");
  const written = (name: string): string => {
    const folder = scratch();
    const archive = join(scratch(), "tree.tar");
    git(repository, "archive", "--output", archive, name);
    exec("tar", ["-xf", archive, "-C", folder]);
    return folder;
  };
  return { folder: written(commit), partsFolder: written(parts), parts, commit, repository };
}

/** What stands at the top of the tagged tree. */
export const RELEASED = [
  ".github",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "PYTORCH_CPU_CHANGES_SUMMARY.md",
  "PYTORCH_CPU_DEPENDENCY.md",
  "README.md",
  "SECURITY.md",
  "action.yml",
  "build-variant",
  "build_wheels.sh",
  "dist",
  "docs",
  "plan",
  "policy.yml",
  "publish-wheel",
  "recipes.yml",
  "schemas",
  "setup-cpu-torch",
  "src",
  "test",
  "test_and_publish.sh",
  "variants.yml",
  "verify-torch-cpu",
];

/** What act's log says of each job. */
export function jobsOf(output: string): JobLine[] {
  const results = new Map<string, JobLine["result"]>();
  for (const [, job = "", what = ""] of output.matchAll(
    /^\[[^\]/]*\/([^\]]+?)\s*\] 🏁 {2}Job (succeeded|failed)/gm,
  ))
    results.set(job.trim(), what === "succeeded" ? "success" : "failure");
  return [...results].map(([job, result]) => ({ job, result }));
}

export interface ActOptions {
  workflow: string;
  event?: string;
  env?: Record<string, string>;
  inputs?: Record<string, string>;
  secrets?: Record<string, string>;
  /** Folder of act's cache server; caches live as long as it does. */
  caches?: string;
  service?: Awaited<ReturnType<typeof startResultsService>>;
  /** Who signs; without it an authority of this run's own. */
  signer?: Signer;
  /** Host name of a GitHub Enterprise Server; without it github.com. */
  instance?: string;
  /** Folders that stand for other actions, by owner/name@ref. */
  actions?: Record<string, string>;
  /** Folders before everything on PATH. */
  path?: string[];
  /** True to compile anew what an earlier run compiled: where the compile itself is what is looked at. */
  compilesAnew?: boolean;
  /** The run, with all that it started, is killed when a line like this comes. */
  killOn?: RegExp;
}

/** Runs a workflow of a repository on this host, with our actions from a release and every `uses:` as it stands. */
export async function act(repo: string, release: Released, options: ActOptions): Promise<ActRun> {
  const service = options.service ?? (await startResultsService());
  const signer = options.signer ?? (await startSigner());
  const home = scratch();
  const args = [
    options.event ?? "workflow_dispatch",
    "-W",
    join(".github", "workflows", options.workflow),
    "--pull=false",
    "--local-repository",
    `${REPOSITORY}@v1=${release.folder}`,
    "--local-repository",
    `${REPOSITORY}@${release.commit}=${release.folder}`,
    "--local-repository",
    `${REPOSITORY}@${release.parts}=${release.partsFolder}`,
    ...Object.entries({ ...signer.actions, ...options.actions }).flatMap(([name, folder]) => [
      "--local-repository",
      `${name}=${folder}`,
    ]),
    ...(options.instance ? ["--github-instance", options.instance] : []),
    "--cache-server-path",
    options.caches ?? join(home, "caches"),
    "--cache-server-addr",
    "127.0.0.1",
    "--no-recurse",
    "--concurrent-jobs",
    "2",
    ...[
      "self-hosted",
      "ubuntu-latest",
      "linux",
      "x64",
      "avx512",
      "avx512vnni",
      "avx512bf16",
      "amxbf16",
    ].flatMap((label) => ["-P", `${label}=-self-hosted`]),
    ...Object.entries({ ...service.env, ...signer.env, ...options.env }).flatMap(([name, value]) => [
      "--env",
      `${name}=${value}`,
    ]),
    ...Object.entries(options.inputs ?? {}).flatMap(([name, value]) => ["--input", `${name}=${value}`]),
    ...Object.keys(options.secrets ?? {}).flatMap((name) => ["--secret", name]),
  ];
  const child = spawn(bin, args, {
    cwd: repo,
    env: {
      ...process.env,
      ...options.secrets,
      XDG_CACHE_HOME: join(home, "cache"),
      ...(options.compilesAnew ? { CCACHE_DIR: undefined } : {}),
      PATH: [...(options.path ?? []), dirname(process.execPath), process.env["PATH"]].join(delimiter),
    },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that what its steps run dies with it.
    detached: options.killOn !== undefined,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (options.killOn?.test(output) && child.pid !== undefined && !child.killed) {
        process.kill(-child.pid, "SIGKILL");
        child.kill("SIGKILL");
      }
    });
  const status = await ended(child);
  const artifacts = [...service.artifacts.values()]
    .filter(({ finalized }) => finalized)
    .map(({ name }) => name);
  if (!options.service) await service.close();
  if (!options.signer) await signer.close();
  // An unmapped label is a pass that never ran.
  if (output.includes("Skipping unsupported platform")) throw new Error(`a job was skipped:\n${output}`);
  return { status, output, jobs: jobsOf(output), artifacts };
}

/** Where the tests' torch comes from. */
export const torchInput = torchFolder;

/** A copy of this project's own workflow for a repository. */
export function ownWorkflow(repo: string, name: string): void {
  const to = join(repo, ".github", "workflows", name);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(root, ".github", "workflows", name), to);
}
