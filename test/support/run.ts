import { spawn, spawnSync } from "node:child_process";
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

export function exec(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Ran {
  const result = spawnSync(command, [...args], {
    encoding: "utf8",
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    maxBuffer: 1 << 28,
    ...(options.input === undefined ? {} : { input: options.input }),
  });
  return { status: result.status, stdout: result.stdout ?? "", stderr: result.stderr ?? "" };
}

/** Runs the committed bundle. */
export const wheels = (args: readonly string[], options: Parameters<typeof exec>[2] = {}): Ran =>
  exec(process.execPath, [cli, ...args], options);

/** Runs the bundle and sends it a signal when a line appears. */
export function interrupted(
  args: readonly string[],
  on: RegExp,
  signal: NodeJS.Signals,
  env: NodeJS.ProcessEnv = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, ...env } });
    const ran: Ran = { status: null, stdout: "", stderr: "" };
    let sent = false;
    const look = (): void => {
      if (sent || !on.test(ran.stdout + ran.stderr)) return;
      sent = true;
      child.kill(signal);
    };
    child.stdout.on("data", (chunk: Buffer) => {
      ran.stdout += chunk.toString();
      look();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      ran.stderr += chunk.toString();
      look();
    });
    child.on("close", (status) => resolve({ ...ran, status }));
  });
}
