import { basename } from "node:path";
import { type WheelsError, wheelsError } from "../../../errors/wheels-error.ts";
import { exists } from "../../../host/files.ts";
import { reportFileName, verdictFileName } from "../../../jobs/prove.ts";
import type { parseUpload } from "../../../options/artifacts.ts";
import type { ReportPaths } from "../../../report/report-files.ts";
import type { GitHub } from "../github.ts";

/** How a wheel is uploaded. */
export type Upload = ReturnType<typeof parseUpload>;

/**
 * Refuses, before anything is built, an upload that could not succeed.
 * @param several whether there may be more than one wheel
 * @throws E_ARTIFACT_SERVER on GitHub Enterprise Server, E_ARTIFACT_NAME where several wheels would have one name
 */
export async function demandUpload(
  github: GitHub,
  { upload, name }: Upload,
  several: boolean,
): Promise<void> {
  if (!upload) return;
  if (name !== null && several)
    throw wheelsError("E_ARTIFACT_NAME", {
      name,
      detail: "There are several wheels, each an artifact of its own.",
    });
  const { demandArtifacts } = await import("../artifacts.ts");
  demandArtifacts(github.host.env["GITHUB_SERVER_URL"], "upload");
}

const nameTaken = (name: string): WheelsError =>
  wheelsError("E_ARTIFACT_NAME", { name, detail: "Another job of this run has uploaded one of this name." });

/**
 * Uploads a wheel, its verdict and its report where that lies beside it, also a verdict that says no: publishing judges, and people want to look.
 * The default name holds the wheel's hash, so that only equal wheels have equal names.
 * @returns the artifact's name; null where nothing was asked for
 * @throws E_ARTIFACT, E_ARTIFACT_NAME
 */
export async function uploadWheel(
  github: GitHub,
  { upload, name: own, retentionDays }: Upload,
  wheel: string,
  sha256: string,
): Promise<string | null> {
  if (!upload) return null;
  const name = own ?? `wheel-${basename(wheel, ".whl")}-${sha256.slice(0, 12)}`;
  const verdict = verdictFileName(wheel);
  const files = [wheel];
  for (const beside of [verdict, reportFileName(wheel)]) if (await exists(beside)) files.push(beside);
  const { uploadArtifact } = await import("../artifacts.ts");
  const isNew = await uploadArtifact(name, files, retentionDays);
  if (!isNew && own !== null) throw nameTaken(name);
  github.host.log.info(
    isNew ? `Uploaded the artifact ${name}` : `The artifact ${name} is there already, with this very wheel`,
  );
  return name;
}

/**
 * Uploads what a proof job found of a wheel that another job has uploaded: its verdict alone.
 * @param id of the plan's row, so that the proofs of one wheel on several machines have names of their own
 * @throws E_ARTIFACT, E_ARTIFACT_NAME
 */
export async function uploadProof(
  github: GitHub,
  { name: own, retentionDays }: Upload,
  wheel: string,
  sha256: string,
  id: string,
): Promise<void> {
  const name = own ?? `proof-${id}-${sha256.slice(0, 12)}`;
  const { uploadArtifact } = await import("../artifacts.ts");
  if (!(await uploadArtifact(name, [verdictFileName(wheel)], retentionDays))) throw nameTaken(name);
  github.host.log.info(`Uploaded the artifact ${name}`);
}

/** The outputs of an action that writes reports. */
export function reportOutputs(github: GitHub, { sarif, html }: ReportPaths): void {
  github.output("sarif", sarif ?? "");
  github.output("reports", JSON.stringify(html));
}
