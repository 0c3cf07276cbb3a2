import type { ExitCode } from "../../errors/entry.ts";
import { asFailure } from "../../errors/wheels-error.ts";
import { remove, UMASK } from "../../host/files.ts";
import { abortOnSignals } from "../../host/signals.ts";
import { ACTIONS, type ActionName } from "../../options/actions.ts";
import { readInputs } from "../../options/options.ts";
import { createGitHub, type GitHub, showFailure } from "./github.ts";

/** Each action loads only its own part of the engine. */
async function handle(name: ActionName, github: GitHub): Promise<ExitCode> {
  const { env } = process;
  switch (name) {
    case "plan":
      return (await import("./handlers/plan.ts")).plan(github, readInputs(ACTIONS.plan, env));
    case "setup-cpu-torch":
      return (await import("./handlers/setup.ts")).setup(github, readInputs(ACTIONS["setup-cpu-torch"], env));
    case "build-variant":
      return (await import("./handlers/build.ts")).build(github, readInputs(ACTIONS["build-variant"], env));
    case "verify-torch-cpu":
      return (await import("./handlers/verify.ts")).verify(
        github,
        readInputs(ACTIONS["verify-torch-cpu"], env),
      );
    case "publish-wheel":
      return (await import("./handlers/publish.ts")).publish(
        github,
        readInputs(ACTIONS["publish-wheel"], env),
      );
  }
}

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
    process.exitCode = await handle(name, github);
  } catch (thrown) {
    const error = asFailure(thrown, controller.signal, name);
    await showFailure(process.env, error);
    github?.host.log.debug(`${error.stack}\n${error.cause instanceof Error ? error.cause.stack : ""}`);
    process.exitCode = error.exit;
  } finally {
    if (github) await remove(github.temp);
  }
}
