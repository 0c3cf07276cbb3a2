import { join } from "node:path";
import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { tail } from "../../host/process.ts";
import { ensureUv } from "../../torch/uv.ts";
import { descriptionOf, type Headers, oneOf } from "../../wheel/metadata.ts";
import type { Candidate } from "../plan/planner.ts";

/** Status of a program below that says no. */
const REFUSED = 3;

/** What an index asks of a field by a library of its own; so the library is asked. */
interface Question {
  /** What is asked, as a warning names it. */
  about: string;
  /** The text that has to be asked about; null where the answer is known without. */
  doubtful: (document: Headers) => string | null;
  /** The library, as uv installs it. */
  library: string;
  /** Reads the text from the file that it is called with; ends with REFUSED and its reasons where the index refuses it. */
  program: string;
  /** The refusal, from these reasons. */
  problem: (said: string) => string;
}

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

const QUESTIONS: readonly Question[] = [
  {
    about: "the description renders",
    doubtful: doubtfulDescription,
    // What the index itself renders with, and `twine check` too.
    library: "readme-renderer==46.0",
    program: `
import io, sys
from readme_renderer.rst import render
said = io.StringIO()
with open(sys.argv[1], encoding="utf-8") as file:
    rendered = render(file.read(), stream=said)
print(said.getvalue())
sys.exit(${REFUSED} if rendered is None else 0)
`,
    problem: (said) =>
      `the description does not render as reStructuredText: ${said.replaceAll(/<string>:(\d+):/g, "line $1:")}`,
  },
  {
    about: "the licence expression is one",
    doubtful: (document) => oneOf(document, "License-Expression"),
    // It has SPDX's list of licences. Source: warehouse, forklift/metadata.py.
    library: "packaging==26.3",
    program: `
import sys
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
try:
    canonicalize_license_expression(text)
except InvalidLicenseExpression as problem:
    print(problem)
    sys.exit(${REFUSED})
`,
    problem: (said) => `License-Expression: ${said}`,
  },
];

/**
 * Refusals of the wheels of which an index's own libraries would refuse a field. Where a library can't be had, that is
 * said, and nothing is refused: the index still decides.
 */
export async function askedRefusals(
  host: Host,
  target: string,
  candidates: readonly Candidate[],
): Promise<WheelsError[]> {
  const refusals: WheelsError[] = [];
  for (const question of QUESTIONS) {
    const texts = new Map<string, Candidate[]>();
    for (const candidate of candidates) {
      const text = question.doubtful(candidate.document);
      if (text !== null) texts.set(text, [...(texts.get(text) ?? []), candidate]);
    }
    for (const [text, wheels] of texts) {
      const { code, stdout, stderr } = await ask(host, question, text);
      if (code === REFUSED) {
        const problems = [question.problem(stdout.trim())];
        refusals.push(
          ...wheels.map(({ fileName }) =>
            wheelsError("E_PUBLISH_RULES", { file: fileName, target, problems }),
          ),
        );
      } else if (code !== 0) {
        const why = tail({ stdout, stderr }, 1);
        host.log.warn(
          `Whether ${question.about} at ${target} was not asked: no ${question.library} (${why})`,
        );
      }
    }
  }
  return refusals;
}

async function ask(host: Host, { library, program }: Question, text: string) {
  const uv = await ensureUv(host);
  return host.scratch.withFolder("vllm-cpu-wheels-ask", async (folder) => {
    const path = join(folder, "text");
    await writeFile(path, text);
    const words = ["run", "--quiet", "--no-project", "--isolated", "--with", library];
    return uv.run([...words, "python", "-I", "-c", program, path], { cwd: folder });
  });
}
