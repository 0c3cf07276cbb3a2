import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump } from "js-yaml";
import { scratch } from "./run.ts";

/**
 * An action of others that can't be fetched here.
 * @param run what it runs
 * @param inputs name of the input by the variable that `run` finds it in
 * @param output name of what `run` puts out, if anything
 */
export function standInAction(run: string, inputs: Record<string, string>, output?: string): string {
  const folder = scratch();
  const step = {
    id: "run",
    run,
    shell: "bash",
    env: Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, `\${{ inputs.${input} }}`])),
  };
  const action = {
    name: "stand-in",
    description: "Stands for an action of others",
    inputs: Object.fromEntries(Object.values(inputs).map((input) => [input, { description: input }])),
    ...(output === undefined
      ? {}
      : { outputs: { [output]: { description: output, value: `\${{ steps.run.outputs.${output} }}` } } }),
    runs: { using: "composite", steps: [step] },
  };
  writeFileSync(join(folder, "action.yml"), dump(action));
  return folder;
}
