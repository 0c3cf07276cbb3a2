// Runs a short program by both faces' ways, in a Node of its own: Jest's realms have another Error than Node's.
// Usage: tsx ask-driver.ts REQUEST.json; prints JSON.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { WheelsError } from "../../src/errors/wheels-error.ts";
import { askByActions } from "../../src/faces/action/short-programs.ts";
import type { ShortResult } from "../../src/host/host.ts";
import { createTerminalHost, createTerminalLog } from "../../src/host/terminal.ts";
import type { Asked, AskRequest } from "./ask.ts";

const sink = { write: () => undefined };
const request = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as AskRequest;
const { command, args, abortAfter } = request;
const options = {
  env: { ...process.env, ...request.env },
  ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
  ...(request.isSecret ? { isSecret: true as const } : {}),
};

async function answer(ask: (signal: AbortSignal) => Promise<ShortResult>): Promise<Asked["terminal"]> {
  const controller = new AbortController();
  if (abortAfter !== undefined) void sleep(abortAfter).then(() => controller.abort());
  const started = performance.now();
  try {
    const { code, stdout, stderr } = await ask(controller.signal);
    return { code, stdout, stderr, error: null, seconds: (performance.now() - started) / 1000 };
  } catch (thrown) {
    const error = thrown instanceof WheelsError ? thrown.code : String(thrown);
    return { code: null, stdout: "", stderr: "", error, seconds: (performance.now() - started) / 1000 };
  }
}

const lines: string[] = [];
const log = createTerminalLog({ info: sink, problems: sink, debug: false, colour: false });
const terminal = await answer((signal) =>
  createTerminalHost(log, signal, { colour: false, cache: null }).ask(command, args, options),
);
const action = await answer((signal) =>
  askByActions(signal, (line) => lines.push(line), command, args, options),
);
process.stdout.write(JSON.stringify({ terminal, action, lines } satisfies Asked), () => process.exit(0));
