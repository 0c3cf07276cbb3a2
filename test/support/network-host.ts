import { spawn } from "node:child_process";
import type { Host } from "../../src/host/host.ts";
import { createTerminalHost, createTerminalLog } from "../../src/host/terminal.ts";
import type { Ran } from "./run.ts";

/** A host of ours in the test's own process, with this environment and a silent log. */
export function hostWith(env: Record<string, string>): Host {
  const silent = { write: () => true };
  const log = createTerminalLog({ info: silent, problems: silent, debug: false, colour: false });
  const { PATH = "", HOME = "" } = process.env;
  return { ...createTerminalHost(log, new AbortController().signal), env: { PATH, HOME, ...env } };
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
