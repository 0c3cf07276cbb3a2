import { z } from "zod";
import { rootMessageOf } from "../../errors/thrown.ts";
import { isWheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { ask } from "../../host/ask.ts";
import type { Host } from "../../host/host.ts";
import { hashOfUrl } from "../../host/http.ts";
import { shownUrl } from "../../host/urls.ts";
import { normalizeName } from "../../wheel/names.ts";
import type { Existing } from "./planner.ts";

const ACCEPT =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

const pageSchema = z.object({
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string().default(""),
      hashes: z.record(z.string(), z.string()).default({}),
      size: z.number().nullish(),
      "requires-python": z.string().nullish(),
    }),
  ),
});

/** A file as an index lists it. */
export interface ListedFile {
  fileName: string;
  /** Absolute. */
  url: string;
  sha256: string | null;
  /** Bytes; null where the index does not tell. */
  size: number | null;
  requiresPython: string | null;
}

const unescapeHtml = (text: string): string =>
  text.replace(
    /&(?:amp|lt|gt|quot|#39);/g,
    (entity) => ({ "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" })[entity] ?? entity,
  );

/**
 * Files of a project's page. Source: PEP 691 (JSON), PEP 503 (HTML: the text and the href of each anchor).
 * @param base URL of the page, which relative links start from
 */
export function filesOf(contentType: string, text: string, base: string): ListedFile[] {
  if (contentType.includes("json"))
    return pageSchema.parse(JSON.parse(text)).files.map((file) => ({
      fileName: file.filename,
      url: new URL(file.url, base).href,
      sha256: file.hashes["sha256"] ?? null,
      size: file.size ?? null,
      requiresPython: file["requires-python"] ?? null,
    }));
  return [...text.matchAll(/<a\b([^>]*)>([^<]*)<\/a>/gi)].map(([, attributes = "", name = ""]) => {
    const attribute = (wanted: string): string | null => {
      const found = new RegExp(`\\b${wanted}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, "i").exec(attributes);
      return found ? unescapeHtml(found[1] ?? found[2] ?? "") : null;
    };
    const url = new URL(attribute("href") ?? "", base);
    return {
      fileName: unescapeHtml(name.trim()),
      url: url.href.replace(/#.*$/, ""),
      sha256: /sha256=([0-9a-f]{64})/.exec(url.hash)?.[1] ?? null,
      size: null,
      requiresPython: attribute("data-requires-python"),
    };
  });
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
    if (page.status >= 400) throw new Error(`It answered with status ${page.status}.`);
    return filesOf(page.contentType, page.text, url);
  } catch (thrown) {
    if (isWheelsError(thrown)) throw thrown;
    throw wheelsError("E_INDEX_READ", { index: shownUrl(index), detail: rootMessageOf(thrown) }, thrown);
  }
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
      await hashOfUrl(host, url).catch((thrown: unknown) => {
        if (isWheelsError(thrown)) throw thrown;
        throw wheelsError("E_INDEX_READ", { index: shownUrl(index), detail: rootMessageOf(thrown) }, thrown);
      }),
    ];
  });
  return new Map(await Promise.all(known));
}
