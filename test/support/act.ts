import { spawn } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { startResultsService } from "./results-service.ts";
import { ended, exec, root, scratch, torchFolder } from "./run.ts";

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

/** The tree that a release tag points at. */
export function releaseTree(): string {
  const folder = join(scratch(), "release");
  const made = exec(process.execPath, ["scripts/release-tree.mjs", folder, "org/vllm-cpu-actions", "v1"]);
  if (made.status !== 0) throw new Error(made.stderr);
  return folder;
}

/** What stands at the top of that tree. */
export const RELEASED = [
  "LICENSE",
  "action.yml",
  "build-variant",
  "dist",
  "plan",
  "policy.yml",
  "publish-wheel",
  "recipes.yml",
  "setup-cpu-torch",
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
  /** Folders that stand for other actions, by owner/name@ref. */
  actions?: Record<string, string>;
  /** Folders before everything on PATH. */
  path?: string[];
  onOutput?: (text: string) => void;
}

/** Runs a workflow of a repository on this host, with our actions from the release tree. */
export async function act(repo: string, tree: string, options: ActOptions): Promise<ActRun> {
  const service = options.service ?? (await startResultsService());
  const home = scratch();
  const args = [
    options.event ?? "workflow_dispatch",
    "-W",
    join(".github", "workflows", options.workflow),
    "--pull=false",
    "--local-repository",
    `org/vllm-cpu-actions@v1=${tree}`,
    ...Object.entries(options.actions ?? {}).flatMap(([name, folder]) => [
      "--local-repository",
      `${name}=${folder}`,
    ]),
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
    ...Object.entries({ ...service.env, ...options.env }).flatMap(([name, value]) => [
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
      PATH: [...(options.path ?? []), dirname(process.execPath), process.env["PATH"]].join(delimiter),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      options.onOutput?.(chunk.toString());
    });
  const status = await ended(child);
  const artifacts = [...service.artifacts.values()]
    .filter(({ finalized }) => finalized)
    .map(({ name }) => name);
  if (!options.service) await service.close();
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
