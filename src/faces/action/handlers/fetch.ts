import { join } from "node:path";
import picomatch from "picomatch";
import { mayHold, plannedItem, plannedWheel, wheelsOfArtifacts } from "../../../jobs/artifacts.ts";
import type { GitHub } from "../github.ts";

type Names = (artifact: string) => boolean;

/** The artifacts that patterns name, with spaces between them. */
export const named = (patterns: string): Names =>
  picomatch(patterns.split(/\s+/).filter((word) => word !== ""));

/**
 * The wheels of this workflow run's artifacts, each with its verdict beside it, in which the proofs of other jobs are joined.
 * @param isWhole whether all wheels of the run are wanted
 * @throws E_ARTIFACT, E_ARTIFACT_SERVER, E_MERGE_OTHER_WHEEL, E_MERGE_CONTRADICTION
 */
export async function wheelsOfRun(github: GitHub, wanted: Names, isWhole = true): Promise<string[]> {
  const { demandArtifacts, downloadArtifacts } = await import("../artifacts.ts");
  demandArtifacts(github.host.env["GITHUB_SERVER_URL"], "download");
  const archives = await downloadArtifacts(github.host, join(github.temp, "archives"), wanted);
  return wheelsOfArtifacts(github.host, archives, join(github.temp, "artifacts"), isWhole);
}

/**
 * The wheel that a row of the plan names, with the Python to run it on and the row's name.
 * @param sha256 what its bytes must be; null for whatever they are
 * @param joins whether what other jobs have proven of it is joined to its verdict
 * @throws E_OPTION_VALUE, E_PLANNED_WHEEL, E_WHEEL_DIGEST, what {@link wheelsOfRun} throws
 */
export async function wheelOfPlan(
  github: GitHub,
  planned: string,
  sha256: string | null,
  joins: boolean,
): Promise<{ wheel: string; python: string | null; id: string }> {
  const item = plannedItem(planned);
  const holds = mayHold(item);
  const wanted = (name: string): boolean => holds(name) || (joins && name.startsWith("proof-"));
  const wheel = await plannedWheel(await wheelsOfRun(github, wanted, false), item, sha256);
  return { wheel, python: item.python, id: item.id };
}
