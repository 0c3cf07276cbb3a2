import { z } from "zod";
import { escapeHtml } from "../../report/html.ts";
import { compareVersions, isVersion } from "../../wheel/version.ts";
import { shortfall } from "../gate/gate.ts";

const fileSchema = z.object({
  filename: z.string(),
  url: z.string(),
  hashes: z.object({ sha256: z.string() }),
  "requires-python": z.string().optional(),
  size: z.number(),
  "upload-time": z.string(),
  "core-metadata": z.object({ sha256: z.string() }),
  /** Where its attestations lie: a whole https address, as PEP 740 wants it. */
  provenance: z.string().optional(),
  /** Why it was withdrawn. Source: PEP 592. */
  yanked: z.string().optional(),
  // PEP 691 leaves keys that begin with an underscore to the index.
  _proof: z.object({
    level: z.string(),
    status: z.enum(["proven", "proven-emulated", "proven-but-isa"]),
    lacked: z.array(z.string()),
    /** ISA features that a CPU must have, as the manifest has them; missing on pages of older versions. */
    needs: z.array(z.string()).optional(),
    /** Bytes of an installation as it was measured when the wheel was proven, and without the CPU index. */
    download: z.object({ bytes: z.number(), plainBytes: z.number() }).optional(),
    /** What the wheel requires of torch's family, see torchNeeds; missing on pages of older versions. */
    torch: z.array(z.string()).optional(),
    time: z.string(),
    verdict: z.string(),
    /** The page for people; missing on pages of older versions. */
    report: z.string().optional(),
    /** The Sigstore bundle that signs the verdict, where it was demanded. */
    signature: z.string().optional(),
    /** The SBOM that is in the wheel, where it is one of ours (PEP 770). */
    sbom: z.string().optional(),
  }),
});

const projectSchema = z.object({
  meta: z.object({ "api-version": z.string() }),
  name: z.string(),
  versions: z.array(z.string()),
  files: z.array(fileSchema),
});

export type IndexFile = z.infer<typeof fileSchema>;

/** A project's page as JSON: PEP 691 with PEP 700's versions, sizes and upload times. */
export type ProjectPage = z.infer<typeof projectSchema>;

/** Throws SyntaxError or ZodError for what is no page of ours. */
export function parseProjectPage(text: string): ProjectPage {
  return projectSchema.parse(JSON.parse(text));
}

export const versionOf = (file: IndexFile): string => file.filename.split("-")[1] ?? "";

/** A project's page from its files; sorted, so that equal files give equal pages. */
export function projectPage(name: string, files: readonly IndexFile[]): ProjectPage {
  const versions = [...new Set(files.map(versionOf))].filter(isVersion).sort(compareVersions);
  return {
    // 1.3 brought provenance (PEP 740).
    meta: { "api-version": files.some(({ provenance }) => provenance !== undefined) ? "1.3" : "1.1" },
    name,
    versions,
    files: files.toSorted((a, b) => (a.filename < b.filename ? -1 : 1)),
  };
}

/** What is proven of a file, in words. */
export const proofText = ({ _proof: proof, yanked }: IndexFile): string =>
  yanked !== undefined
    ? `withdrawn: ${yanked}`
    : proof.status === "proven-but-isa"
      ? `proven from its bytes; ${shortfall(proof)}`
      : [`proven to level ${proof.level}`, shortfall(proof) ?? []].flat().join("; ");

const page = (title: string, body: string): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="pypi:repository-version" content="1.1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}li{margin:.4rem 0;overflow-wrap:anywhere}small{display:block;opacity:.75}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`;

/** A project's page as HTML. Source: PEP 503, PEP 658 and 714 (core metadata), PEP 629 (version). */
export function projectHtml(project: ProjectPage): string {
  const items = project.files.map((file) => {
    const metadata = `sha256=${file["core-metadata"].sha256}`;
    const python = file["requires-python"];
    const attributes = [
      `href="${escapeHtml(file.url)}#sha256=${file.hashes.sha256}"`,
      ...(python === undefined ? [] : [`data-requires-python="${escapeHtml(python)}"`]),
      `data-core-metadata="${metadata}"`,
      `data-dist-info-metadata="${metadata}"`,
      ...(file.provenance === undefined ? [] : [`data-provenance="${escapeHtml(file.provenance)}"`]),
      ...(file.yanked === undefined ? [] : [`data-yanked="${escapeHtml(file.yanked)}"`]),
    ];
    return `<li><a ${attributes.join(" ")}>${escapeHtml(file.filename)}</a><small>${escapeHtml(proofText(file))}</small></li>`;
  });
  return page(`Links for ${project.name}`, `<ul>\n${items.join("\n")}\n</ul>`);
}

/** The list of projects as JSON. Source: PEP 691, "Project List". */
export function rootJson(names: readonly string[]): string {
  return `${JSON.stringify({ meta: { "api-version": "1.1" }, projects: names.map((name) => ({ name })) }, null, 1)}\n`;
}
