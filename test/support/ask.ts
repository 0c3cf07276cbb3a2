import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { exec, root, scratch } from "./run.ts";

export interface AskRequest {
  command: string;
  args: string[];
  env?: Record<string, string>;
  cwd?: string;
  isSecret?: boolean;
  /** Milliseconds after which the run is cancelled. */
  abortAfter?: number;
}

interface Answer {
  code: number | null;
  stdout: string;
  stderr: string;
  error: string | null;
  seconds: number;
}

/** What both faces say of one short program, and the lines of an action's log. */
export interface Asked {
  terminal: Answer;
  action: Answer;
  lines: string[];
}

const driver = join(root, "test", "support", "ask-driver.ts");
const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");

/** Runs a short program by the terminal's way and by an action's. */
export function ask(request: AskRequest): Asked {
  const file = join(scratch(), "request.json");
  writeFileSync(file, JSON.stringify(request));
  const ran = exec(process.execPath, [tsx, driver, file]);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as Asked;
}
