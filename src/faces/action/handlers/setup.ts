import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { exists, remove } from "../../../host/files.ts";
import { setupEnvironment } from "../../../jobs/setup-use.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import type { Values } from "../../../options/options.ts";
import type { VenvCache } from "../../../torch/setup.ts";
import type { GitHub } from "../github.ts";
import { cacheTransfer } from "../runner-cache.ts";
import { setupSummary } from "../summary.ts";

/** The setup-cpu-torch action. @throws what setupTorch throws */
export async function setup(
  github: GitHub,
  inputs: Values<(typeof ACTIONS)["setup-cpu-torch"]["inputs"]>,
): Promise<ExitCode> {
  const { host } = github;
  // The same place for the same request: scripts of an environment name their own path, and the cache's key holds it.
  const request = createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 12);
  const venv = join(github.runnerTemp, `vllm-cpu-torch-${request}`);
  if (await exists(venv)) {
    host.log.info(`Removing ${venv}, which an earlier step or a job that was killed left`);
    await remove(venv);
  }
  github.leave(venv);
  const limits = { timeout: inputs["cache-timeout"] * 1000, temp: github.temp };
  const cache: VenvCache = {
    restore: (key, path) => cacheTransfer(host, { operation: "restore", path, key }, limits),
    async save(key, path) {
      await cacheTransfer(host, { operation: "save", path, key }, limits);
    },
  };
  const made = await setupEnvironment(
    host,
    { ...inputs, "cache-dir": null, json: false, help: false },
    venv,
    inputs.cache ? cache : null,
  );
  github.addPath(dirname(made.python));
  github.exportVariable("VIRTUAL_ENV", venv);
  github.output("torch-version", made.torch);
  github.output("python-path", made.python);
  github.output("venv", venv);
  github.output("cache-hit", String(made.cacheHit));
  github.output("saved-bytes", made.savings ? String(made.savings.saved) : "");
  await github.summarize(setupSummary(made.torch, made.cacheHit, made.savings));
  return EXIT.ok;
}
