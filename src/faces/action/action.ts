import type { ExitCode } from "../../errors/entry.ts";
import { asFailure } from "../../errors/wheels-error.ts";
import { remove, UMASK } from "../../host/files.ts";
import { abortOnSignals } from "../../host/signals.ts";
import { ACTIONS, type ActionName } from "../../options/actions.ts";
import { readInputs } from "../../options/inputs.ts";
import { errorStack } from "../../report/error-text.ts";
import { createGitHub, type GitHub, showFailure } from "./github.ts";

type Env = NodeJS.ProcessEnv;

/** Every action: its inputs, read once, to its exit status. Each loads only its own part of the engine. */
const HANDLERS: Readonly<Record<ActionName, (github: GitHub, env: Env) => Promise<ExitCode>>> = {
  plan: async (github, env) =>
    (await import("./handlers/plan.ts")).plan(github, readInputs(ACTIONS.plan, env)),
  "setup-cpu-torch": async (github, env) =>
    (await import("./handlers/setup.ts")).setup(github, readInputs(ACTIONS["setup-cpu-torch"], env)),
  "build-variant": async (github, env) =>
    (await import("./handlers/build.ts")).build(github, readInputs(ACTIONS["build-variant"], env)),
  "verify-torch-cpu": async (github, env) =>
    (await import("./handlers/verify.ts")).verify(github, readInputs(ACTIONS["verify-torch-cpu"], env)),
  "publish-wheel": async (github, env) =>
    (await import("./handlers/publish.ts")).publish(github, readInputs(ACTIONS["publish-wheel"], env)),
};

/** Runs one action as a step: every error becomes an annotation and the head of the summary. */
export async function runAction(name: ActionName): Promise<void> {
  process.umask(UMASK);
  let github: GitHub | null = null;
  const controller = abortOnSignals(
    () => github?.host.scratch ?? null,
    (signal) => process.stdout.write(`${signal}: stopping and cleaning up\n`),
  );
  try {
    github = await createGitHub(controller.signal);
    process.exitCode = await HANDLERS[name](github, process.env);
  } catch (thrown) {
    const error = asFailure(thrown, controller.signal, name);
    await showFailure(process.env, error);
    github?.host.log.debug(errorStack(error));
    process.exitCode = error.exit;
  } finally {
    if (github) await remove(github.temp);
  }
}
