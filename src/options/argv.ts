import { parseArgs } from "node:util";
import { closest, distance } from "fastest-levenshtein";
import { wheelsError } from "../errors/wheels-error.ts";
import { convert, fallback, type OptionSpecs, type Values } from "./spec.ts";

/** A command of the command line. */
export interface CommandSpec {
  name: string;
  summary: string;
  /** What the words without dashes are, and how few and how many they may be; null where none is taken. */
  positionals: { placeholder: string; help: string; least?: number; most?: number } | null;
  options: OptionSpecs;
  examples: readonly string[];
}

/** The name that was most likely meant; null where none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  if (known.length === 0) return null;
  const near = closest(word, known);
  return distance(word, near) <= Math.max(2, word.length / 3) ? near : null;
}

function unknownOption(command: string, flag: string, specs: OptionSpecs): never {
  const known = Object.entries(specs).flatMap(([name, spec]) => [name, ...(spec.aliases ?? [])]);
  const near = nearest(flag, known);
  throw wheelsError("E_USAGE", {
    problem: `${command} has no option --${flag}.`,
    hint: near === null ? `See ${command} --help.` : `Did you mean --${near}?`,
  });
}

/** @throws E_USAGE where something is left out that nothing stands for, or there are too many words or too few */
function demandWhole(command: CommandSpec, given: ReadonlySet<string>, positionals: readonly string[]): void {
  const { name, options, examples } = command;
  const refuse = (problem: string): never => {
    throw wheelsError("E_USAGE", { problem, hint: `Such as: ${examples[0]}` });
  };
  const missing = Object.keys(options).find((option) => options[option]?.required && !given.has(option));
  if (missing !== undefined) refuse(`${name} needs --${missing}.`);
  if (!command.positionals) {
    if (positionals.length > 0) refuse(`${name} takes no plain word such as ${positionals[0]}.`);
    return;
  }
  const { placeholder, least = 0, most = Number.POSITIVE_INFINITY } = command.positionals;
  if (positionals.length < least || positionals.length > most)
    refuse(
      `${name} takes ${most === least ? "" : "at least "}${least} ${placeholder}, and was given ${positionals.length}.`,
    );
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
  const given = new Set<string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const name = token.rawName.startsWith("--") ? names.get(token.name) : undefined;
    const spec = name === undefined ? undefined : command.options[name];
    if (name === undefined || !spec)
      return unknownOption(command.name, token.rawName.replace(/^-+/, ""), command.options);
    given.add(name);
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
  demandWhole(command, given, positionals);
  return { values: values as Values<S>, positionals };
}
