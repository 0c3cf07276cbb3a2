import { closest } from "fastest-levenshtein";
import { wheelsError } from "../errors/wheels-error.ts";
import { convert, fallback, type OptionSpecs, shownValue, type Values } from "./spec.ts";

/** The boolean that YAML 1.2's core schema reads; a typo is an error, not a no. */
function convertFlag(option: string, value: string): boolean {
  if (/^(true|True|TRUE)$/.test(value)) return true;
  if (/^(false|False|FALSE)$/.test(value)) return false;
  throw wheelsError("E_OPTION_VALUE", { option, value: shownValue(value), expected: "true or false" });
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
    throw wheelsError("E_INPUT_UNKNOWN", { action: action.name, input: shownValue(input), hint });
  }
  const values = [...known].map(([variable, name]) => {
    const spec = action.inputs[name];
    const value = (env[variable] ?? "").trim();
    if (!spec) return [name, null];
    const option = `The input ${name}`;
    if (value === "" && spec.required)
      throw wheelsError("E_OPTION_VALUE", { option, value: "nothing", expected: spec.help });
    if (value === "") return [name, fallback(spec)];
    return [name, spec.kind === "flag" ? convertFlag(option, value) : convert(option, spec, value)];
  });
  return Object.fromEntries(values) as Values<S>;
}
