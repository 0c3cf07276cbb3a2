import { messageOf, rootMessageOf } from "../../errors/thrown.ts";
import { isWheelsError, wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { ask } from "../../host/network/ask.ts";
import { hashOfUrl } from "../../host/network/http.ts";
import { shownUrl } from "../../host/network/urls.ts";
import { normalizeName } from "../../wheel/names.ts";
import { filesOfPage, type ListedFile } from "./index-page.ts";
import type { Existing } from "./planner.ts";

const ACCEPT =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/** Where a redirect led, without its query, which may hold a token. */
function viaOf(asked: string, came: string): string {
  const [from, to] = [new URL(asked), new URL(came)];
  if (from.host === to.host && from.pathname === to.pathname) return "";
  return `, and comes from ${to.origin}${to.pathname}`;
}

/**
 * A project's files at a simple index; an empty list where it has no such project.
 * @param index URL, up to the project's name
 * @throws E_INDEX_READ, E_CLOCK
 */
export async function listedAt(host: Host, index: string, project: string): Promise<ListedFile[]> {
  const url = `${index.replace(/\/+$/, "")}/${normalizeName(project)}/`;
  try {
    const page = await ask(host, url, { headers: { accept: ACCEPT, "cache-control": "no-cache" } });
    if (page.status === 404) return [];
    if (page.status !== 200) throw new Error(`It answered with status ${page.status}.`);
    try {
      return filesOfPage(page, normalizeName(project));
    } catch (thrown) {
      throw new Error(`What it sent is no page of an index${viaOf(url, page.url)}: ${messageOf(thrown)}.`);
    }
  } catch (thrown) {
    if (isWheelsError(thrown)) throw thrown;
    throw wheelsError("E_INDEX_READ", { index: shownUrl(index), detail: rootMessageOf(thrown) }, thrown);
  }
}

/** A file's URL with the index's user name and password, where the file lies on the same host: a private index wants them. */
function withUserOf(index: string, file: string): string {
  const [from, to] = [new URL(index), new URL(file)];
  if (from.host !== to.host || to.username !== "") return file;
  [to.username, to.password] = [from.username, from.password];
  return to.href;
}

/**
 * sha256 by file name of what an index has. A file that is listed without one is fetched and hashed.
 * @param wanted names whose bytes matter; of the others only their presence does
 * @throws E_INDEX_READ
 */
export async function existingAt(
  host: Host,
  index: string,
  projects: readonly string[],
  wanted: ReadonlySet<string>,
): Promise<Map<string, Existing>> {
  const files = (await Promise.all(projects.map((project) => listedAt(host, index, project)))).flat();
  const known = files.map(async ({ fileName, sha256, size, url }): Promise<[string, Existing]> => {
    if (sha256 !== null || !wanted.has(fileName))
      return [fileName, { sha256: sha256 ?? "", size: size ?? 0 }];
    return [
      fileName,
      await hashOfUrl(host, withUserOf(index, url)).catch((thrown: unknown) => {
        if (isWheelsError(thrown)) throw thrown;
        throw wheelsError("E_INDEX_READ", { index: shownUrl(index), detail: rootMessageOf(thrown) }, thrown);
      }),
    ];
  });
  return new Map(await Promise.all(known));
}
