import { isTransient } from "../../host/network/backoff.ts";
import type { RunResult } from "../../host/process.ts";

/** What became of one `uv publish`. */
export type UploadOutcome =
  | { kind: "taken" }
  /** Another try may go through; the bytes may have arrived all the same. */
  | { kind: "fault"; detail: string }
  /** Who we are, or what we may do. */
  | { kind: "denied"; detail: string }
  /** The index says that it has a file of this name. */
  | { kind: "there"; detail: string }
  | { kind: "rejected"; detail: string };

/** Servers' words for a name that is taken: warehouse, pypiserver, devpi, Artifactory, Nexus, GitLab. */
const TAKEN = /already exist|already been|already used|file name .* reuse|does not allow updating|is taken/i;

/** uv's message, a line a cause, without its `error:` and `cause:`. */
function messageOf({ stderr, stdout }: Pick<RunResult, "stdout" | "stderr">): string {
  const lines = (stderr.trim() || stdout.trim()).split("\n").map((line) => line.trim());
  const from = lines.findIndex((line) => /^error:/i.test(line));
  return lines
    .slice(Math.max(0, from))
    .map((line) => line.replace(/^(error|cause|caused by):\s*/i, ""))
    .join("; ")
    .slice(0, 2000);
}

/**
 * Reads the outcome of one `uv publish` from its status and messages.
 * @param secrets texts that never may be shown
 */
export function uploadOutcome(
  result: Pick<RunResult, "code" | "stdout" | "stderr">,
  secrets: readonly string[],
): UploadOutcome {
  if (result.code === 0) return { kind: "taken" };
  let detail = messageOf(result);
  for (const secret of secrets) if (secret !== "") detail = detail.replaceAll(secret, "***");
  const status = Number(/status code:? (\d{3})/i.exec(detail)?.[1] ?? 0);
  if (status === 0 && /error sending request|client error|timed out|connection/i.test(detail))
    return { kind: "fault", detail };
  if (status === 0 && /trusted publishing|OIDC|token|credentials|mint/i.test(detail))
    return { kind: "denied", detail };
  if (status === 0) return { kind: "rejected", detail };
  if (isTransient(status)) return { kind: "fault", detail };
  if (status === 409 || TAKEN.test(detail)) return { kind: "there", detail };
  return { kind: status === 401 || status === 403 ? "denied" : "rejected", detail };
}
