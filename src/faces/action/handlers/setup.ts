import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { EXIT, type ExitCode } from "../../../errors/entry.ts";
import { exists, remove } from "../../../host/files.ts";
import { setup as setupJob } from "../../../jobs/setup.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import { parseCaching } from "../../../options/caching.ts";
import type { Values } from "../../../options/spec.ts";
import { parseTorch } from "../../../options/torch.ts";
import { parsePythons } from "../../../options/what.ts";
import { setupSummary } from "../../../report/job-summary.ts";
import { cacheOfRun } from "../caching.ts";
import type { GitHub } from "../github.ts";

type Inputs = Values<(typeof ACTIONS)["setup-cpu-torch"]["inputs"]>;

/** The same place for the same request: scripts of an environment name their own path, and the cache's key holds it. */
async function placeFor(github: GitHub, inputs: Inputs): Promise<string> {
  const request = createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 12);
  const venv = join(github.runnerTemp, `vllm-cpu-torch-${request}`);
  if (await exists(venv)) {
    github.host.log.info(`Removing ${venv}, which an earlier step or a job that was killed left`);
    await remove(venv);
  }
  github.leave(venv);
  return venv;
}

/** The setup-cpu-torch action. @throws what the setup job throws */
export async function setup(github: GitHub, inputs: Inputs): Promise<ExitCode> {
  const [version] = parsePythons(inputs["python-version"]);
  const made = await setupJob(github.host, {
    venv: await placeFor(github, inputs),
    python: version ?? null,
    torch: parseTorch(inputs),
    measuresSavings: inputs.savings,
    cache: await cacheOfRun(github, process.env, parseCaching(inputs)),
  });
  github.addPath(dirname(made.python));
  github.exportVariable("VIRTUAL_ENV", made.venv);
  github.output("torch-version", made.torch);
  github.output("python-path", made.python);
  github.output("venv", made.venv);
  github.output("cache-key", made.cacheKey);
  github.output("cache-hit", String(made.cacheHit));
  github.output("saved-bytes", made.savings ? String(made.savings.saved) : "");
  await github.summarize(setupSummary(made.torch, made.cacheHit, made.savings));
  return EXIT.ok;
}
