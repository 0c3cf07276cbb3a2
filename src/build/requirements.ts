import { join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { tail } from "../host/process.ts";
import type { TorchSource } from "../torch/install.ts";
import type { Uv } from "../torch/uv.ts";

/** uv's arguments that install what a build needs. @param constraints file of the torch that stays as it is */
export const requirementsArgs = (python: string, requirements: string, constraints: string): string[] => [
  ...["pip", "install", "--python", python],
  ...["-r", requirements, "--constraint", constraints],
];

/**
 * Installs what a build needs beside torch, which stays as it is.
 * @param requires PEP 508 lines without torch
 * @throws E_TORCH_REPLACED where one of them asks for another torch, E_TOOL_INSTALL
 */
export async function installRequirements(
  host: Host,
  uv: Uv,
  python: string,
  requires: readonly string[],
  torch: TorchSource,
): Promise<void> {
  const stage = host.log.stage("Installing build dependencies...");
  await host.scratch.withFolder("vllm-cpu-wheels-requirements", async (scratch) => {
    const requirements = join(scratch, "build-requirements.txt");
    const constraints = join(scratch, "build-constraints.txt");
    await writeFile(requirements, `${requires.join("\n")}\n`);
    const pins = torch.pins.filter((pin) => torch.packages.some((name) => pin.startsWith(`${name}==`)));
    await writeFile(constraints, `${pins.join("\n")}\n`);
    const result = await uv.run(requirementsArgs(python, requirements, constraints), {
      cwd: scratch,
      onLine: (line) => host.log.debug(line),
    });
    if (result.code === 0) return;
    stage.failed();
    const detail = tail(result, 12);
    throw /torch/.test(detail)
      ? wheelsError("E_TORCH_REPLACED", { torch: torch.torchVersion, detail })
      : wheelsError("E_TOOL_INSTALL", { tool: "The build's dependencies", detail });
  });
  stage.done();
}
