import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { readText } from "../../host/files.ts";
import { defaultPolicyPath } from "../../host/resources.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { gapsLayer, type Policy, parsePolicy, resolvePolicy } from "./policy.ts";

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
    const detail = messageOf(thrown);
    throw wheelsError("E_POLICY_UNREADABLE", { file: shown, detail }, thrown);
  }
}

/** What a user laid over the default policy; null and false for nothing. */
export interface PolicyRequest {
  /** Path of a policy, relative to the working folder. */
  policy: string | null;
  strict: boolean;
  /** ISA features, or `own-contract`, whose absence here may leave checks not run. */
  acceptUnproven: string | null;
}

/**
 * The default policy, with the user's own over it. Its digest is over all that judges: the policy with nothing left
 * open, so that two files which say the same have one digest.
 * @throws E_POLICY, E_POLICY_UNREADABLE, E_OPTION_VALUE
 */
export async function loadPolicy(cwd: string, request: PolicyRequest): Promise<LoadedPolicy> {
  const { policy: own, strict, acceptUnproven } = request;
  const layers = [parsePolicy("policy.yml", await readPolicy(defaultPolicyPath(), "policy.yml"))];
  if (own !== null) layers.push(parsePolicy(own, await readPolicy(resolve(cwd, own), own)));
  if (strict) layers.push({ version: 1, strict: true });
  if (acceptUnproven !== null) {
    const layer = gapsLayer(acceptUnproven);
    if (layer === null)
      throw wheelsError("E_OPTION_VALUE", {
        option: "--accept-unproven",
        value: acceptUnproven,
        expected: "ISA features such as amx_tile, or own-contract, comma between them",
      });
    layers.push(layer);
  }
  const policy = resolvePolicy(...layers);
  const sha256 = createHash("sha256").update(JSON.stringify(policy)).digest("hex");
  const uri = layers.length === 1 ? DEFAULT_URI : `${DEFAULT_URI}#with-changes`;
  return { policy, identity: { uri, digest: { sha256 } } };
}
