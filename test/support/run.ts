import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const cli = join(root, "dist", "cli", "index.js");

/** Folder with the one CPU build of torch that the test command fetched. */
export const torchFolder = process.env["TEST_TORCH"] ?? join(root, ".test-cache", "torch");

export const torchFile = (): string => {
  const name = readdirSync(torchFolder).find((file) => file.includes("+cpu"));
  if (!name) throw new Error(`no torch in ${torchFolder}; run ./run_tests.sh`);
  return join(torchFolder, name);
};

const made: string[] = [];

export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "vcw-test-"));
  made.push(folder);
  return folder;
}

export function removeScratch(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

interface ExecOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  /** The test means the program to be killed; its status is null then. */
  mayBeKilled?: boolean;
}

/**
 * Runs a program to its end. A status other than 0 is the test's business; a program that never ran, or that somebody
 * killed, is not: an empty output of it would pass for a good one. Throws then.
 */
export function exec(command: string, args: readonly string[], options: ExecOptions = {}): Ran {
  const result = spawnSync(command, [...args], {
    encoding: "utf8",
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    maxBuffer: 1 << 28,
    ...(options.input === undefined ? {} : { input: options.input }),
  });
  if (result.error) throw new Error(`${command} was not run: ${result.error.message}`);
  if (result.signal !== null && !options.mayBeKilled)
    throw new Error(`${command} was killed by ${result.signal}: ${result.stderr}`);
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** Whether this machine has a program and lets it do this: what tests ask before they count on it. */
export function works(command: string, args: readonly string[]): boolean {
  const result = spawnSync(command, [...args], { stdio: "ignore" });
  return result.error === undefined && result.status === 0;
}

/** Runs the committed bundle. */
export const wheels = (args: readonly string[], options: ExecOptions = {}): Ran =>
  exec(process.execPath, [cli, ...args], options);

/** A program's end: its status. Throws where it could not be started. */
export const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });

/** Runs the bundle and sends it a signal when a line appears. Throws where the line never came. */
export async function interrupted(
  args: readonly string[],
  on: RegExp,
  signal: NodeJS.Signals,
  env: NodeJS.ProcessEnv = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, ...env } });
  const ran: Ran = { status: null, stdout: "", stderr: "" };
  let sent = false;
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (chunk: Buffer) => {
      ran[name] += chunk.toString();
      if (sent || !on.test(ran.stdout + ran.stderr)) return;
      sent = true;
      child.kill(signal);
    });
  const status = await ended(child);
  if (!sent) throw new Error(`nothing like ${on} came:\n${ran.stdout}${ran.stderr}`);
  return { ...ran, status };
}

export interface Running {
  kill(): void;
  ended: Promise<Ran>;
}

/** Runs the bundle while the test goes on. */
export function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  under: readonly string[] = [],
): Running {
  const [command = "", ...words] = [...under, process.execPath, cli, ...args];
  const child = spawn(command, words, { env: { ...process.env, ...env } });
  const ran: Ran = { status: null, stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (chunk: Buffer) => {
      ran[name] += chunk.toString();
    });
  return {
    kill: () => void child.kill("SIGKILL"),
    ended: ended(child).then((status) => ({ ...ran, status })),
  };
}
