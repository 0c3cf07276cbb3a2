import { wheelsError } from "../../errors/wheels-error.ts";
import type { Recipe } from "../../variants/recipes.ts";

/** What a build decides itself, whoever asks: a value of the user's would be overwritten, or would undo what is promised. */
const DECIDED = new Set([
  "PATH",
  "HOME",
  "CC",
  "CXX",
  "VIRTUAL_ENV",
  "MAX_JOBS",
  "CMAKE_BUILD_PARALLEL_LEVEL",
  "SOURCE_DATE_EPOCH",
  "SETUPTOOLS_SCM_PRETEND_VERSION",
  "VLLM_VERSION_OVERRIDE",
  "GIT_CEILING_DIRECTORIES",
  "PYTHONHASHSEED",
  "PYTHONNOUSERSITE",
  "CCACHE_DIR",
  "CCACHE_CONFIGPATH",
]);

/** The verdict names every value, so that no credential may be among them. */
const SECRET = /TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL|API_?KEY|PRIVATE_KEY|^AWS_/i;

const MOST_VARIABLES = 64;

/**
 * Variables that a user adds to a build's environment.
 * @param text one NAME=VALUE a line; null for none
 * @param recipe whose own variables, the ISA switches among them, are not the user's to set
 * @returns values by name, sorted by name
 * @throws E_OPTION_VALUE for a line that is none, a name that the build decides, or one that sounds like a credential's
 */
export function parseBuildEnvironment(
  text: string | null,
  recipe: Pick<Recipe, "environment" | "switches" | "dependencies">,
): Record<string, string> {
  const refuse = (name: string, expected: string): never => {
    // The value itself may be what must not be shown.
    throw wheelsError("E_OPTION_VALUE", { option: "--build-env", value: name, expected });
  };
  const ours = new Set([
    ...DECIDED,
    ...Object.keys(recipe.environment),
    ...recipe.switches.flatMap(({ environment }) => Object.keys(environment)),
    ...Object.values(recipe.dependencies).map(({ variable }) => variable),
  ]);
  const found = new Map<string, string>();
  for (const line of (text ?? "").split(/\r?\n/)) {
    if (line.trim() === "") continue;
    const [, name, value] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(line) ?? [];
    if (name === undefined || value === undefined || value.includes("\0"))
      return refuse(line.split("=")[0]?.slice(0, 80) ?? "", "NAME=VALUE, one a line");
    if (ours.has(name))
      refuse(
        name,
        "a variable that the build does not set itself (CC and CXX count as they are in your shell)",
      );
    if (SECRET.test(name)) refuse(name, "no credentials: every value is in the verdict, for all to read");
    found.set(name, value);
  }
  if (found.size > MOST_VARIABLES) refuse(`${found.size} variables`, `at most ${MOST_VARIABLES} variables`);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
