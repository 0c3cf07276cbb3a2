import type { Host } from "../host/host.ts";
import { shownUrl } from "../host/network/urls.ts";
import { tail } from "../host/process.ts";
import { uvDefaultIndex } from "./index-settings.ts";
import type { Pip } from "./pip.ts";

/** What pip, with the user's own settings, hears from an index. */
export interface IndexAnswer {
  /** What was asked, without a password; null for the index that the user's settings name. */
  index: string | null;
  /** Whether it answered, be it with a page that holds nothing for this Python. */
  reached: boolean;
  /** Why a page could not be fetched, or what it lacks; null where all is well. */
  problem: string | null;
  /** The versions that pip found, newest first, in this index or in the user's find-links. */
  versions: string[];
}

/** Of pip's chain of causes the last one: it says what a person can mend. */
function rootCause(reason: string): string {
  const [, cause] = /: ((?:\[Errno -?\d+\] )?[^:'"]+)['"]\)+$/.exec(reason) ?? [];
  return (cause ?? reason).replace(/^\[Errno -?\d+\] /, "").slice(0, 120);
}

/** Reads what `pip index versions -vv` prints. */
export function parseIndexAnswer(index: string | null, output: string): IndexAnswer {
  const [, reason] = /^Could not fetch URL \S+: (.*) - skipping$/m.exec(output) ?? [];
  const [, versions = ""] = /^Available versions: (.*)$/m.exec(output) ?? [];
  const problem = reason === undefined ? null : rootCause(reason);
  return {
    index,
    reached: problem === null,
    problem,
    versions: versions.split(", ").filter((version) => version !== ""),
  };
}

/**
 * Asks an index for a project through pip, so that proxies, certificates, passwords and mirrors count as they will later.
 * @param index URL, or folder of wheels; null for the index of UV_DEFAULT_INDEX, UV_INDEX_URL, PIP_* or pip.conf
 * @param seconds of waiting for one connection, without another try
 * @param more arguments of `pip index versions`
 */
export async function askIndex(
  host: Host,
  pip: Pip,
  project: string,
  index: string | null,
  seconds: number,
  more: readonly string[] = [],
): Promise<IndexAnswer> {
  const url = index ?? uvDefaultIndex(host.env);
  const isFolder = url !== undefined && !/^[a-z][a-z0-9+.-]*:\/\//i.test(url);
  const place = isFolder ? ["--no-index", "--find-links", url] : [];
  const args = [
    "index",
    "versions",
    project,
    "-vv",
    "--retries",
    "0",
    "--timeout",
    String(seconds),
    ...more,
    ...place,
  ];
  if (!pip.isThere) return { index: null, reached: false, problem: "this Python has no pip", versions: [] };
  const result = await pip.run(args, {
    timeout: 4 * seconds * 1000,
    // Its password is in no argument, which every process of this machine could read.
    ...(url !== undefined && !isFolder ? { indexUrl: url } : {}),
  });
  const answer = parseIndexAnswer(
    index === null ? null : shownUrl(index),
    `${result.stdout}\n${result.stderr}`,
  );
  if (result.timedOut) return { ...answer, reached: false, problem: `no answer within ${4 * seconds} s` };
  if (result.code !== 0 && answer.problem === null) {
    const isNo = /No matching distribution found|Could not find a version/i.test(result.stderr);
    return isNo
      ? { ...answer, problem: `it has no ${project} for this Python` }
      : { ...answer, reached: false, problem: `pip failed: ${tail(result, 2)}` };
  }
  return answer;
}
