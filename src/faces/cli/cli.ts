import { EXIT, type ExitCode } from "../../errors/entry.ts";
import { asFailure, wheelsError } from "../../errors/wheels-error.ts";
import { readText, UMASK } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { versionFilePath } from "../../host/resources.ts";
import { abortOnSignals } from "../../host/signals.ts";
import { createTerminalHost, createTerminalLog, wantsColour } from "../../host/terminal.ts";
import { nearest } from "../../options/argv.ts";
import { COMMANDS, type CommandName } from "../../options/commands.ts";
import { helpText, overviewText } from "../../options/help.ts";
import { errorDetail, errorStack } from "../../report/error-text.ts";

const NAMES = Object.keys(COMMANDS);

const has = (name: string): name is CommandName => Object.hasOwn(COMMANDS, name);

function findCommand(name: string | undefined): CommandName {
  if (name !== undefined && has(name)) return name;
  const near = name === undefined ? null : nearest(name, NAMES);
  throw wheelsError("E_USAGE", {
    problem: name === undefined ? "No command was given." : `There is no command ${name}.`,
    hint: near ? `Did you mean ${near}?` : `Commands: ${NAMES.join(", ")}. See vllm-cpu-wheels --help.`,
  });
}

/** What is printed before any command is looked at: help and version; null where neither was asked for. */
async function information(words: readonly string[]): Promise<string | null> {
  const [first, ...rest] = words;
  if (first === "--help" || first === "-h" || first === "help") return overviewText(Object.values(COMMANDS));
  if (words.includes("--version")) {
    const { version } = JSON.parse(await readText(versionFilePath())) as { version: string };
    return `${version}\n`;
  }
  if (!first || !has(first) || !(rest.includes("--help") || rest.includes("-h"))) return null;
  const program = process.env["VLLM_CPU_WHEELS_PROGRAM"] ?? `vllm-cpu-wheels ${first}`;
  return helpText(COMMANDS[first], program);
}

async function main(words: readonly string[]): Promise<ExitCode> {
  process.umask(UMASK);
  const text = await information(words);
  if (text !== null) {
    process.stdout.write(text);
    return EXIT.ok;
  }
  const [first, ...rest] = words;
  const json = rest.includes("--json");
  const stream = json ? process.stderr : process.stdout;
  const debug = Boolean(process.env["VLLM_CPU_WHEELS_DEBUG"]);
  const log = createTerminalLog({
    info: stream,
    problems: process.stderr,
    debug,
    colour: wantsColour(stream, process.env),
  });
  let host: Host | null = null;
  const controller = abortOnSignals(
    () => host?.scratch ?? null,
    (signal) => log.warn(`${signal}: stopping and cleaning up; once more to stop at once`),
  );
  try {
    const name = findCommand(first);
    const colour = !json && wantsColour(process.stdout, process.env);
    const { ANSWERS } = await import("./answers.ts");
    const command = ANSWERS[name](rest);
    host = createTerminalHost(log, controller.signal, { colour, cache: command.cache });
    const answer = await command.answer(host);
    process.stdout.write(json ? `${JSON.stringify(answer.document, null, 2)}\n` : `${answer.text}\n`);
    return answer.exit;
  } catch (thrown) {
    const error = asFailure(thrown, controller.signal, "the run");
    if (json) process.stdout.write(`${JSON.stringify({ error }, null, 2)}\n`);
    log.error(`${error.what} [${error.code}]`);
    process.stderr.write(`${errorDetail(error)}${debug ? errorStack(error) : ""}`);
    return error.exit;
  }
}

process.exitCode = await main(process.argv.slice(2));
