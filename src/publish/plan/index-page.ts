import { Parser } from "htmlparser2";
import { z } from "zod";
import { normalizeName } from "../../wheel/names.ts";

/** A file as an index lists it. */
export interface ListedFile {
  fileName: string;
  /** Absolute, without a fragment. */
  url: string;
  sha256: string | null;
  /** Bytes; null where the index does not tell. */
  size: number | null;
  requiresPython: string | null;
  /** Why it was withdrawn, perhaps an empty text; null where it was not. Source: PEP 592. */
  yanked: string | null;
}

/** What a server sent for a project's page. */
export interface SentPage {
  /** Where it came from, after redirects: what its links start from. */
  url: string;
  contentType: string;
  bytes: Uint8Array;
}

/** Source: PEP 691 and 700. */
const jsonSchema = z.object({
  meta: z.object({ "api-version": z.string() }),
  name: z.string().optional(),
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.record(z.string(), z.string()).default({}),
      size: z.number().nullish(),
      "requires-python": z.string().nullish(),
      yanked: z.union([z.string(), z.boolean()]).nullish(),
    }),
  ),
});

const TYPES = ["text/html", "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+json"];
const DISTRIBUTION = /\.(whl|egg|zip|tgz|tar|tar\.(gz|bz2|xz|lzma|Z)|exe|msi|rpm|deb|dmg)$/i;
const SHA256 = /[#&]sha256=([0-9a-f]{64})(?:&|$)/i;
/** What web servers put over a folder that they list: a plain folder of wheels is an index for pip and uv. */
const FOLDER_TITLE = /^(index of|directory listing for|listing of)\b/i;

/** The page's text. Throws an Error where its bytes are not of the charset that the server names, or of UTF-8. */
function textOf({ contentType, bytes }: SentPage): string {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`its bytes are not text in ${charset}, as its content type has it`);
  }
}

function demandVersion(version: string): void {
  // Source: PEP 629: another major version is not to be guessed at.
  if (!/^1(\.\d+)?$/.test(version.trim()))
    throw new Error(`it is of version ${version} of the repository API, not 1`);
}

function jsonFiles(text: string, url: string, project: string): ListedFile[] {
  const parsed = jsonSchema.safeParse(JSON.parse(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`it is not what PEP 691 describes: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { meta, name, files } = parsed.data;
  demandVersion(meta["api-version"]);
  if (name !== undefined && normalizeName(name) !== project) throw new Error(`it is the page of ${name}`);
  return files.map((file) => {
    const yanked = file.yanked === true ? "" : file.yanked || null;
    return {
      fileName: file.filename,
      url: new URL(file.url, url).href.replace(/#.*$/s, ""),
      sha256: file.hashes["sha256"] ?? null,
      size: file.size ?? null,
      requiresPython: file["requires-python"] || null,
      yanked,
    };
  });
}

/** What a page's tags hold of an index. */
interface Tags {
  base: string | null;
  anchors: Map<string, string>[];
  version: string | null;
  /** Texts of title and h1. */
  titles: string[];
}

function tagsOf(text: string): Tags {
  const tags: Tags = { base: null, anchors: [], version: null, titles: [] };
  let attributes = new Map<string, string>();
  let heading: string | null = null;
  const parser = new Parser({
    onopentagname: () => {
      attributes = new Map();
    },
    // As for pip: of an attribute that is there twice the last one counts, and one without a value (no quote, not even
    // "none") is not there.
    onattribute: (name, value, quote) => {
      if (quote === undefined) attributes.delete(name);
      else attributes.set(name, value);
    },
    onopentag: (name) => {
      if (name === "a") tags.anchors.push(attributes);
      if (name === "base") tags.base ??= attributes.get("href") ?? null;
      if (name === "meta" && attributes.get("name")?.toLowerCase() === "pypi:repository-version")
        tags.version = attributes.get("content") ?? "";
      if (name === "title" || name === "h1") heading = "";
    },
    ontext: (part) => {
      if (heading !== null) heading += part;
    },
    onclosetag: (name) => {
      if (heading === null || (name !== "title" && name !== "h1")) return;
      tags.titles.push(heading.replace(/\s+/g, " ").trim());
      heading = null;
    },
  });
  parser.end(text);
  return tags;
}

function unquoted(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A link as pip reads it: the file's name is that of its address, whatever text stands between the tags. */
function linkOf(anchor: ReadonlyMap<string, string>, base: string): ListedFile | null {
  const href = anchor.get("href") ?? "";
  if (href === "" || !URL.canParse(href, base)) return null;
  const url = new URL(href, base);
  const fileName = unquoted(url.pathname.replace(/\/+$/, "").split("/").at(-1) ?? "");
  if (fileName === "") return null;
  const { hash } = url;
  url.hash = "";
  return {
    fileName,
    url: url.href,
    sha256: SHA256.exec(hash)?.[1]?.toLowerCase() ?? null,
    size: null,
    requiresPython: anchor.get("data-requires-python") || null,
    yanked: anchor.get("data-yanked") ?? null,
  };
}

function htmlFiles(text: string, url: string, project: string): ListedFile[] {
  const { base, anchors, version, titles } = tagsOf(text);
  if (version !== null) demandVersion(version);
  const from = base && URL.canParse(base, url) ? new URL(base, url).href : url;
  const files = anchors.map((anchor) => linkOf(anchor, from)).filter((file) => file !== null);
  const isFile = ({ fileName }: ListedFile): boolean =>
    DISTRIBUTION.test(fileName) && normalizeName(fileName).startsWith(`${project}-`);
  const isNamed = titles.some((title) => {
    const [, named] = /^(?:simple )?(?:links|index) for (\S+)/i.exec(title) ?? [];
    return (named !== undefined && normalizeName(named) === project) || FOLDER_TITLE.test(title);
  });
  // A page of a project that has no file yet is an answer; a page of something else is not.
  if (version === null && !isNamed && !files.some(isFile)) {
    const shown = titles[0] ? `; its title is "${titles[0].slice(0, 80)}"` : "";
    throw new Error(
      `it has none of the marks of an index: no file of ${project}, no repository version${shown}`,
    );
  }
  return files;
}

/**
 * The files that a project's page lists, as pip and uv read them. Source: PEP 503 (HTML), 592, 629, 691 (JSON), 700;
 * pip's HTMLLinkParser.
 * Throws an Error with a plain message for what is no page of an index (a sign-in page, a listing in XML, another API's
 * JSON), because "no files" would be a wrong answer.
 * @param project its normalised name
 */
export function filesOfPage(page: SentPage, project: string): ListedFile[] {
  const type = page.contentType.toLowerCase();
  if (!TYPES.some((known) => type.startsWith(known)))
    throw new Error(`its content type is ${page.contentType || "not stated"}, which pip and uv don't read`);
  const text = textOf(page);
  return type.includes("+json") ? jsonFiles(text, page.url, project) : htmlFiles(text, page.url, project);
}
