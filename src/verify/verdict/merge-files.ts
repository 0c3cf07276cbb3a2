import { basename } from "node:path";
import { z } from "zod";
import { wheelsError } from "../../errors/wheels-error.ts";
import { readText, writeFileAtomic } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { mergeVerdicts, type NamedVerdict } from "./merge.ts";
import { type Verdict, verdictSchema } from "./verdict.ts";

/** @throws E_VERDICT_INVALID */
async function readVerdict(path: string): Promise<NamedVerdict> {
  const invalid = (detail: string, cause?: unknown) =>
    wheelsError("E_VERDICT_INVALID", { verdict: path, detail }, cause);
  let document: unknown;
  try {
    document = JSON.parse(await readText(path));
  } catch (thrown) {
    throw invalid(thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
  const parsed = verdictSchema.safeParse(document);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error));
  const ids = parsed.data.predicate.checks.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice) throw invalid(`It answers ${twice} more than once.`);
  return { file: path, verdict: parsed.data };
}

/**
 * Reads verdicts, merges them and writes the result.
 * @param output where it goes; null to write nothing
 * @throws E_USAGE for none, E_VERDICT_INVALID, E_MERGE_OTHER_WHEEL, E_MERGE_CONTRADICTION
 */
export async function mergeFiles(
  host: Host,
  files: readonly string[],
  output: string | null,
): Promise<Verdict> {
  const verdicts = await Promise.all(files.map(readVerdict));
  const [first, ...rest] = verdicts;
  if (!first || rest.length === 0) {
    throw wheelsError("E_USAGE", {
      problem: "merge takes two or more verdicts.",
      hint: "vllm-cpu-wheels merge one/x.whl.verdict.json other/x.whl.verdict.json",
    });
  }
  const merged = mergeVerdicts([first, ...rest]);
  if (output !== null) {
    await writeFileAtomic(output, `${JSON.stringify(merged, null, 2)}\n`);
    host.log.info(`${files.length} verdicts merged into ${basename(output)}`);
  }
  return merged;
}
