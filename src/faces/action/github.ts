import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { isAbsolute, join } from "node:path";
import { performance } from "node:perf_hooks";
import * as core from "@actions/core";
import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { exists, isWithin, makeDir, remove } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import type { Log } from "../../host/log.ts";
import { matcherPath } from "../../host/resources.ts";
import { createScratch } from "../../host/scratch.ts";
import { createTerminalLog, type Sink } from "../../host/terminal.ts";
import { createTrace, tracedLog } from "../../host/trace.ts";
import { errorMarkdown } from "../../report/error-text.ts";
import { cutSummary } from "../../report/job-summary.ts";
import { harmless } from "./harmless.ts";
import { runnerTools } from "./tools.ts";

type Env = Readonly<Record<string, string | undefined>>;

const MATCHER_OWNER = "vllm-cpu-compiler";
const LEFT = "folders";

/**
 * What a build may not see: a hostile source could else publish artifacts with the runner's token, or set PATH and
 * variables of later steps. Source: GitHub documentation, "Workflow commands", "Environment files".
 */
const RUNNERS_OWN = /^(ACTIONS_.*|INPUT_.*|STATE_.*|GITHUB_(TOKEN|ENV|PATH|OUTPUT|STATE|STEP_SUMMARY))$/;

function runnerFolder(env: Env, name: string): string {
  const folder = env[name];
  if (!folder) throw wheelsError("E_RUNNER", { variable: name, detail: "it is not set" });
  if (!isAbsolute(folder))
    throw wheelsError("E_RUNNER", { variable: name, detail: `${folder} is no absolute path` });
  return folder;
}

/** The environment that programs of ours get: the step's, without the runner's own, writing where a job may write. */
function childEnv(env: Env, temp: string, cache: string): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(([name]) => !RUNNERS_OWN.test(name));
  return {
    UV_CACHE_DIR: join(cache, "uv"),
    PIP_CACHE_DIR: join(cache, "pip"),
    XDG_CACHE_HOME: join(temp, "cache"),
    UV_PYTHON_INSTALL_DIR: join(cache, "python"),
    UV_TOOL_DIR: join(temp, "uv-tools"),
    ...Object.fromEntries(kept),
    TMPDIR: temp,
    VLLM_CPU_WHEELS_CACHE: cache,
  };
}

/** What publishing alone gets: it runs nothing of a source. Source: GitHub documentation, "OpenID Connect reference". */
const PUBLISHING = [
  "ACTIONS_ID_TOKEN_REQUEST_URL",
  "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "GITHUB_TOKEN",
] as const;
const MASKED = [...PUBLISHING.slice(1), "GH_TOKEN", "UV_PUBLISH_TOKEN", "UV_PUBLISH_PASSWORD"];

function publishingEnv(env: Env): Env {
  for (const name of MASKED) if (env[name]) core.setSecret(env[name]);
  return Object.fromEntries(PUBLISHING.map((name) => [name, env[name]]));
}

function createGitHubLog(): Log {
  const sink = (stream: NodeJS.WriteStream): Sink => ({ write: (text) => stream.write(harmless(text)) });
  const plain = createTerminalLog({
    info: sink(process.stdout),
    problems: sink(process.stdout),
    debug: core.isDebug(),
    colour: true,
  });
  return { ...plain, warn: (message) => core.warning(harmless(message)) };
}

/** The face of a workflow's step: what an action reads from and tells its runner. */
export interface GitHub {
  host: Host;
  /** Folder of this step alone; removed at its end, and by the post step where that never came. */
  temp: string;
  runnerTemp: string;
  /** The host with the credentials that publishing needs; they are masked in the log. */
  publishingHost(): Host;
  output(name: string, value: string): void;
  /** Puts a folder first on PATH for later steps. */
  addPath(folder: string): void;
  exportVariable(name: string, value: string): void;
  /** A folder that the post step removes. */
  leave(folder: string): void;
  /** Adds Markdown to the job's summary; a missing or full summary is no error. */
  summarize(markdown: string): Promise<void>;
  /** Compilers' errors become annotations while `work` runs. */
  withCompilerMatcher<T>(work: () => Promise<T>): Promise<T>;
}

