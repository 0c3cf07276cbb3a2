import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { wheelsError } from "../../../errors/wheels-error.ts";
import { failuresOf, runAll } from "../../../jobs/use.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import type { Values } from "../../../options/options.ts";
import { verdictFileName } from "../../../verify/verdict/verdict.ts";
import type { GitHub } from "../github.ts";
import { resultSummary } from "../summary.ts";
import { reportOutputs } from "./paths.ts";
import { uploadWheel } from "./upload.ts";

/** The build-variant action. @throws E_OPTION_VALUE, E_CHECK_FAILED after the artifact is up, what a build throws */
export async function build(
  github: GitHub,
  inputs: Values<(typeof ACTIONS)["build-variant"]["inputs"]>,
): Promise<ExitCode> {
  const {
    variant,
    level,
    upload: _upload,
    "artifact-name": _name,
    "retention-days": _days,
    ...rest
  } = inputs;
  if (variant === null || variant === "all" || variant.includes(",")) {
    throw wheelsError("E_OPTION_VALUE", {
      option: "The input variant",
      value: variant ?? "nothing",
      expected: "the name of one variant; the plan action makes a matrix of several",
    });
  }
  const report = await github.withCompilerMatcher(() =>
    runAll(
      github.host,
      {
        ...rest,
        variant,
        architecture: "own",
        "allow-dirty": false,
        resume: false,
        keepBroken: false,
        "no-cleanup": false,
        "dry-run": false,
        "skip-build": false,
        "publish-to": null,
        "cache-dir": null,
        json: false,
        help: false,
      },
      level,
    ),
  );
  const [result] = report.results;
  if (!result) throw wheelsError("E_INTERNAL", { detail: "the build gave no wheel" });
  github.output("wheel", result.wheel);
  github.output("sha256", result.sha256);
  github.output("verdict", verdictFileName(result.wheel));
  github.output("result", result.result);
  reportOutputs(github, report.reports);
  await github.summarize(resultSummary(result, report.built[0] ?? null));
  const name = await uploadWheel(github, inputs, result.wheel, result.sha256);
  github.output("artifact-name", name ?? "");
  const failures = failuresOf(report.results);
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  return EXIT.ok;
}
