import { createHash } from "node:crypto";
import { join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { exists, readTextIfAny, remove } from "../host/files.ts";
import type { FolderStore } from "../host/folder-store.ts";
import type { Host } from "../host/host.ts";
import { demandExecutable } from "../host/places.ts";
import { normalizeName } from "../wheel/names.ts";
import { gateFailures, type TorchFacts } from "./gate.ts";
import {
  installGated,
  makeVenv,
  resolveTorch,
  type TorchRequest,
  type TorchSource,
  torchFacts,
} from "./install.ts";
import { findPython } from "./python.ts";
import type { Uv } from "./uv.ts";

export interface SetupRequest {
  /** Folder of the environment; must not exist. */
  venv: string;
  /** Python version; null for the Python on PATH. */
  python: string | null;
  torch: TorchRequest;
  /** Where whole environments are kept, by exact key. */
  cache: FolderStore | null;
}

export interface SetupResult {
  python: string;
  facts: TorchFacts;
  source: TorchSource;
  /** Empty where no cache is used. */
  cacheKey: string;
  cacheHit: boolean;
}

/** Everything that decides what an environment holds; its place too, because scripts in it name their interpreter. */
async function cacheKey(venv: string, source: TorchSource): Promise<string> {
  const interpreter = (await readTextIfAny(join(venv, "pyvenv.cfg"))) ?? "";
  const parts = JSON.stringify([1, venv, interpreter, source.index, source.pins]);
  return `vllm-cpu-torch-${source.torchVersion.replace(/[^\w.+-]/g, "_")}-${createHash("sha256").update(parts).digest("hex").slice(0, 32)}`;
}

/** What is wrong with a restored environment; null where it is what was asked for. */
function mismatch(facts: TorchFacts, source: TorchSource): string | null {
  const [failed] = gateFailures(facts);
  if (failed) return failed.text;
  const installed = new Map(facts.distributions.map(({ name, version }) => [normalizeName(name), version]));
  for (const pin of source.pins) {
    const [name = "", version] = (pin.split(/[ ;]/)[0] ?? "").split("==");
    if (installed.get(normalizeName(name)) !== version)
      return `${name} is ${installed.get(normalizeName(name)) ?? "missing"}, not ${version}`;
  }
  return null;
}

/** Takes the environment from the cache and asks it the gate's questions, because a cache may hold anything. */
async function restored(
  host: Host,
  cache: FolderStore,
  key: string,
  venv: string,
  source: TorchSource,
): Promise<TorchFacts | null> {
  await remove(venv);
  if ((await cache.restore({ key, prefixes: [] }, venv)) !== key) return null;
  try {
    const facts = await torchFacts(host, join(venv, "bin", "python"));
    const wrong = mismatch(facts, source);
    if (wrong === null) return facts;
    host.log.warn(`The cache ${key} holds something else (${wrong}); installing afresh`);
  } catch (thrown) {
    if (host.signal.aborted) throw thrown;
    host.log.warn(`The cache ${key} holds no usable environment; installing afresh`);
  }
  return null;
}

/**
 * Makes an environment with CPU-only torch and lets it through the gate; after a failure nothing is left of it.
 * @throws E_OUTPUT_DIR where the folder exists, E_FOLDER_UNFIT where nothing in it could be started, E_PYTHON_MISSING, every E_TORCH_*
 */
export async function setupTorch(host: Host, uv: Uv, request: SetupRequest): Promise<SetupResult> {
  const { venv, cache } = request;
  if (await exists(venv)) {
    throw wheelsError("E_OUTPUT_DIR", {
      dir: venv,
      detail: "It exists already; setup makes a fresh environment.",
    });
  }
  await demandExecutable("an environment", venv);
  const stage = host.log.stage("Installing PyTorch CPU-only version...");
  try {
    const base = request.python ?? (await findPython(host));
    const python = await makeVenv(uv, venv, base);
    const source = await resolveTorch(host, uv, python, request.torch);
    const key = cache ? await cacheKey(venv, source) : "";
    const cached = cache ? await restored(host, cache, key, venv, source) : null;
    if (cached) {
      stage.done(`torch ${source.torchVersion} from the cache, CUDA available: False`);
      return { python, facts: cached, source, cacheKey: key, cacheHit: true };
    }
    if (cache) {
      await remove(venv);
      await makeVenv(uv, venv, base);
    }
    const facts = await installGated(host, uv, python, source);
    stage.done(`torch ${facts.torch?.version}, CUDA available: False`);
    await cache?.save(key, venv);
    return { python, facts, source, cacheKey: key, cacheHit: false };
  } catch (thrown) {
    stage.failed();
    await remove(venv);
    throw thrown;
  }
}
