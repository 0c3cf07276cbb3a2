import { join } from "node:path";
import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { tail } from "../../host/process.ts";
import { ensureUv } from "../../torch/uv.ts";
import { descriptionOf, type Headers, oneOf } from "../../wheel/metadata.ts";
import type { Candidate } from "../plan/planner.ts";

/** What the index itself renders with, and `twine check` too. */
const RENDERER = "readme-renderer==46.0";
const DOES_NOT_RENDER = 3;
const PROGRAM = `
import io, sys
from readme_renderer.rst import render
said = io.StringIO()
with open(sys.argv[1], encoding="utf-8") as file:
    rendered = render(file.read(), stream=said)
print(said.getvalue())
sys.exit(${DOES_NOT_RENDER} if rendered is None else 0)
`;

/** Lines in which reStructuredText finds no markup. */
const PLAIN_LINE = /^(?:[A-Za-z][A-Za-z0-9 ,;!?'"/]*\.?)?$/;

/**
 * A description that has to be rendered before it is known to render; null for one that always does: plain text,
 * Markdown, and paragraphs without markup. Source: core metadata, "Description-Content-Type"; twine, commands/check.py.
 */
export function doubtfulDescription(document: Headers): string | null {
  const stated = (oneOf(document, "Description-Content-Type") ?? "text/x-rst")
    .split(";")[0]
    ?.trim()
    .toLowerCase();
  const text = descriptionOf(document);
  if (stated !== "text/x-rst" || text.trim() === "") return null;
  return text.split(/\r?\n/).every((line) => PLAIN_LINE.test(line)) ? null : text;
}

/**
 * Refusals of the wheels whose reStructuredText an index would not render. Where the renderer can't be had, that is
 * said, and nothing is refused: the index still decides.
 */
export async function renderRefusals(
  host: Host,
  target: string,
  candidates: readonly Candidate[],
): Promise<WheelsError[]> {
  const texts = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const text = doubtfulDescription(candidate.document);
    if (text !== null) texts.set(text, [...(texts.get(text) ?? []), candidate]);
  }
  if (texts.size === 0) return [];
  const uv = await ensureUv(host);
  const refusals: WheelsError[] = [];
  for (const [text, wheels] of texts) {
    const { code, stdout, stderr } = await host.scratch.withFolder(
      "vllm-cpu-wheels-render",
      async (folder) => {
        const path = join(folder, "description.rst");
        await writeFile(path, text);
        const words = ["run", "--quiet", "--no-project", "--isolated", "--with", RENDERER];
        return uv.run([...words, "python", "-I", "-c", PROGRAM, path], { cwd: folder });
      },
    );
    if (code === DOES_NOT_RENDER) {
      const said = stdout.trim().replaceAll(/<string>:(\d+):/g, "line $1:");
      const problems = [`the description does not render as reStructuredText: ${said}`];
      refusals.push(
        ...wheels.map(({ fileName }) => wheelsError("E_PUBLISH_RULES", { file: fileName, target, problems })),
      );
    } else if (code !== 0) {
      const why = tail({ stdout, stderr }, 1);
      host.log.warn(`Whether the description renders at ${target} was not asked: no ${RENDERER} (${why})`);
    }
  }
  return refusals;
}
