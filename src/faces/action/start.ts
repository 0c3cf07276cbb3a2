import { readFileSync } from "node:fs";
import { versionFilePath } from "../../host/resources.ts";
import type { ActionName } from "../../options/actions.ts";

/**
 * Runs an action as the step of a workflow. Its first line is printed before anything large is loaded, so that a slow
 * runner doesn't look dead.
 */
export async function startAction(name: ActionName): Promise<void> {
  const { version } = JSON.parse(readFileSync(versionFilePath(), "utf8")) as { version: string };
  process.stdout.write(`vllm-cpu-actions ${version}: ${name}\n`);
  await (await import("./action.ts")).runAction(name);
}
