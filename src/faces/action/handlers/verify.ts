import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { wheelsError } from "../../../errors/wheels-error.ts";
import * as answers from "../../../jobs/answers.ts";
import { failuresOf } from "../../../jobs/use.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import type { Values } from "../../../options/options.ts";
import { verdictFileName } from "../../../verify/verdict/verdict.ts";
import type { GitHub } from "../github.ts";
import { resultSummary } from "../summary.ts";
import { reportOutputs, wheelPaths } from "./paths.ts";
import { uploadWheel } from "./upload.ts";

/** The verify-torch-cpu action. @throws E_CHECK_FAILED, E_PUBLISH_NOTHING, what the verify command throws */
export async function verify(
  github: GitHub,
  inputs: Values<(typeof ACTIONS)["verify-torch-cpu"]["inputs"]>,
): Promise<ExitCode> {
  const {
    mode,
    wheels,
    environment,
    upload: _upload,
    "artifact-name": name,
    "retention-days": _days,
    ...rest
  } = inputs;
  const paths = mode === "wheel" ? await wheelPaths(github.host, wheels ?? "dist") : [];
  if (mode === "wheel" && paths.length === 0)
    throw wheelsError("E_PUBLISH_NOTHING", { where: wheels ?? "The folder dist" });
  if (name !== null && paths.length > 1)
    throw wheelsError("E_ARTIFACT_NAME", {
      name,
      detail: `There are ${paths.length} wheels, each an artifact of its own.`,
    });
  const answer = await answers.verify(
    github.host,
    {
      ...rest,
      level: inputs.level ?? (mode === "wheel" ? "kernels" : "static"),
      environment: mode === "environment" ? environment : null,
      "no-verdict": false,
      "cache-dir": null,
      json: false,
      help: false,
    },
    paths,
  );
  const { results } = answer.document;
  github.host.log.info(answer.text);
  const verdicts = results.flatMap(({ wheel }) => (wheel === null ? [] : [verdictFileName(wheel)]));
  github.output("result", answer.exit === EXIT.ok ? "pass" : "fail");
  github.output("torch-version", results.find(({ torch }) => torch)?.torch?.version ?? "");
  github.output("verdicts", JSON.stringify(verdicts));
  reportOutputs(github, answer.reports);
  for (const result of results) {
    await github.summarize(resultSummary(result, null));
    if (result.wheel !== null && result.sha256 !== null)
      await uploadWheel(github, inputs, result.wheel, result.sha256);
  }
  const failures = failuresOf(results);
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  return answer.exit;
}
