import { readFileSync } from "node:fs";
import { versionFilePath } from "../../host/resources.ts";

/** The first line of a step's log, before anything large is loaded, so that a slow runner doesn't look dead. */
export function greet(action: string): void {
  const { version } = JSON.parse(readFileSync(versionFilePath(), "utf8")) as { version: string };
  process.stdout.write(`vllm-cpu-actions ${version}: ${action}\n`);
}
