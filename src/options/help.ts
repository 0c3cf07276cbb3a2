import type { CommandSpec } from "./argv.ts";
import { type OptionSpec, type OptionSpecs, TOPICS, type Topic } from "./spec.ts";

/** An option's sentence with the values that it takes. */
export const describe = (spec: OptionSpec): string =>
  `${spec.help}${spec.kind === "text" && spec.choices ? ` One of: ${spec.choices.join(", ")}.` : ""}`;

/** Options by topic, in the topics' order; topics without an option are left out. */
export function byTopic(options: OptionSpecs): [Topic, [string, OptionSpec][]][] {
  return TOPICS.map((topic): [Topic, [string, OptionSpec][]] => [
    topic,
    Object.entries(options).filter(([, spec]) => spec.topic === topic),
  ]).filter(([, entries]) => entries.length > 0);
}

/** An option as it is typed. */
export const spelling = (name: string, spec: OptionSpec): string =>
  spec.kind === "flag" ? `--${name}` : `--${name}=${spec.placeholder}`;

const defaultText = (spec: OptionSpec): string =>
  spec.kind === "flag" || spec.default === null ? "" : ` [default: ${spec.default}]`;

/** What is printed where no command is named. */
export const overviewText = (commands: readonly CommandSpec[]): string =>
  `Builds, proves and publishes vLLM's native CPU wheels, one per ISA variant.

Usage: vllm-cpu-wheels COMMAND [options]

${commands.map(({ name, summary }) => `  ${name.padEnd(8)}  ${summary}`).join("\n")}

Each command has --help and --json. Exit status: 0 ok, 1 a check said no, 2 bad input,
3 this machine can't, 4 a tool or the network failed, 130 interrupted.
`;

/** The text of a command's `--help`. @param program how the user called it */
export function helpText(command: CommandSpec, program: string): string {
  const groups = byTopic(command.options).map(([topic, options]): [string, [string, string][]] => [
    topic,
    options.map(([name, spec]) => [spelling(name, spec), `${describe(spec)}${defaultText(spec)}`]),
  ]);
  if (command.positionals)
    groups.unshift(["Words", [[command.positionals.placeholder, command.positionals.help]]]);
  const width = Math.max(...groups.flatMap(([, rows]) => rows.map(([left]) => left.length)));
  return [
    command.summary,
    "",
    `Usage: ${program}${command.positionals ? ` ${command.positionals.placeholder}` : ""} [options]`,
    "",
    ...groups.flatMap(([topic, rows]) => [
      `${topic}:`,
      ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
      "",
    ]),
    "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}
