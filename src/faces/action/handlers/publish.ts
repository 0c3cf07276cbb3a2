import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { type WheelsError, wheelsError } from "../../../errors/wheels-error.ts";
import { wheelsAt } from "../../../jobs/artifacts.ts";
import { publish as publishJob } from "../../../jobs/publish.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import { parseWheels } from "../../../options/artifacts.ts";
import { parseJudging } from "../../../options/judging.ts";
import { parsePublishing } from "../../../options/publishing.ts";
import { usualProving } from "../../../options/requests.ts";
import type { Values } from "../../../options/spec.ts";
import { publishSummary } from "../../../report/job-summary.ts";
import { publishText } from "../../../report/text/tables.ts";
import type { GitHub } from "../github.ts";
import { named, wheelsOfRun } from "./fetch.ts";

type Inputs = Values<(typeof ACTIONS)["publish-wheel"]["inputs"]>;

/** @throws E_PUBLISH_NOTHING, E_ARTIFACT, E_ARTIFACT_SERVER */
async function wheelsOf(github: GitHub, { wheels, artifacts, expect }: Inputs): Promise<string[]> {
  const found =
    wheels === null
      ? await wheelsOfRun(github, named(artifacts))
      : await wheelsAt(github.host, parseWheels(wheels));
  // Where a plan is expected, what is missing of it says more.
  if (found.length === 0 && expect === null)
    throw wheelsError("E_PUBLISH_NOTHING", {
      where: wheels ?? `This run, in artifacts named ${artifacts},`,
    });
  return found;
}

/** The publish-wheel action. @throws E_PUBLISH_NOTHING, E_ARTIFACT, every refusal of the publish job */
export async function publish(github: GitHub, inputs: Inputs): Promise<ExitCode> {
  const refused = (refusals: readonly WheelsError[]): void =>
    github.output("refused", JSON.stringify(refusals.map(({ code, what, why }) => ({ code, what, why }))));
  refused([]);
  const report = await publishJob(github.publishingHost(), {
    wheels: await wheelsOf(github, inputs),
    publishing: { ...parsePublishing(inputs), to: inputs.to },
    judging: parseJudging(inputs),
    manifest: inputs.manifest,
    dryRun: inputs["dry-run"],
    onRefusal: refused,
    proving: usualProving(inputs),
  });
  github.output("published", JSON.stringify(report.published));
  github.output("skipped", JSON.stringify(report.skipped));
  github.host.log.info(publishText(report));
  await github.summarize(publishSummary(report));
  return EXIT.ok;
}
