import { fileURLToPath } from "node:url";
import { wheelsError } from "../../errors/wheels-error.ts";
import { git } from "../../host/git.ts";
import type { Host } from "../../host/host.ts";
import { shownUrl } from "../../host/network/urls.ts";

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
