import type { ExitCode } from "../../../errors/entry.ts";
import * as answers from "../../../jobs/answers.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import type { Values } from "../../../options/options.ts";
import { toMatrix } from "../../../variants/matrix.ts";
import type { GitHub } from "../github.ts";
import { planSummary } from "../summary.ts";

/** The plan action. @throws E_MATRIX_SIZE and what the plan command throws */
export async function plan(github: GitHub, inputs: Values<typeof ACTIONS.plan.inputs>): Promise<ExitCode> {
  const answer = await answers.plan(github.host, {
    ...inputs,
    "allow-dirty": true,
    "print-identifiers": false,
    "cache-dir": null,
    json: false,
    help: false,
  });
  const { plan: items, existing } = answer.document;
  const matrix = toMatrix(items);
  github.host.log.info(`${items.length} to build\n${answer.text}`);
  github.output("matrix", JSON.stringify(matrix));
  github.output("count", String(items.length));
  github.output("identifiers", items.map(({ id }) => id).join(" "));
  github.output("existing", JSON.stringify(existing.map(({ id }) => id)));
  await github.summarize(planSummary(items, existing));
  return answer.exit;
}
