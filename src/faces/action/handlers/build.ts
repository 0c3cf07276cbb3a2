import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { wheelsError } from "../../../errors/wheels-error.ts";
import { failuresOf, verdictFileName } from "../../../jobs/prove.ts";
import { type ReleaseReport, release } from "../../../jobs/release.ts";
import { savingsOf } from "../../../jobs/setup.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import { parseUpload } from "../../../options/artifacts.ts";
import { parseHow } from "../../../options/how.ts";
import { parseJudging } from "../../../options/judging.ts";
import { parseProving } from "../../../options/proving.ts";
import { parsePublishing } from "../../../options/publishing.ts";
import { parseReports } from "../../../options/reports.ts";
import type { Values } from "../../../options/spec.ts";
import { parseTorch } from "../../../options/torch.ts";
import { parsePythons, parseWhat } from "../../../options/what.ts";
import { resultSummary, setupSummary } from "../../../report/job-summary.ts";
import { verdictText } from "../../../report/verdict-text.ts";
import type { GitHub } from "../github.ts";
import { demandUpload, reportOutputs, type Upload, uploadWheel } from "./upload.ts";

type Inputs = Values<(typeof ACTIONS)["build-variant"]["inputs"]>;
type Proven = ReleaseReport["results"][number];

/** A wheel as the output wheels lists it. */
interface ListedWheel {
  variant: string | null;
  wheel: string;
  sha256: string;
  verdict: string;
  result: Proven["result"];
  artifact: string | null;
}

/** What "all" stands for is a choice, and half an hour on a small machine: nobody gets it by leaving the input out. */
function demandVariant(variant: string | null): string {
  if (variant !== null) return variant;
  throw wheelsError("E_OPTION_VALUE", {
    option: "The input variant",
    value: "nothing",
    expected: "the name of a variant, a list of names with a comma between them, or all",
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

function nameOf({ wheel, sha256 }: Proven): { wheel: string; sha256: string } {
  if (wheel === null || sha256 === null) throw wheelsError("E_INTERNAL", { detail: "a build gave no wheel" });
  return { wheel, sha256 };
}

/** What was proven of each wheel here, and what this machine could not run. */
function tell({ host }: GitHub, results: readonly Proven[]): void {
  for (const proven of results) {
    const text = `${proven.variant ?? proven.wheel}: ${verdictText(proven)}`;
    const unrun = proven.result === "pass" && proven.checks.some(({ lacks }) => lacks?.length);
    if (unrun)
      host.log.warn(
        `${text}. Prove it on a machine that has it before it is published to an index of others.`,
      );
    else host.log.info(text);
  }
}

async function torchOutputs(github: GitHub, inputs: Inputs, report: ReleaseReport): Promise<void> {
  const [torch] = report.torch;
  const [python] = parsePythons(inputs["python-version"]);
  const savings = inputs.savings && torch ? await savingsOf(github.host, python ?? null, torch) : null;
  github.output("torch-version", torch?.torchVersion ?? "");
  github.output("saved-bytes", savings ? String(savings.saved) : "");
  if (torch && savings) await github.summarize(setupSummary(torch.torchVersion, false, savings));
}

async function list(github: GitHub, upload: Upload, results: readonly Proven[]): Promise<ListedWheel[]> {
  const listed: ListedWheel[] = [];
  for (const proven of results) {
    const { wheel, sha256 } = nameOf(proven);
    const artifact = await uploadWheel(github, upload, wheel, sha256);
    const { variant, result } = proven;
    listed.push({ variant, wheel, sha256, verdict: verdictFileName(wheel), result, artifact });
  }
  return listed;
}

function wheelOutputs(github: GitHub, listed: readonly ListedWheel[]): void {
  const [first] = listed;
  const one = listed.length === 1 ? first : undefined;
  github.output("wheel", one?.wheel ?? "");
  github.output("sha256", one?.sha256 ?? "");
  github.output("verdict", one?.verdict ?? "");
  github.output("artifact-name", one?.artifact ?? "");
  github.output("wheels", JSON.stringify(listed));
}

/**
 * The build-variant action: one variant or several, each wheel an artifact of its own.
 * @throws E_OPTION_VALUE, E_ARTIFACT_SERVER before anything is built, E_CHECK_FAILED after the artifacts are up, what a
 * release throws
 */
export async function build(github: GitHub, inputs: Inputs): Promise<ExitCode> {
  const variant = demandVariant(inputs.variant);
  const upload = parseUpload(inputs);
  await demandUpload(github, upload, variant === "all" || variant.includes(","));
  const report = await github.withCompilerMatcher(() => releaseOf(github, inputs, variant));
  const { results } = report;
  if (results.length === 0) throw wheelsError("E_INTERNAL", { detail: "the build gave no wheel" });
  tell(github, results);
  const failures = failuresOf(results);
  github.output("result", failures.length > 0 ? "fail" : "pass");
  reportOutputs(github, report.reports);
  await torchOutputs(github, inputs, report);
  for (const [at, result] of results.entries())
    await github.summarize(resultSummary(result, report.built[at] ?? null));
  wheelOutputs(github, await list(github, upload, results));
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  return EXIT.ok;
}
