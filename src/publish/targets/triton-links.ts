import { attempt } from "../../wheel/format-error.ts";
import { directsIn } from "../../wheel/install-commands.ts";
import { descriptionOf } from "../../wheel/metadata.ts";
import { parseWheelFileName } from "../../wheel/names.ts";
import { isFor, parseRequirement } from "../../wheel/requirement.ts";
import type { ListedFile } from "../plan/index-page.ts";
import type { Candidate } from "../plan/planner.ts";

/** Where its project releases it: an address in a description is anybody's, and whoever trusts an index trusts its links. */
const RELEASES = "https://github.com/triton-lang/triton-cpu/releases/download/";

/**
 * Builds of triton for CPUs that wheels name by their address, as vLLM's own wheel requires them and no index lets ours. As
 * `triton` X+cpu they go before the GPU's `triton` X, which other packages require (PEP 440, "Local version identifiers").
 * @returns by file name, each once; nothing that lies elsewhere than in triton-cpu's own releases
 */
export function tritonLinks(candidates: readonly Pick<Candidate, "document">[]): ListedFile[] {
  const found = new Map<string, ListedFile>();
  for (const { document } of candidates)
    for (const line of directsIn(descriptionOf(document))) {
      const requirement = attempt(() => parseRequirement(line));
      if (!requirement?.url || !isFor(requirement, "triton")) continue;
      const { url } = requirement;
      const fileName = url.slice(url.lastIndexOf("/") + 1);
      const isRelease =
        url.startsWith(RELEASES) && /^[\w.+-]+\/[\w.+-]+\.whl$/.test(url.slice(RELEASES.length));
      if (!isRelease || url.includes("/../") || attempt(() => parseWheelFileName(fileName)) === null)
        continue;
      found.set(fileName, { fileName, url, sha256: null, size: null, requiresPython: null, yanked: null });
    }
  return [...found.values()];
}
