import { parseArgs } from "node:util";
import { closest, distance } from "fastest-levenshtein";
import { wheelsError } from "../errors/wheels-error.ts";

interface Base {
  help: string;
  /** Other spellings, such as a plural; not shown in tables. */
  aliases?: readonly string[];
}

/** One input of a command: the single truth for parsing, --help and the documents. */
export type OptionSpec =
  | (Base & { kind: "text"; placeholder: string; default: string | null; choices?: readonly string[] })
  | (Base & { kind: "count"; placeholder: string; default: number | null })
  | (Base & { kind: "flag" });

export type OptionSpecs = Record<string, OptionSpec>;

type Value<S extends OptionSpec> = S extends { kind: "flag" }
  ? boolean
  : S extends { kind: "count"; default: number }
    ? number
    : S extends { kind: "count" }
      ? number | null
      : S extends { default: string; choices: readonly (infer C)[] }
        ? C
        : S extends { default: string }
          ? string
          : string | null;

/** Parsed values by option name, defaults filled in. */
export type Values<S extends OptionSpecs> = { [K in keyof S]: Value<S[K]> };

export interface CommandSpec {
  name: string;
  summary: string;
  /** What the words without dashes are, or null where none is taken. */
  positionals: { placeholder: string; help: string } | null;
  options: OptionSpecs;
  examples: readonly string[];
}

function unknownOption(command: string, flag: string, specs: OptionSpecs): never {
  const known = Object.entries(specs).flatMap(([name, spec]) => [name, ...(spec.aliases ?? [])]);
  const nearest = closest(flag, known);
  const near = distance(flag, nearest) <= Math.max(2, flag.length / 3);
  throw wheelsError("E_USAGE", {
    problem: `${command} has no option --${flag}.`,
    hint: near ? `Did you mean --${nearest}?` : `See ${command} --help.`,
  });
}

function convert(name: string, spec: Exclude<OptionSpec, { kind: "flag" }>, value: string): string | number {
  if (spec.kind === "count") {
    if (!/^[1-9]\d{0,8}$/.test(value)) {
      throw wheelsError("E_OPTION_VALUE", {
        option: `--${name}`,
        value: value || "nothing",
        expected: "a whole number of 1 or more",
      });
    }
    return Number(value);
  }
  if (value === "") {
    throw wheelsError("E_OPTION_VALUE", {
      option: `--${name}`,
      value: "nothing",
      expected: spec.placeholder,
    });
  }
  if (spec.choices && !spec.choices.includes(value)) {
    throw wheelsError("E_OPTION_VALUE", {
      option: `--${name}`,
      value,
      expected: `one of ${spec.choices.join(", ")}`,
    });
  }
  return value;
}

/**
 * Parses a command's words.
 * The last of a repeated option counts, so that a script's own default can be overridden behind it.
 * @throws E_USAGE, E_OPTION_VALUE
 */
export function parseCommand<S extends OptionSpecs>(
  command: CommandSpec & { options: S },
  words: readonly string[],
): { values: Values<S>; positionals: string[] } {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(command.options)) {
    for (const spelling of [name, ...(spec.aliases ?? [])]) names.set(spelling, name);
  }
  const types = [...names].map(([spelling, name]): [string, { type: "string" | "boolean" }] => [
    spelling,
    { type: command.options[name]?.kind === "flag" ? "boolean" : "string" },
  ]);
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(types),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, string | number | boolean | null> = {};
  for (const [name, spec] of Object.entries(command.options))
    values[name] = spec.kind === "flag" ? false : spec.default;
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const name = token.rawName.startsWith("--") ? names.get(token.name) : undefined;
    const spec = name === undefined ? undefined : command.options[name];
    if (name === undefined || !spec)
      return unknownOption(command.name, token.rawName.replace(/^-+/, ""), command.options);
    if (spec.kind === "flag") {
      if (token.value !== undefined) {
        throw wheelsError("E_OPTION_VALUE", {
          option: `--${name}`,
          value: token.value,
          expected: "no value",
        });
      }
      values[name] = true;
      continue;
    }
    values[name] = convert(token.name, spec, token.value ?? "");
  }
  if (positionals.length > 0 && !command.positionals) {
    throw wheelsError("E_USAGE", {
      problem: `${command.name} takes no plain word such as ${positionals[0]}.`,
      hint: `Options are written --name=value; see ${command.name} --help.`,
    });
  }
  return { values: values as Values<S>, positionals };
}

function spelling(name: string, spec: OptionSpec): string {
  return spec.kind === "flag" ? `--${name}` : `--${name}=${spec.placeholder}`;
}

function defaultText(spec: OptionSpec): string {
  return spec.kind === "flag" || spec.default === null ? "" : ` [default: ${spec.default}]`;
}

/** The text of `--help`. @param program how the user called it */
export function helpText(command: CommandSpec, program: string): string {
  const rows = Object.entries(command.options).map(([name, spec]): [string, string] => [
    spelling(name, spec),
    `${spec.help}${spec.kind === "text" && spec.choices ? ` (${spec.choices.join(", ")})` : ""}${defaultText(spec)}`,
  ]);
  if (command.positionals) rows.unshift([command.positionals.placeholder, command.positionals.help]);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `${command.summary}`,
    "",
    `Usage: ${program}${command.positionals ? ` ${command.positionals.placeholder}` : ""} [options]`,
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    "",
    "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

/** The options as rows of a Markdown table, for the documents. */
export function optionTable(command: CommandSpec): string {
  const rows = Object.entries(command.options).map(
    ([name, spec]) =>
      `| \`${spelling(name, spec)}\` | ${spec.help.replaceAll("|", "\\|")} | ${spec.kind === "flag" ? "off" : spec.default === null ? "" : `\`${spec.default}\``} |`,
  );
  return ["| option | meaning | default |", "| --- | --- | --- |", ...rows].join("\n");
}
