import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { wheelsError } from "../../../errors/wheels-error.ts";
import { failuresOf, verdictFileName } from "../../../jobs/prove.ts";
import { type ReleaseReport, release } from "../../../jobs/release.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import { parseUpload } from "../../../options/artifacts.ts";
import { parseHow } from "../../../options/how.ts";
import { parseJudging } from "../../../options/judging.ts";
import { parseProving } from "../../../options/proving.ts";
import { parsePublishing } from "../../../options/publishing.ts";
import { parseReports } from "../../../options/reports.ts";
import type { Values } from "../../../options/spec.ts";
import { parseTorch } from "../../../options/torch.ts";
import { parseWhat } from "../../../options/what.ts";
import { resultSummary } from "../../../report/job-summary.ts";
import type { GitHub } from "../github.ts";
import { reportOutputs, uploadWheel } from "./upload.ts";

type Inputs = Values<(typeof ACTIONS)["build-variant"]["inputs"]>;

/** @throws E_OPTION_VALUE where it is not the name of one variant */
function oneVariant(variant: string | null): string {
  if (variant !== null && variant !== "all" && !variant.includes(",")) return variant;
  throw wheelsError("E_OPTION_VALUE", {
    option: "The input variant",
    value: variant ?? "nothing",
    expected: "the name of one variant; the plan action makes a matrix of several",
  });
}

const releaseOf = (github: GitHub, inputs: Inputs, variant: string): Promise<ReleaseReport> =>
  release(github.host, {
    what: parseWhat({ ...inputs, variant }),
    how: parseHow(inputs),
    torch: parseTorch(inputs),
    depth: parseProving(inputs),
    judging: parseJudging(inputs),
    publishing: parsePublishing({}),
    reports: parseReports(inputs),
    skipBuild: false,
    dryRun: false,
  });

/** The build-variant action. @throws E_OPTION_VALUE, E_CHECK_FAILED after the artifact is up, what a release throws */
export async function build(github: GitHub, inputs: Inputs): Promise<ExitCode> {
  const variant = oneVariant(inputs.variant);
  const report = await github.withCompilerMatcher(() => releaseOf(github, inputs, variant));
  const [result] = report.results;
  if (!result) throw wheelsError("E_INTERNAL", { detail: "the build gave no wheel" });
  github.output("wheel", result.wheel);
  github.output("sha256", result.sha256);
  github.output("verdict", verdictFileName(result.wheel));
  github.output("result", result.result);
  reportOutputs(github, report.reports);
  await github.summarize(resultSummary(result, report.built[0] ?? null));
  const name = await uploadWheel(github, parseUpload(inputs), result.wheel, result.sha256);
  github.output("artifact-name", name ?? "");
  const failures = failuresOf(report.results);
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  return EXIT.ok;
}
