import { z } from "zod";
import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";
import { fetchText } from "../host/http.ts";
import { shownUrl } from "../host/urls.ts";
import { normalizeName } from "../wheel/names.ts";
import { parseTarget } from "./targets/parse.ts";

const ACCEPT =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

const pageSchema = z.object({ files: z.array(z.object({ filename: z.string() })) });

/** File names of a project's page. Source: PEP 691 (JSON), PEP 503 (HTML: the text of each anchor). */
export function fileNamesOf(contentType: string, text: string): string[] {
  if (contentType.includes("json"))
    return pageSchema.parse(JSON.parse(text)).files.map(({ filename }) => filename);
  return [...text.matchAll(/<a\b[^>]*>([^<]*)<\/a>/gi)].map(([, name = ""]) => name.trim());
}

async function listedAt(host: Host, base: string, project: string): Promise<string[]> {
  const url = `${base.replace(/\/+$/, "")}/${normalizeName(project)}/`;
  try {
    const page = await fetchText(host, url, ACCEPT);
    if (page.status === 404) return [];
    if (page.status >= 400) throw new Error(`It answered with status ${page.status}.`);
    return fileNamesOf(page.contentType, page.text);
  } catch (thrown) {
    const reason = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
    const detail = reason instanceof Error ? reason.message : String(reason);
    throw wheelsError("E_INDEX_READ", { index: shownUrl(base), detail }, thrown);
  }
}

/**
 * Names of the wheels that an index holds of some projects.
 * @param index URL of a simple index, or a publish target such as index:DIR
 * @throws E_INDEX_READ, E_PUBLISH_TARGET
 */
export async function listWheels(host: Host, index: string, projects: readonly string[]): Promise<string[]> {
  const names = /^https?:\/\//i.test(index)
    ? (await Promise.all(projects.map((project) => listedAt(host, index, project)))).flat()
    : [...(await parseTarget(host, index).existing(projects.map(normalizeName))).keys()];
  return names.filter((name) => name.endsWith(".whl"));
}
