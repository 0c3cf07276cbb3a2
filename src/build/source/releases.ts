import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { closest } from "fastest-levenshtein";
import { z } from "zod";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { makeDir, readTextIfAny, writeFileAtomic } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { askIndex } from "../../torch/ask-index.ts";
import { uvDefaultIndex } from "../../torch/index-settings.ts";
import { pipOf } from "../../torch/pip.ts";
import { findPython } from "../../torch/python.ts";
import { readUvConfig } from "../../torch/uv-config.ts";
import { compareVersions, isVersion } from "../../wheel/version.ts";

/** Seconds for one connection; a plan is worth no longer wait. */
const SECONDS = 10;

/** Every release counts, whatever Python pip runs on: the one that builds is chosen later. */
const ALL = ["--pre", "--ignore-requires-python"];

const kept = z.array(z.string());

async function keptVersions(path: string): Promise<string[]> {
  const text = await readTextIfAny(path).catch(() => null);
  try {
    return text === null ? [] : kept.parse(JSON.parse(text));
  } catch {
    return [];
  }
}

/** 0.32 is 0.32.0. Source: PEP 440, "Version specifiers", zero padding. */
const isAmong = (version: string, list: readonly string[]): boolean =>
  list.some((one) => isVersion(one) && compareVersions(one, version) === 0);

/** A plan does not fail for want of a cache. */
async function keep(path: string, versions: readonly string[]): Promise<void> {
  await makeDir(dirname(path));
  await writeFileAtomic(path, `${JSON.stringify(versions)}\n`);
}

/**
 * Refuses releases that the user's package index does not have, before anything is planned for them. The index is asked
 * once: what it has listed is kept, since releases stay.
 * An index that can't be asked, or UV_OFFLINE, is no refusal: the build will tell.
 * @throws E_VERSION_UNKNOWN
 */
export async function demandReleases(
  host: Host,
  project: string,
  versions: readonly string[],
): Promise<void> {
  if (versions.length === 0 || host.env["UV_OFFLINE"]) return;
  const own = ["UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"].some((name) => host.env[name]);
  // uv will look where pip, which is asked here, does not.
  if (own || (await readUvConfig(host)).namesPlaces) return;
  const pip = await pipOf(host, await findPython(host));
  const places = [pip.settings, uvDefaultIndex(host.env) ?? null];
  const key = createHash("sha256")
    .update(JSON.stringify([project, places]))
    .digest("hex");
  const path = join(host.cache, "releases", `${project}-${key.slice(0, 16)}.json`);
  const known = await keptVersions(path);
  if (versions.every((version) => isAmong(version, known))) return;
  const answer = await askIndex(host, pip, project, null, SECONDS, ALL);
  if (!answer.reached) {
    host.log.warn(
      `Whether there is ${project} ${versions.join(", ")} is not known: the package index can't be asked (${answer.problem})`,
    );
    return;
  }
  const [newest = null] = answer.versions;
  const missing = versions.find((version) => !isAmong(version, answer.versions));
  if (missing !== undefined) {
    const nearest = newest === null ? "" : closest(missing, answer.versions);
    throw wheelsError("E_VERSION_UNKNOWN", { project, version: missing, nearest, newest });
  }
  await keep(path, answer.versions).catch((thrown: unknown) => host.log.debug(messageOf(thrown)));
}
