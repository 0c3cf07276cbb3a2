import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { plan as planJob, toMatrix } from "../../../jobs/plan.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import type { Values } from "../../../options/spec.ts";
import { parseChoice, parseWhat } from "../../../options/what.ts";
import { planSummary } from "../../../report/job-summary.ts";
import type { GitHub } from "../github.ts";

/** The plan action. @throws E_MATRIX_SIZE, what the plan job throws */
export async function plan(github: GitHub, inputs: Values<typeof ACTIONS.plan.inputs>): Promise<ExitCode> {
  // A plan reads no more than names and versions of the checkout, so uncommitted changes are no danger.
  const what = { ...parseWhat(inputs), allowDirty: true };
  const {
    plan: items,
    existing,
    builds,
    wheels,
  } = await planJob(github.host, { what, choice: parseChoice(inputs) });
  const matrix = toMatrix(items);
  const identifiers = items.map(({ id }) => id);
  github.host.log.info(`${items.length} to build: ${identifiers.join(" ")}`);
  github.output("matrix", JSON.stringify(matrix));
  github.output("builds", JSON.stringify(builds));
  github.output("proofs", JSON.stringify(matrix));
  github.output("wheels", JSON.stringify(toMatrix(wheels)));
  github.output("count", String(items.length));
  github.output("identifiers", identifiers.join(" "));
  github.output("existing", JSON.stringify(existing.map(({ id }) => id)));
  await github.summarize(planSummary(items, existing, builds));
  return EXIT.ok;
}
