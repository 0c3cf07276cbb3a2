import { EXIT, type ExitCode } from "../../errors/entry.ts";
import { asFailure, type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { readText, UMASK } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { versionFilePath } from "../../host/resources.ts";
import { abortOnSignals } from "../../host/signals.ts";
import { createTerminalHost, createTerminalLog, wantsColour } from "../../host/terminal.ts";
import { COMMANDS, type CommandName } from "../../options/commands.ts";
import { helpText, parseCommand } from "../../options/options.ts";

interface Answer {
  /** For `--json`. */
  document: unknown;
  /** For people. */
  text: string;
  exit: ExitCode;
}

const has = (name: string): name is CommandName => Object.hasOwn(COMMANDS, name);

function overview(): string {
  const rows = Object.values(COMMANDS).map(({ name, summary }) => `  ${name.padEnd(8)}  ${summary}`);
  return [
    "Builds, proves and publishes vLLM's native CPU wheels, one per ISA variant.",
    "",
    "Usage: vllm-cpu-wheels COMMAND [options]",
    "",
    ...rows,
    "",
    "Each command has --help and --json. Exit status: 0 ok, 1 a check said no, 2 bad input,",
    "3 this machine can't, 4 a tool or the network failed, 130 interrupted.",
    "",
  ].join("\n");
}

/** Each command loads only its own part of the engine, so that --help and plan start at once. */
async function execute(host: Host, name: CommandName, words: readonly string[]): Promise<Answer> {
  switch (name) {
    case "doctor":
      return (await import("../../jobs/answers.ts")).doctor(
        host,
        parseCommand(COMMANDS.doctor, words).values,
      );
    case "plan":
      return (await import("../../jobs/answers.ts")).plan(host, parseCommand(COMMANDS.plan, words).values);
    case "setup": {
      const { values, positionals } = parseCommand(COMMANDS.setup, words);
      return (await import("../../jobs/answers.ts")).setup(host, values, positionals);
    }
    case "build":
      return (await import("../../jobs/answers.ts")).build(host, parseCommand(COMMANDS.build, words).values);
    case "verify": {
      const { values, positionals } = parseCommand(COMMANDS.verify, words);
      return (await import("../../jobs/answers.ts")).verify(host, values, positionals);
    }
    case "compare": {
      const { values, positionals } = parseCommand(COMMANDS.compare, words);
      return (await import("../../jobs/compare-use.ts")).compare(host, values, positionals);
    }
    case "merge": {
      const { values, positionals } = parseCommand(COMMANDS.merge, words);
      return (await import("../../jobs/answers.ts")).merge(host, values, positionals);
    }
    case "publish": {
      const { values, positionals } = parseCommand(COMMANDS.publish, words);
      return (await import("../../jobs/answers.ts")).publish(host, values, positionals);
    }
    case "withdraw": {
      const { values, positionals } = parseCommand(COMMANDS.withdraw, words);
      return (await import("../../jobs/answers.ts")).withdraw(host, values, positionals);
    }
    case "run":
      return (await import("../../jobs/answers.ts")).run(host, parseCommand(COMMANDS.run, words).values);
  }
}

function showError(host: Host, error: WheelsError, debug: boolean): void {
  host.log.error(`${error.what} [${error.code}]`);
  process.stderr.write(
    `  why:    ${error.why.replaceAll("\n", "\n          ")}\n  remedy: ${error.remedy}\n`,
  );
  if (debug)
    process.stderr.write(`${error.stack}\n${error.cause instanceof Error ? error.cause.stack : ""}\n`);
}

function findCommand(name: string | undefined): CommandName {
  if (name !== undefined && has(name)) return name;
  throw wheelsError("E_USAGE", {
    problem: name === undefined ? "No command was given." : `There is no command ${name}.`,
    hint: `Commands: ${Object.keys(COMMANDS).join(", ")}. See vllm-cpu-wheels --help.`,
  });
}

async function main(words: readonly string[]): Promise<ExitCode> {
  process.umask(UMASK);
  const [first, ...rest] = words;
  if (first === "--help" || first === "-h" || first === "help") {
    process.stdout.write(overview());
    return EXIT.ok;
  }
  if (first === "--version") {
    process.stdout.write(
      `${(JSON.parse(await readText(versionFilePath())) as { version: string }).version}\n`,
    );
    return EXIT.ok;
  }
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
  host = createTerminalHost(log, controller.signal, !json && wantsColour(process.stdout, process.env));
  try {
    const name = findCommand(first);
    if (rest.includes("--help") || rest.includes("-h")) {
      process.stdout.write(
        helpText(COMMANDS[name], process.env["VLLM_CPU_WHEELS_PROGRAM"] ?? `vllm-cpu-wheels ${name}`),
      );
      return EXIT.ok;
    }
    const answer = await execute(host, name, rest);
    process.stdout.write(json ? `${JSON.stringify(answer.document, null, 2)}\n` : `${answer.text}\n`);
    return answer.exit;
  } catch (thrown) {
    const error = asFailure(thrown, controller.signal, "the run");
    if (json) process.stdout.write(`${JSON.stringify({ error }, null, 2)}\n`);
    showError(host, error, debug);
    return error.exit;
  }
}

process.exitCode = await main(process.argv.slice(2));
