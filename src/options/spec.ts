import { wheelsError } from "../errors/wheels-error.ts";

/** What an option is about: the headings of --help, of the documents and of action.yml, in this order. */
export const TOPICS = [
  "What to build",
  "How to build it",
  "PyTorch",
  "How far to prove it",
  "What judges it",
  "Publishing",
  "Reports",
  "Artifacts of the workflow run",
  "Limits",
  "General",
] as const;

export type Topic = (typeof TOPICS)[number];

interface Base {
  topic: Topic;
  /** One full sentence that stands alone: what it is, and what happens where it is left out. */
  help: string;
  /** Other spellings, such as a plural; not shown in tables. */
  aliases?: readonly string[];
  /** True where nothing stands for what was left out. */
  required?: true;
  /** True for what a person who starts the workflow by hand may set: GitHub shows 25 at most. */
  byHand?: true;
}

/** One input of a command or an action: the single truth for parsing, --help and the documents. */
export type OptionSpec =
  | (Base & {
      kind: "text";
      placeholder: string;
      default: string | null;
      choices?: readonly string[];
      /** Never shown: it is masked in logs, and a workflow passes it as a secret. */
      secret?: true;
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

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type Value<S extends OptionSpec> = S extends { kind: "flag" }
  ? boolean
  : S extends { kind: "count"; default: number }
    ? number
    : S extends { kind: "count" }
      ? number | null
      : S extends { default: string; choices: readonly (infer C)[] }
        ? C
        : S extends { choices: readonly (infer C)[] }
          ? C | null
          : S extends { default: string } | { required: true }
            ? string
            : string | null;

/** Values by option name, as they were typed; only the parsers of a group read them. */
export type Values<S extends OptionSpecs> = { [K in keyof S]: Value<S[K]> };

/** The options of one topic, with that topic written into each. */
export function about<const S extends Readonly<Record<string, WithoutTopic>>>(
  topic: Topic,
  specs: S,
): { readonly [K in keyof S]: S[K] & { topic: Topic } } {
  const entries = Object.entries(specs).map(([name, spec]) => [name, { ...spec, topic }]);
  return Object.fromEntries(entries) as { readonly [K in keyof S]: S[K] & { topic: Topic } };
}

type WithoutTopic = OptionSpec extends infer S ? (S extends OptionSpec ? Omit<S, "topic"> : never) : never;

/** What an option that nobody named stands for. */
export const fallback = (spec: OptionSpec): string | number | boolean | null =>
  spec.kind === "flag" ? (spec.default ?? false) : spec.default;

/**
 * All values of a group, where a door offers some of its options only: the others have their defaults.
 * @param given what the door read; options of other groups in it are passed over
 */
export function complete<S extends OptionSpecs>(specs: S, given: Partial<Values<S>>): Values<S> {
  const all = Object.entries(specs).map(([name, spec]) => [name, given[name] ?? fallback(spec)]);
  return Object.fromEntries(all) as Values<S>;
}

/** An environment variable of a step holds 128 KiB at most; no input of ours has a use for half of it. */
const MOST_CHARACTERS = 65_536;
const SHOWN_CHARACTERS = 80;

/** A value as an error shows it. */
export const shownValue = (value: string): string =>
  value.length > SHOWN_CHARACTERS
    ? `${value.slice(0, SHOWN_CHARACTERS)}… (${value.length} characters)`
    : value;

/**
 * A value as its option takes it.
 * @param option how the user calls it, for the error
 * @throws E_OPTION_VALUE
 */
export function convert(
  option: string,
  spec: Exclude<OptionSpec, { kind: "flag" }>,
  value: string,
): string | number | null {
  const refuse = (shown: string, expected: string): never => {
    throw wheelsError("E_OPTION_VALUE", { option, value: shown, expected });
  };
  if (value.length > MOST_CHARACTERS) refuse(shownValue(value), `at most ${MOST_CHARACTERS} characters`);
  if (spec.kind === "count") {
    if (spec.auto && value === "auto") return spec.default;
    if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
    return refuse(
      shownValue(value) || "nothing",
      `a whole number of 1 or more${spec.auto ? ", or auto" : ""}`,
    );
  }
  if (value === "") refuse("nothing", spec.placeholder);
  if (spec.choices && !spec.choices.includes(value))
    refuse(shownValue(value), `one of ${spec.choices.join(", ")}`);
  return value;
}

/** The words of a list, spaces, commas or line ends between them. */
export const words = (text: string | null): string[] =>
  text?.split(/[\s,]+/).filter((word) => word !== "") ?? [];
