import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Host } from "../../src/host/host.ts";
import { createTerminalHost, createTerminalLog } from "../../src/host/terminal.ts";
import { type Ran, root } from "./run.ts";

/** A request to send, with the environment that decides how. */
export interface NetworkCase {
  env: Record<string, string>;
  url: string;
}

/** What became of it, and what programs that we run are told about authorities. */
export interface Heard {
  status: number | null;
  error: { code: string; what: string; why: string; remedy: string } | null;
  programs: Record<string, string>;
}

/** A host of ours in the test's own process, with a silent log. */
export function quietHost(): Host {
  const silent = { write: () => true };
  const log = createTerminalLog({ info: silent, problems: silent, debug: false, colour: false });
  return createTerminalHost(log, new AbortController().signal, { colour: false, cache: null });
}

/** The same with this environment. */
export function hostWith(env: Record<string, string>): Host {
  const { PATH = "", HOME = "" } = process.env;
  return { ...quietHost(), env: { PATH, HOME, ...env } };
}

/** Runs a program with this environment alone, while the test goes on serving. */
export function runAlone(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  input = "",
): Promise<Ran> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(command, [...args], { env: { PATH, HOME, ...env } });
  const ran: Ran = { status: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    ran.stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    ran.stderr += chunk.toString();
  });
  child.stdin.end(input);
  return new Promise((resolve) => child.on("close", (status) => resolve({ ...ran, status })));
}

/**
 * Sends requests as this project's host does, in a process of its own.
 * @param meanwhile runs while files that programs are told about are still there
 */
export async function hear(
  cases: readonly NetworkCase[],
  meanwhile: (heard: readonly Heard[]) => Promise<void> = async () => undefined,
): Promise<Heard[]> {
  const driver = join(root, "test", "support", "network-driver.ts");
  const tsx = join(root, "node_modules", "tsx", "dist", "loader.mjs");
  const child = spawn(process.execPath, ["--import", tsx, driver], { stdio: ["pipe", "pipe", "inherit"] });
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.stdin.end(JSON.stringify(cases));
  let text = "";
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.endsWith("}]")) resolve();
    });
    void closed.then(() => resolve());
  });
  try {
    const heard = JSON.parse(text) as Heard[];
    await meanwhile(heard);
    return heard;
  } finally {
    child.kill("SIGTERM");
    await closed;
  }
}
