import type { Host } from "../host/host.ts";
import { cacheDir } from "../host/paths.ts";
import type { COMMANDS } from "../options/commands.ts";
import type { Values } from "../options/options.ts";
import { torchRequest } from "../options/torch-request.ts";
import { measureSavings, type Savings } from "../torch/savings.ts";
import { setupTorch, type VenvCache } from "../torch/setup.ts";
import { ensureUv } from "../torch/uv.ts";
import { parsePythonVersions } from "../variants/request.ts";

interface Environment {
  /** Path of its interpreter. */
  python: string;
  torch: string;
  /** `name==version` of torch and all that it needs. */
  packages: string[];
  cacheHit: boolean;
  /** Null where they were not asked for, or an index does not tell. */
  savings: Savings | null;
}

/**
 * Makes an environment with CPU-only torch.
 * @param venv its folder
 * @throws what setupTorch throws
 */
export async function setupEnvironment(
  host: Host,
  options: Values<typeof COMMANDS.setup.options>,
  venv: string,
  cache: VenvCache | null,
): Promise<Environment> {
  const [version] = options["python-version"] === null ? [] : parsePythonVersions(options["python-version"]);
  const torch = torchRequest(options);
  const uv = await ensureUv(host, cacheDir(host, options["cache-dir"] ?? undefined));
  const { python, facts, source, cacheHit } = await setupTorch(host, uv, {
    venv,
    python: version ?? null,
    torch,
    cache,
  });
  return {
    python,
    torch: facts.torch?.version ?? "",
    packages: source.pins,
    cacheHit,
    savings: options.savings ? await measureSavings(host, uv, python, source) : null,
  };
}
