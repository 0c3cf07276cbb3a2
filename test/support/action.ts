import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ended, root, scratch } from "./run.ts";

export interface Step {
  status: number | null;
  log: string;
  summary: string;
  outputs: Record<string, string>;
  folder: string;
}

const FILES = ["GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_PATH", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"];

/** A runner's folders and variables for one step. */
export function runner(): { folder: string; env: Record<string, string> } {
  const folder = scratch();
  const env: Record<string, string> = {
    GITHUB_WORKSPACE: join(folder, "workspace"),
    RUNNER_TEMP: join(folder, "temp"),
    RUNNER_TOOL_CACHE: join(folder, "tools"),
  };
  for (const path of Object.values(env)) mkdirSync(path);
  for (const name of FILES) {
    env[name] = join(folder, name);
    writeFileSync(join(folder, name), "");
  }
  return { folder, env };
}

function readOutputs(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^([\w-]+)<<(ghadelimiter_\S+)\n([\s\S]*?)\n\2$/gm)].map(([, name, , value]) => [
      name,
      value,
    ]),
  );
}

/**
 * Runs an action's bundle as a runner does.
 * @param env on top of the runner's; undefined takes a variable away
 */
export async function step(
  action: string,
  inputs: Record<string, string>,
  env: Record<string, string | undefined> = {},
  on: ReturnType<typeof runner> = runner(),
  options: { interruptAt?: RegExp; uid?: number } = {},
): Promise<Step> {
  const variables = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  const child = spawn(process.execPath, [join(root, "dist", action, "index.js")], {
    cwd: on.folder,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    env: { ...process.env, ...on.env, ...Object.fromEntries(variables), ...env },
  });
  let log = "";
  let sent = false;
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (sent || !options.interruptAt?.test(log)) return;
      sent = true;
      // As a runner cancels a step. Source: actions/runner, ProcessInvoker: SIGINT, then SIGTERM after 7.5 s.
      child.kill("SIGINT");
    });
  const status = await ended(child);
  if (options.interruptAt && !sent) throw new Error(`nothing like ${options.interruptAt} came:\n${log}`);
  const read = (name: string): string => readFileSync(join(on.folder, name), "utf8");
  return {
    status,
    log,
    summary: read("GITHUB_STEP_SUMMARY"),
    outputs: readOutputs(read("GITHUB_OUTPUT")),
    folder: on.folder,
  };
}
