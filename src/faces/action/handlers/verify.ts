import { basename, join } from "node:path";
import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { wheelsError } from "../../../errors/wheels-error.ts";
import { copyAtomic, makeDir, remove, writeFile } from "../../../host/files.ts";
import { wheelsAt } from "../../../jobs/artifacts.ts";
import { merge } from "../../../jobs/merge.ts";
import { failuresOf, type ProveReport, prove, verdictFileName } from "../../../jobs/prove.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import { parsePlanned, parseUpload, parseWheels } from "../../../options/artifacts.ts";
import { parseProof } from "../../../options/requests.ts";
import type { Values } from "../../../options/spec.ts";
import { resultSummary } from "../../../report/job-summary.ts";
import type { GitHub } from "../github.ts";
import { wheelOfPlan } from "./fetch.ts";
import { demandUpload, reportOutputs, type Upload, uploadProof, uploadWheel } from "./upload.ts";

type Inputs = Values<(typeof ACTIONS)["verify-torch-cpu"]["inputs"]>;

/** What is proven; of a row of the plan also the Python to run it on, and the row's name. */
interface Subject {
  wheels: string[];
  pythons: string[];
  id: string | null;
  /** The verdict that this run's other jobs have given; null where it is not asked for. */
  joined: string | null;
}

/** @throws E_VERIFY_NOTHING, what {@link demandUpload} and {@link wheelOfPlan} throw */
async function subjectOf(github: GitHub, inputs: Inputs, upload: Upload): Promise<Subject> {
  const { mode, wheels } = inputs;
  if (mode === "environment") return { wheels: [], pythons: [], id: null, joined: null };
  const { planned, join: joins, sha256 } = parsePlanned(inputs);
  if (planned !== null) {
    const { wheel, python, id } = await wheelOfPlan(github, planned, sha256, joins);
    const joined = joins ? join(github.temp, "joined.verdict.json") : null;
    if (joined !== null) await copyAtomic(verdictFileName(wheel), joined);
    return { wheels: [wheel], pythons: python === null ? [] : [python], id, joined };
  }
  const paths = await wheelsAt(github.host, wheels === null ? ["dist"] : parseWheels(wheels));
  if (paths.length === 0) throw wheelsError("E_VERIFY_NOTHING", { where: wheels ?? "The folder dist" });
  await demandUpload(github, upload, paths.length > 1);
  return { wheels: paths, pythons: [], id: null, joined: null };
}

/**
 * Joins what was found here to what this run's other jobs have found, and puts out what a signing job needs.
 * @throws E_CHECK_FAILED, E_MERGE_OTHER_WHEEL, E_MERGE_CONTRADICTION
 */
async function joinVerdict(github: GitHub, wheel: string, joined: string): Promise<void> {
  const own = verdictFileName(wheel);
  const { predicate, predicateType, subject } = await merge(github.host, {
    files: [joined, own],
    output: own,
  });
  const failures = failuresOf([{ wheel, result: "fail", checks: predicate.checks }]);
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  const folder = join(github.runnerTemp, `vllm-cpu-joined-${subject[0]?.digest.sha256.slice(0, 16)}`);
  github.leave(folder);
  await remove(folder);
  await makeDir(folder, 0o700);
  const place = join(folder, basename(wheel));
  await copyAtomic(wheel, place);
  await copyAtomic(own, verdictFileName(place));
  await writeFile(join(folder, "predicate.json"), JSON.stringify(predicate));
  github.output("wheel", place);
  github.output("verdict", verdictFileName(place));
  github.output("predicate", join(folder, "predicate.json"));
  github.output("predicate-type", predicateType);
}

/** @param upload how what was found is uploaded; null for not at all */
async function report(
  github: GitHub,
  { results, reports }: ProveReport,
  upload: (Upload & Pick<Subject, "id">) | null,
): Promise<void> {
  const failed = results.some(({ result }) => result === "fail");
  const verdicts = results.flatMap(({ wheel }) => (wheel === null ? [] : [verdictFileName(wheel)]));
  github.output("result", failed ? "fail" : "pass");
  github.output("torch-version", results.find(({ torch }) => torch)?.torch?.version ?? "");
  github.output("verdicts", JSON.stringify(verdicts));
  reportOutputs(github, reports);
  for (const result of results) {
    await github.summarize(resultSummary(result, null));
    const { wheel, sha256 } = result;
    if (wheel === null || sha256 === null || upload === null) continue;
    if (upload.id === null) await uploadWheel(github, upload, wheel, sha256);
    else await uploadProof(github, upload, wheel, sha256, upload.id);
  }
}

/** The verify-torch-cpu action. @throws E_CHECK_FAILED, E_VERIFY_NOTHING, what the verify job throws */
export async function verify(github: GitHub, inputs: Inputs): Promise<ExitCode> {
  const upload = parseUpload(inputs);
  const { wheels, pythons, id, joined } = await subjectOf(github, inputs, upload);
  const verified = await prove(github.host, {
    wheels,
    pythons,
    environment: inputs.mode === "environment" ? inputs.environment : null,
    ...parseProof({ ...inputs, level: inputs.level ?? (inputs.mode === "wheel" ? "kernels" : "static") }),
    writesVerdicts: true,
  });
  const { verifyText } = await import("../../../report/text/verify-text.ts");
  github.host.log.info(verifyText(verified.results, true));
  await report(github, verified, joined === null ? { ...upload, id } : null);
  const failures = failuresOf(verified.results);
  if (failures.length > 0) throw wheelsError("E_CHECK_FAILED", { failures });
  const [wheel] = wheels;
  if (joined !== null && wheel) await joinVerdict(github, wheel, joined);
  return EXIT.ok;
}
