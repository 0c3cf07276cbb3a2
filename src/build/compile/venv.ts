import { join } from "node:path";
import { WheelsError } from "../../errors/wheels-error.ts";
import { exists, remove } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { demandCpuOnly } from "../../torch/gate.ts";
import {
  installGated,
  makeVenv,
  resolveTorch,
  type TorchRequest,
  type TorchSource,
  torchFacts,
} from "../../torch/install.ts";
import { demandHeaders, findPython } from "../../torch/python.ts";
import type { Uv } from "../../torch/uv.ts";

/** Decides which torch a build gets. @throws what resolveTorch throws */
export async function resolveForBuild(
  host: Host,
  uv: Uv,
  python: string,
  request: TorchRequest,
): Promise<TorchSource> {
  try {
    return await resolveTorch(host, uv, python, request);
  } catch (thrown) {
    if (!host.signal.aborted) host.log.error("Failed to install PyTorch CPU-only");
    throw thrown;
  }
}

/** A fresh environment with CPU-only torch; one that a build of the same inputs left is taken if it passes the gate. */
export async function buildVenv(
  host: Host,
  uv: Uv,
  request: { python: string | null; fresh: boolean },
  torch: TorchSource,
  venv: string,
  bytecode: string,
): Promise<{ python: string; version: string }> {
  const stage = host.log.stage("Installing PyTorch CPU-only version...");
  try {
    const interpreter = join(venv, "bin", "python");
    if (!request.fresh && (await exists(interpreter))) {
      const facts = await torchFacts(host, interpreter, { bytecode }).catch(() => null);
      if (facts?.torch?.version === torch.torchVersion) {
        demandCpuOnly(facts);
        stage.done(`torch ${torch.torchVersion} is there already`);
        return { python: interpreter, version: facts.python };
      }
    }
    await remove(venv);
    const python = await makeVenv(uv, venv, request.python ?? (await findPython(host)));
    await demandHeaders(host, python);
    const facts = await installGated(host, uv, python, torch, bytecode);
    stage.done(`torch ${torch.torchVersion}, Python ${facts.python}`);
    return { python, version: facts.python };
  } catch (thrown) {
    stage.failed();
    const isOfTorch = !(thrown instanceof WheelsError && thrown.code === "E_PYTHON_HEADERS");
    if (!host.signal.aborted && isOfTorch) host.log.error("Failed to install PyTorch CPU-only");
    throw thrown;
  }
}
