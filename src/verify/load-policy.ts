import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { readText } from "../host/files.ts";
import { defaultPolicyPath } from "../host/resources.ts";
import { type Policy, parsePolicy, resolvePolicy } from "./policy.ts";
import type { Verdict } from "./verdict.ts";

/** A policy, and how a verdict names it. */
export interface LoadedPolicy {
  policy: Policy;
  identity: Verdict["predicate"]["policy"];
}

const DEFAULT_URI = "https://github.com/org/vllm-cpu-actions/policy/default";

async function readPolicy(path: string, shown: string): Promise<string> {
  try {
    return await readText(path);
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw wheelsError("E_POLICY_UNREADABLE", { file: shown, detail }, thrown);
  }
}

/**
 * The default policy, with the user's own over it. Its digest is over all that judges: the policy with nothing left
 * open, so that two files which say the same have one digest.
 * @param own path of the user's policy, relative to cwd, or null
 * @throws E_POLICY, E_POLICY_UNREADABLE
 */
export async function loadPolicy(cwd: string, own: string | null, strict = false): Promise<LoadedPolicy> {
  const path = defaultPolicyPath();
  const layers = [parsePolicy("policy.yml", await readPolicy(path, "policy.yml"))];
  if (own !== null) layers.push(parsePolicy(own, await readPolicy(resolve(cwd, own), own)));
  if (strict) layers.push({ version: 1, strict: true });
  const policy = resolvePolicy(...layers);
  const sha256 = createHash("sha256").update(JSON.stringify(policy)).digest("hex");
  const uri = layers.length === 1 ? DEFAULT_URI : `${DEFAULT_URI}#with-changes`;
  return { policy, identity: { uri, digest: { sha256 } } };
}

/** @throws E_POLICY, E_POLICY_UNREADABLE where the installation is incomplete */
export function defaultPolicy(): Promise<LoadedPolicy> {
  return loadPolicy("", null);
}
