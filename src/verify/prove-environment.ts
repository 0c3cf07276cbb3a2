import { join, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { exists } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { findPython } from "../torch/python.ts";
import type { LoadedPolicy } from "./policy/load-policy.ts";
import { applyPolicy } from "./policy/policy.ts";
import type { ProofDepth } from "./prove.ts";
import { environmentChecks, environmentOutcome } from "./runtime/environment.ts";
import type { Result } from "./verdict/result.ts";

/** @throws E_PYTHON_MISSING where the folder is no virtual environment */
async function interpreterOf(host: Host, environment: string): Promise<string> {
  if (environment === "current") return findPython(host);
  const python = join(resolve(host.cwd, environment), "bin", "python");
  if (await exists(python)) return python;
  throw wheelsError("E_PYTHON_MISSING", {
    wanted: python,
    detail: `${environment} is no virtual environment.`,
  });
}

/**
 * What an environment is, as far as the depth asks.
 * @param environment folder of a virtual environment, or `current` for the Python on PATH
 * @throws E_PYTHON_MISSING, what {@link environmentChecks} throws
 */
export async function proveEnvironment(
  host: Host,
  environment: string,
  { level, settings }: ProofDepth,
  { policy }: LoadedPolicy,
): Promise<Result> {
  const python = await interpreterOf(host, environment);
  const { checks: answers, torch } = await environmentChecks(host, python, level, settings);
  const checks = applyPolicy(policy, answers);
  return {
    wheel: null,
    sha256: null,
    environment,
    variant: null,
    result: environmentOutcome(policy, checks),
    // The gate is a part of level import; there are no bytes of a wheel to look at.
    level: level === "static" ? "import" : level,
    torch,
    checks,
    isa: { claimed: [], found: {}, files: [] },
  };
}
