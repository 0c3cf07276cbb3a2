import { fileURLToPath } from "node:url";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { type RunResult, run, tail } from "../../host/process.ts";
import { shownUrl } from "../../host/urls.ts";

/** How a user's git reaches repositories; other variables of git's would have it look at another one. Source: git(1), ENVIRONMENT. */
const KEPT = /^GIT_(SSH|SSL_|ASKPASS|PROXY|HTTP_|CONFIG_|CONFIG$|TRACE)/;

/** Characters kept of git's answers: lists of files are long, and one that was cut would pass for the whole. */
const ANSWER = 512 * 1024 * 1024;

function gitEnv(host: Host): Record<string, string | undefined> {
  const kept = Object.entries(host.env).filter(([name]) => !name.startsWith("GIT_") || KEPT.test(name));
  return {
    ...Object.fromEntries(kept),
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    LC_ALL: "C.UTF-8",
  };
}

/**
 * Runs git in a folder.
 * @param accepted exit statuses that are an answer; anything else is an error, never "no"
 * @throws E_GIT with git's own words, E_TOOL_MISSING
 */
export async function git(
  host: Host,
  folder: string,
  args: readonly string[],
  accepted: readonly number[] = [0],
): Promise<RunResult> {
  const result = await run(host, "git", ["-C", folder, ...args], { env: gitEnv(host), keep: ANSWER });
  if (result.code === null || !accepted.includes(result.code))
    throw wheelsError("E_GIT", { what: args.map(shownUrl).join(" "), detail: tail(result) });
  return result;
}

/** Git's one-line answer. @throws E_GIT */
export async function gitLine(host: Host, folder: string, args: readonly string[]): Promise<string> {
  return (await git(host, folder, args)).stdout.trim();
}

/** Git's answer to a question with `-z`. @throws E_GIT */
export async function gitList(host: Host, folder: string, args: readonly string[]): Promise<string[]> {
  const { stdout } = await git(host, folder, args);
  return stdout
    .replace(/\n$/, "")
    .split("\0")
    .filter((item) => item !== "");
}

/** A local path of a git URL, which needs no fetch of everything. */
export const gitUrl = (repository: string): string =>
  repository.startsWith("file://") ? fileURLToPath(repository) : repository;

/** What a name stands for in a repository now. */
export interface ResolvedRef {
  /** Hexadecimal. */
  commit: string;
  /** Such as refs/tags/v1.0; null where a commit was named. */
  name: string | null;
  /** All tags and their commits, from which a version may be computed. */
  tags: string[];
}

const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * Asks a repository once what a tag, branch or commit stands for: names move.
 * Source: gitrevisions(7), the order in which a name is looked up.
 * @throws E_GIT where it can't be asked, or has no such ref
 */
export async function resolveRef(host: Host, repository: string, ref: string): Promise<ResolvedRef> {
  const { stdout } = await git(host, host.cwd, ["ls-remote", "--quiet", gitUrl(repository)]);
  const refs = new Map<string, string>();
  for (const line of stdout.split("\n")) {
    const [commit, name] = line.split("\t");
    if (commit && name) refs.set(name, commit);
  }
  const tags = [...refs]
    .filter(([name]) => name.startsWith("refs/tags/"))
    .map(([name, id]) => `${name} ${id}`);
  if (COMMIT.test(ref)) return { commit: ref, name: null, tags };
  for (const name of [ref, `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`]) {
    const commit = refs.get(`${name}^{}`) ?? refs.get(name);
    if (commit) return { commit, name: name === "HEAD" ? null : name, tags };
  }
  throw wheelsError("E_GIT", {
    what: `ls-remote ${shownUrl(repository)}`,
    detail: `It has no tag and no branch ${ref}. A commit is written with all of its 40 digits.`,
  });
}
