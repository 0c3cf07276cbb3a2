import { basename } from "node:path";
import type { Host } from "../host/host.ts";
import type { TorchRequest, TorchSource } from "../torch/install.ts";
import { ensureUv } from "../torch/uv.ts";
import { isWheelOf } from "../variants/choose.ts";
import type { Variant } from "../variants/manifest.ts";
import { FormatError } from "../wheel/format-error.ts";
import type { Materials } from "../wheel/materials.ts";
import { parseWheelFileName } from "../wheel/names.ts";
import type { LoadedPolicy } from "./policy/load-policy.ts";
import type { RunSettings } from "./runtime/settings.ts";
import { nameTwins } from "./verdict/twins.ts";
import type { Level } from "./verdict/verdict.ts";
import { saveVerdict, type VerifyResult, verifyWheel } from "./verify.ts";

/** How far wheels are proven, and how they are run for it. */
export interface ProofDepth {
  level: Level;
  settings: RunSettings;
}

/** How wheels are proven, whoever asks for it. */
export interface Proving {
  variants: ReadonlyMap<string, Variant>;
  /** The variant that every wheel is said to be; null to go by their names. */
  variant: Variant | null;
  depth: ProofDepth;
  torch: TorchRequest;
  /** Minor versions to run wheels on that serve several; empty for the Python on PATH. */
  pythons: readonly string[];
  policy: LoadedPolicy;
  /** Whether each wheel's verdict is written beside it. */
  writesVerdicts: boolean;
  /** What a wheel of these bytes was made of, for its verdict. */
  materialsOf(host: Host, sha256: string): Promise<Materials | null>;
}

/** A wheel to prove. */
export interface WheelToProve {
  path: string;
  /** The torch that it was built against, where this run built it. */
  torch: TorchSource | null;
}

/**
 * The Python that a wheel is run on: of those that were asked for the first that its tag fits.
 * @returns null to follow the wheel's own tag, else the Python on PATH
 */
export function fittingPython(fileName: string, pythons: readonly string[]): string | null {
  try {
    const { distribution, version } = parseWheelFileName(fileName);
    return pythons.find((python) => isWheelOf({ distribution, version, python }, fileName)) ?? null;
  } catch (thrown) {
    if (thrown instanceof FormatError) return null;
    throw thrown;
  }
}

const torchText = ({ torch, result }: VerifyResult): string =>
  torch ? `torch ${torch.version}, CUDA available: ${torch.cudaAvailable ? "True" : "False"}` : result;

async function save(
  host: Host,
  { variants, policy, materialsOf }: Proving,
  results: readonly VerifyResult[],
): Promise<void> {
  for (const result of results) {
    const contract = result.variant === null ? undefined : variants.get(result.variant)?.isa.mayUse;
    await saveVerdict(host, result, policy, contract ?? [], await materialsOf(host, result.sha256));
  }
}

/**
 * Proves wheels and writes the verdict of each, once; what was proven before an error or an interruption is kept.
 * @returns the answers in the order of the wheels, twins named
 * @throws E_WHEEL_FILE, E_WHEEL_FORMAT; above the static level also E_TORCH_INDEX, E_TORCH_NOT_FOUND, E_PYTHON_MISSING
 */
export async function prove(
  host: Host,
  proving: Proving,
  wheels: readonly WheelToProve[],
): Promise<VerifyResult[]> {
  const { depth, variants, variant, policy } = proving;
  const uv = depth.level === "static" || wheels.length === 0 ? null : await ensureUv(host);
  const results: VerifyResult[] = [];
  try {
    for (const { path, torch } of wheels) {
      const stage = depth.level === "static" ? null : host.log.stage(`Verifying ${basename(path)}...`);
      try {
        const result = await verifyWheel(host, {
          wheel: path,
          variants,
          variant,
          level: depth.level,
          torch: proving.torch,
          known: torch,
          python: fittingPython(basename(path), proving.pythons),
          uv,
          settings: depth.settings,
          policy,
        });
        results.push(result);
        stage?.done(torchText(result));
      } catch (thrown) {
        stage?.failed();
        throw thrown;
      }
    }
  } finally {
    if (proving.writesVerdicts) await save(host, proving, nameTwins(results));
  }
  return nameTwins(results);
}
