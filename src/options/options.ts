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
  | (Base & {
      kind: "text";
      placeholder: string;
      default: string | null;
      choices?: readonly string[];
      /** Given again it adds a line, instead of taking the place of what was given before. */
      repeats?: true;
    })
  | (Base & {
      kind: "count";
      placeholder: string;
      default: number | null;
      /** Takes the word auto too, which stands for the default. */
      auto?: true;
    })
  | (Base & { kind: "flag"; default?: boolean });

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

/** An environment variable of a step holds 128 KiB at most; no input of ours has a use for half of it. */
const MOST_CHARACTERS = 65_536;
const SHOWN_CHARACTERS = 80;

const cut = (value: string): string =>
  value.length > SHOWN_CHARACTERS
    ? `${value.slice(0, SHOWN_CHARACTERS)}… (${value.length} characters)`
    : value;

const fallback = (spec: OptionSpec): string | number | boolean | null =>
  spec.kind === "flag" ? (spec.default ?? false) : spec.default;

/**
 * A value as its option takes it.
 * @param option how the user calls it, for the error
 * @throws E_OPTION_VALUE
 */
function convert(
  option: string,
  spec: Exclude<OptionSpec, { kind: "flag" }>,
  value: string,
): string | number | null {
  if (value.length > MOST_CHARACTERS) {
    throw wheelsError("E_OPTION_VALUE", {
      option,
      value: cut(value),
      expected: `at most ${MOST_CHARACTERS} characters`,
    });
  }
  if (spec.kind === "count") {
    if (spec.auto && value === "auto") return spec.default;
    if (!/^[1-9]\d{0,8}$/.test(value)) {
      throw wheelsError("E_OPTION_VALUE", {
        option,
        value: cut(value) || "nothing",
        expected: `a whole number of 1 or more${spec.auto ? ", or auto" : ""}`,
      });
    }
    return Number(value);
  }
  if (value === "") {
    throw wheelsError("E_OPTION_VALUE", {
      option,
      value: "nothing",
      expected: spec.placeholder,
    });
  }
  if (spec.choices && !spec.choices.includes(value)) {
    throw wheelsError("E_OPTION_VALUE", {
      option,
      value: cut(value),
      expected: `one of ${spec.choices.join(", ")}`,
    });
  }
  return value;
}

/**
 * Parses a command's words.
 * The last of a repeated option counts (but for those that add up), so that a script's own default can be overridden behind it.
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
  for (const [name, spec] of Object.entries(command.options)) values[name] = fallback(spec);
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
    const value = convert(`--${token.name}`, spec, token.value ?? "");
    const before = values[name];
    values[name] =
      spec.kind === "text" && spec.repeats && typeof before === "string" ? `${before}\n${value}` : value;
  }
  if (positionals.length > 0 && !command.positionals) {
    throw wheelsError("E_USAGE", {
      problem: `${command.name} takes no plain word such as ${positionals[0]}.`,
      hint: `Options are written --name=value; see ${command.name} --help.`,
    });
  }
  return { values: values as Values<S>, positionals };
}

/** The boolean that YAML 1.2's core schema reads; a typo is an error, not a no. */
function convertFlag(option: string, value: string): boolean {
  if (/^(true|True|TRUE)$/.test(value)) return true;
  if (/^(false|False|FALSE)$/.test(value)) return false;
  throw wheelsError("E_OPTION_VALUE", { option, value: cut(value), expected: "true or false" });
}

/**
 * Reads an action's inputs from the step's environment; an empty input counts as left out, because a workflow
 * expression that has no value gives an empty text.
 * Source: GitHub documentation, "Metadata syntax": INPUT_<NAME> in upper case, spaces as underscores.
 * @throws E_INPUT_UNKNOWN, E_OPTION_VALUE
 */
export function readInputs<S extends OptionSpecs>(
  action: { name: string; inputs: S },
  env: Readonly<Record<string, string | undefined>>,
): Values<S> {
  const names = Object.keys(action.inputs);
  const known = new Map(names.map((name) => [`INPUT_${name.toUpperCase()}`, name]));
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith("INPUT_") || known.has(variable)) continue;
    const input = variable.slice("INPUT_".length).toLowerCase();
    const hint = `Did you mean ${closest(input, names)}? It has: ${names.join(", ")}.`;
    throw wheelsError("E_INPUT_UNKNOWN", { action: action.name, input: cut(input), hint });
  }
  const values = [...known].map(([variable, name]) => {
    const spec = action.inputs[name];
    const value = (env[variable] ?? "").trim();
    if (!spec || value === "") return [name, spec ? fallback(spec) : null];
    const option = `The input ${name}`;
    return [name, spec.kind === "flag" ? convertFlag(option, value) : convert(option, spec, value)];
  });
  return Object.fromEntries(values) as Values<S>;
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
