import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { wheelsError } from "../../../errors/wheels-error.ts";
import { failuresOf, verdictFileName } from "../../../jobs/prove.ts";
import { type ReleaseReport, type ReleaseRequest, release } from "../../../jobs/release.ts";
import { savingsOf } from "../../../jobs/setup.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import { parseUpload } from "../../../options/artifacts.ts";
import { parseCaching } from "../../../options/caching.ts";
import { parseRelease } from "../../../options/requests.ts";
import type { Values } from "../../../options/spec.ts";
import { parsePythons } from "../../../options/what.ts";
import { resultSummary, setupSummary, slowestSummary } from "../../../report/job-summary.ts";
import { isUnrun, unrunText, verdictText } from "../../../report/verdict-text.ts";
import { cacheOfRun, sharedObjects } from "../caching.ts";
import type { GitHub } from "../github.ts";
import { demandUpload, reportOutputs, type Upload, uploadWheel } from "./upload.ts";

type Inputs = Values<(typeof ACTIONS)["build-variant"]["inputs"]>;
type Proven = ReleaseReport["results"][number];

/** A wheel as the output wheels lists it. */
type ListedWheel = Pick<Proven, "variant" | "wheel" | "sha256" | "result"> & {
  verdict: string;
  artifact: string | null;
};

/** What was proven of each wheel here, and what this machine could not run. */
function tell({ host: { log } }: GitHub, results: readonly Proven[]): void {
  for (const proven of results) {
    if (isUnrun(proven)) log.warn(unrunText(proven));
    else log.info(`${proven.variant ?? proven.wheel}: ${verdictText(proven)}`);
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
    const { variant, wheel, sha256, result } = proven;
    const artifact = await uploadWheel(github, upload, wheel, sha256);
    listed.push({ variant, wheel, sha256, verdict: verdictFileName(wheel), result, artifact });
  }
  return listed;
}

function wheelOutputs(github: GitHub, listed: readonly ListedWheel[]): void {
  const one = listed.length === 1 ? listed[0] : undefined;
  github.output("wheel", one?.wheel ?? "");
  github.output("sha256", one?.sha256 ?? "");
  github.output("verdict", one?.verdict ?? "");
  github.output("artifact-name", one?.artifact ?? "");
  github.output("wheels", JSON.stringify(listed));
}

/** The release that is asked for, and where compiled objects go between the jobs of one name. */
async function requestOf(github: GitHub, inputs: Inputs) {
  const caching = parseCaching(inputs);
  const asked = parseRelease(inputs);
  const remoteObjects = sharedObjects(asked.how.remoteObjects, process.env);
  const store = await cacheOfRun(github, process.env, caching);
  const objects: ReleaseRequest["objects"] = store && {
    store,
    secret: caching.secret,
    told: ({ key, hit }) => {
      github.output("cache-key", key);
      github.output("cache-hit", key === "" ? "" : String(hit));
    },
  };
  return { request: { ...asked, how: { ...asked.how, remoteObjects } }, objects };
}

/**
 * The build-variant action: one variant or several, each wheel an artifact of its own.
 * @throws E_OPTION_VALUE, E_ARTIFACT_SERVER before anything is built, E_CHECK_FAILED after the artifacts are up, what a
 * release throws
 */
export async function build(github: GitHub, inputs: Inputs): Promise<ExitCode> {
  const upload = parseUpload(inputs);
  await demandUpload(github, upload, inputs.variant === "all" || inputs.variant.includes(","));
  const { request, objects } = await requestOf(github, inputs);
  const report = await github.withCompilerMatcher(() =>
    release(github.host, { ...request, objects, skipBuild: false, dryRun: false }),
  );
  const { results } = report;
  if (results.length === 0) throw wheelsError("E_INTERNAL", { detail: "the build gave no wheel" });
  tell(github, results);
  const failures = failuresOf(results);
  github.output("result", failures.length > 0 ? "fail" : "pass");
  reportOutputs(github, report.reports);
  await torchOutputs(github, inputs, report);
  for (const [at, result] of results.entries())
    await github.summarize(resultSummary(result, report.built[at] ?? null));
  if (report.trace) await github.summarize(slowestSummary(report.trace));
  wheelOutputs(github, await list(github, upload, results));
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  return EXIT.ok;
}
