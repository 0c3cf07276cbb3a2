import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { DefaultArtifactClient } from "@actions/artifact";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { listDir, makeDir } from "../../host/files.ts";
import { fileSha256 } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";

/** Source: @actions/artifact, its own isGhes: these servers and what lies below them have the newer protocol. */
const HAS_ARTIFACTS = /^(?:github\.com|.+\.ghe\.com|.+\.localhost)$/i;

/**
 * Asked before the first compile, so that nobody waits for an hour for it.
 * @param serverUrl GITHUB_SERVER_URL of the step; without it github.com
 * @throws E_ARTIFACT_SERVER on GitHub Enterprise Server
 */
export function demandArtifacts(serverUrl: string | undefined, doing: "upload" | "download"): void {
  const server = URL.canParse(serverUrl ?? "") ? new URL(serverUrl ?? "").hostname : "github.com";
  if (!HAS_ARTIFACTS.test(server)) throw wheelsError("E_ARTIFACT_SERVER", { doing, server });
}

/**
 * Uploads files of one folder as an artifact of the workflow run.
 * @returns false where an artifact of this name is there already
 * @throws E_ARTIFACT, E_ARTIFACT_NAME
 */
export async function uploadArtifact(
  name: string,
  files: readonly string[],
  retentionDays: number | null,
): Promise<boolean> {
  const [first] = files;
  if (!first) return false;
  try {
    await new DefaultArtifactClient().uploadArtifact(name, [...files], dirname(first), {
      // A wheel is compressed already.
      compressionLevel: 0,
      ...(retentionDays === null ? {} : { retentionDays }),
    });
    return true;
  } catch (thrown) {
    const detail = messageOf(thrown);
    if (/already exists|\b409\b|Conflict/i.test(detail)) return false;
    if (/artifact name|not valid/i.test(detail))
      throw wheelsError("E_ARTIFACT_NAME", { name, detail }, thrown);
    throw wheelsError("E_ARTIFACT", { doing: "Uploading", name, detail }, thrown);
  }
}

/**
 * Downloads the archives of the run's artifacts whose names are wanted, unopened.
 * @returns path of each archive, by artifact name
 * @throws E_ARTIFACT where the service fails, or the bytes are not those that were uploaded
 */
export async function downloadArtifacts(
  host: Host,
  folder: string,
  wanted: (name: string) => boolean,
): Promise<Map<string, string>> {
  const client = new DefaultArtifactClient();
  const { artifacts } = await client.listArtifacts({ latest: true }).catch((thrown: unknown) => {
    const detail = messageOf(thrown);
    throw wheelsError("E_ARTIFACT", { doing: "Listing", name: "of this run", detail }, thrown);
  });
  const archives = new Map<string, string>();
  const chosen = artifacts.filter(({ name }) => wanted(name));
  for (const artifact of chosen.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (host.signal.aborted) throw wheelsError("E_INTERRUPTED", { during: "downloading artifacts" });
    const { name, digest } = artifact;
    // Artifact names are other jobs' texts: never a part of a path.
    const place = join(folder, createHash("sha256").update(name).digest("hex").slice(0, 16));
    await makeDir(place);
    const failed = (detail: string, cause?: unknown): never => {
      throw wheelsError("E_ARTIFACT", { doing: "Downloading", name, detail }, cause);
    };
    await client
      .downloadArtifact(artifact.id, { path: place, skipDecompress: true })
      .catch((thrown: unknown) => failed(messageOf(thrown), thrown));
    const [file] = await listDir(place);
    if (!file) return failed("The service sent nothing.");
    const path = join(place, basename(file.name));
    const sha256 = await fileSha256(path);
    if (digest && digest !== `sha256:${sha256}`)
      failed(`Its sha256 is ${sha256}; ${digest} was uploaded. It was cut short or changed on the way.`);
    archives.set(name, path);
  }
  return archives;
}
