import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { wheelsError } from "../../../errors/wheels-error.ts";
import { wheelsAt } from "../../../jobs/artifacts.ts";
import { failuresOf, type ProveReport, prove, verdictFileName } from "../../../jobs/prove.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import { parseUpload, parseWheels } from "../../../options/artifacts.ts";
import { parseProof } from "../../../options/requests.ts";
import type { Values } from "../../../options/spec.ts";
import { resultSummary } from "../../../report/job-summary.ts";
import type { GitHub } from "../github.ts";
import { demandUpload, reportOutputs, type Upload, uploadWheel } from "./upload.ts";

type Inputs = Values<(typeof ACTIONS)["verify-torch-cpu"]["inputs"]>;

/** @throws E_VERIFY_NOTHING, what {@link demandUpload} throws */
async function wheelsOf(github: GitHub, { mode, wheels }: Inputs, upload: Upload): Promise<string[]> {
  if (mode === "environment") return [];
  const paths = await wheelsAt(github.host, wheels === null ? ["dist"] : parseWheels(wheels));
  if (paths.length === 0) throw wheelsError("E_VERIFY_NOTHING", { where: wheels ?? "The folder dist" });
  await demandUpload(github, upload, paths.length > 1);
  return paths;
}

async function report(github: GitHub, { results, reports }: ProveReport, upload: Upload): Promise<void> {
  const failed = results.some(({ result }) => result === "fail");
  const verdicts = results.flatMap(({ wheel }) => (wheel === null ? [] : [verdictFileName(wheel)]));
  github.output("result", failed ? "fail" : "pass");
  github.output("torch-version", results.find(({ torch }) => torch)?.torch?.version ?? "");
  github.output("verdicts", JSON.stringify(verdicts));
  reportOutputs(github, reports);
  for (const result of results) {
    await github.summarize(resultSummary(result, null));
    if (result.wheel !== null && result.sha256 !== null)
      await uploadWheel(github, upload, result.wheel, result.sha256);
  }
}

/** The verify-torch-cpu action. @throws E_CHECK_FAILED, E_VERIFY_NOTHING, what the verify job throws */
export async function verify(github: GitHub, inputs: Inputs): Promise<ExitCode> {
  const upload = parseUpload(inputs);
  const verified = await prove(github.host, {
    wheels: await wheelsOf(github, inputs, upload),
    environment: inputs.mode === "environment" ? inputs.environment : null,
    ...parseProof({ ...inputs, level: inputs.level ?? (inputs.mode === "wheel" ? "kernels" : "static") }),
    writesVerdicts: true,
  });
  const { verifyText } = await import("../../../report/text/verify-text.ts");
  github.host.log.info(verifyText(verified.results, true));
  await report(github, verified, upload);
  const failures = failuresOf(verified.results);
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  return EXIT.ok;
}
