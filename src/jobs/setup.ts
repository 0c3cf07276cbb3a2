import { resolve } from "node:path";
import type { FolderStore } from "../host/folder-store.ts";
import type { Host } from "../host/host.ts";
import type { TorchRequest, TorchSource } from "../torch/install.ts";
import { findPython } from "../torch/python.ts";
import { measureSavings, type Savings } from "../torch/savings.ts";
import { setupTorch } from "../torch/setup.ts";
import { ensureUv } from "../torch/uv.ts";

export interface SetupRequest {
  /** Folder of the environment, relative to the working folder; must not exist. */
  venv: string;
  /** Minor version; null for the Python on PATH. */
  python: string | null;
  torch: TorchRequest;
  /** Whether the indexes are asked what the CUDA build would have downloaded more. */
  measuresSavings: boolean;
  /** Where environments are kept from one run to the next; null for nowhere. */
  cache: FolderStore | null;
}

export interface SetupReport {
  venv: string;
  /** Path of its interpreter. */
  python: string;
  torch: string;
  /** `name==version` of torch and all that it needs. */
  packages: string[];
  /** Its key in the cache; empty where none is used. */
  cacheKey: string;
  cacheHit: boolean;
  /** Null where they were not asked for, or an index does not tell. */
  savings: Savings | null;
}

/** Makes an environment with CPU-only torch. @throws what {@link setupTorch} throws */
export async function setup(host: Host, request: SetupRequest): Promise<SetupReport> {
  const venv = resolve(host.cwd, request.venv);
  const uv = await ensureUv(host);
  const { python, facts, source, cacheKey, cacheHit } = await setupTorch(host, uv, {
    venv,
    python: request.python,
    torch: request.torch,
    cache: request.cache,
  });
  return {
    venv,
    python,
    torch: facts.torch?.version ?? "",
    packages: source.pins,
    cacheKey,
    cacheHit,
    savings: request.measuresSavings ? await measureSavings(host, uv, python, source) : null,
  };
}

/**
 * What CPU-only torch saved against the build of the default index, for a torch that is installed already.
 * @param python version or path; null for the Python on PATH
 * @returns null, after a message, where the indexes don't tell
 */
export async function savingsOf(
  host: Host,
  python: string | null,
  source: TorchSource,
): Promise<Savings | null> {
  const uv = await ensureUv(host);
  return measureSavings(host, uv, python ?? (await findPython(host)), source);
}
