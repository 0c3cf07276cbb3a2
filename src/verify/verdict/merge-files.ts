import { basename } from "node:path";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { readText, writeFileAtomic } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { mergeVerdicts, type NamedVerdict } from "./merge.ts";
import { parseVerdict } from "./read-verdict.ts";
import type { Verdict } from "./verdict.ts";

/** @throws E_VERDICT_INVALID, E_VERDICT_OLDER */
async function readNamed(path: string): Promise<NamedVerdict> {
  const text = await readText(path).catch((thrown: unknown) => {
    const detail = messageOf(thrown);
    throw wheelsError("E_VERDICT_INVALID", { verdict: path, detail }, thrown);
  });
  const verdict = parseVerdict(path, text);
  if (verdict instanceof Error) throw verdict;
  const ids = verdict.predicate.checks.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice)
    throw wheelsError("E_VERDICT_INVALID", { verdict: path, detail: `It answers ${twice} more than once.` });
  return { file: path, verdict };
}

/**
 * Reads verdicts, merges them and writes the result.
 * @param output where it goes; null to write nothing
 * @throws E_USAGE for none, E_VERDICT_INVALID, E_VERDICT_OLDER, E_MERGE_OTHER_WHEEL, E_MERGE_CONTRADICTION
 */
export async function mergeFiles(
  host: Host,
  files: readonly string[],
  output: string | null,
): Promise<Verdict> {
  const verdicts = await Promise.all(files.map(readNamed));
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