async function writeSummary(env: Env, markdown: string): Promise<void> {
  if (!env["GITHUB_STEP_SUMMARY"]) return;
  await core.summary
    .addRaw(cutSummary(markdown), true)
    .write()
    .catch((thrown: unknown) => core.debug(`no summary: ${String(thrown)}`));
}

function stepHost(env: Env, cwd: string, temp: string, toolCache: string, signal: AbortSignal): Host {
  const cache = join(toolCache, "vllm-cpu-wheels");
  const toLog = (line: string): void => void process.stdout.write(`${line}\n`);
  const trace = createTrace();
  return {
    log: tracedLog(createGitHubLog(), trace, () => performance.now()),
    trace,
    ask: async (command, args, options) =>
      (await import("./short-programs.ts")).askByActions(signal, toLog, command, args, options),
    colour: true,
    signal,
    scratch: createScratch(temp),
    env: childEnv(env, temp, cache),
    cwd,
    cache,
    keepsUnfinished: false,
    cores: availableParallelism(),
    tools: runnerTools(toolCache),
    now: () => new Date(),
    monotonic: () => performance.now(),
  };
}

/**
 * The face for one step.
 * @throws E_RUNNER where the runner's variables are missing, E_OUTPUT_DIR or E_FOREIGN_OWNER where its folders can't be written
 */
export async function createGitHub(signal: AbortSignal): Promise<GitHub> {
  const env: Env = { ...process.env };
  const workspace = runnerFolder(env, "GITHUB_WORKSPACE");
  const runnerTemp = runnerFolder(env, "RUNNER_TEMP");
  const toolCache = runnerFolder(env, "RUNNER_TOOL_CACHE");
  for (const name of ["GITHUB_WORKSPACE", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_PATH", "GITHUB_ENV"]) {
    if (!(await exists(runnerFolder(env, name))))
      throw wheelsError("E_RUNNER", { variable: name, detail: `there is no ${env[name]}` });
  }
  const temp = join(runnerTemp, `vllm-cpu-${randomBytes(6).toString("hex")}`);
  const left = [temp];
  core.saveState(LEFT, left);
  await makeDir(temp, 0o700);
  const host = stepHost(env, workspace, temp, toolCache, signal);
  return {
    host,
    temp,
    runnerTemp,
    publishingHost: () => ({ ...host, env: { ...host.env, ...publishingEnv(env) } }),
    output: (name, value) => core.setOutput(name, value),
    addPath: (folder) => core.addPath(folder),
    exportVariable: (name, value) => core.exportVariable(name, value),
    leave(folder) {
      left.push(folder);
      core.saveState(LEFT, left);
    },
    summarize: (markdown) => writeSummary(env, markdown),
    async withCompilerMatcher(work) {
      process.stdout.write(`::add-matcher::${matcherPath("compiler")}\n`);
      try {
        return await work();
      } finally {
        process.stdout.write(`::remove-matcher owner=${MATCHER_OWNER}::\n`);
      }
    },
  };
}

/** Shows an error whole, also where the face itself could not be made. */
export async function showFailure(env: Env, error: WheelsError): Promise<void> {
  const { place } = error;
  core.error(harmless(`${error.what}\nwhy: ${error.why}\nremedy: ${error.remedy}`), {
    title: `${error.code}`,
    ...(place ? { file: place.file, startLine: place.line, startColumn: place.column } : {}),
  });
  await writeSummary(env, errorMarkdown(error));
}

/** The post step: removes what the main step left below RUNNER_TEMP, also after a cancel. */
export async function removeLeftovers(): Promise<void> {
  const temp = runnerFolder(process.env, "RUNNER_TEMP");
  const state = core.getState(LEFT);
  const folders: unknown = state === "" ? [] : JSON.parse(state);
  for (const folder of Array.isArray(folders) ? folders : []) {
    if (typeof folder !== "string" || folder === temp || !isWithin(temp, folder)) continue;
    if (await exists(folder)) core.info(`Removing ${folder}`);
    await remove(folder);
  }
}
