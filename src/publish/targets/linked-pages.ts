import { z } from "zod";
import { escapeHtml } from "../../report/html.ts";
import type { ListedFile } from "../plan/index-page.ts";

const linkedSchema = z.object({
  meta: z.object({ "api-version": z.string() }),
  name: z.string(),
  /** Marks a page whose files lie elsewhere and whose proof is not ours. */
  _linked: z.literal(true),
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.record(z.string(), z.string()),
      "requires-python": z.string().optional(),
      size: z.number().optional(),
    }),
  ),
});

/** A project's page that only links to files of another index. */
export type LinkedPage = z.infer<typeof linkedSchema>;

/** Null for what is no such page. */
export function parseLinkedPage(text: string): LinkedPage | null {
  try {
    return linkedSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The page with these links added to those of an older one. Source: PEP 691; 1.0, since sizes may be unknown. */
export function linkedPage(
  name: string,
  before: LinkedPage | null,
  links: readonly ListedFile[],
): LinkedPage {
  const added = links.map(({ fileName, url, sha256, size, requiresPython }) => ({
    filename: fileName,
    url,
    hashes: sha256 === null ? {} : { sha256 },
    ...(requiresPython === null ? {} : { "requires-python": requiresPython }),
    ...(size === null ? {} : { size }),
  }));
  const names = new Set(added.map(({ filename }) => filename));
  const files = [...(before?.files ?? []).filter(({ filename }) => !names.has(filename)), ...added];
  return {
    meta: { "api-version": "1.0" },
    name,
    _linked: true,
    files: files.sort((a, b) => (a.filename < b.filename ? -1 : 1)),
  };
}

/** As HTML. Source: PEP 503. */
export function linkedHtml(page: LinkedPage): string {
  const items = page.files.map((file) => {
    const { sha256 } = file.hashes;
    const python = file["requires-python"];
    const href = `${file.url}${sha256 === undefined ? "" : `#sha256=${sha256}`}`;
    const requires = python === undefined ? "" : ` data-requires-python="${escapeHtml(python)}"`;
    return `<li><a href="${escapeHtml(href)}"${requires}>${escapeHtml(file.filename)}</a></li>`;
  });
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="pypi:repository-version" content="1.0"><title>Links for ${escapeHtml(page.name)}</title></head>
<body><h1>Links for ${escapeHtml(page.name)}</h1>
<p>CPU-only builds; the files lie on their own project's servers.</p>
<ul>
${items.join("\n")}
</ul>
</body>
</html>
`;
}
