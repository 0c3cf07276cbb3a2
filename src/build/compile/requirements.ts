import { join } from "node:path";
import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { tail } from "../../host/process.ts";
import { project, type TorchSource } from "../../torch/install.ts";
import type { Uv } from "../../torch/uv.ts";

/** A package that the build is given, and the files that its index has of that version. */
export interface Pin {
  /** `name==version`. */
  requirement: string;
  /** `sha256:…` of each file. */
  hashes: string[];
}

/** Reads what `uv pip compile --generate-hashes` prints (pip, "Requirements File Format"). */
export function parsePins(text: string): Pin[] {
  return text
    .replaceAll(/\\\r?\n/g, " ")
    .split("\n")
    .filter((line) => /^[A-Za-z0-9]/.test(line))
    .map((line) => ({
      requirement: (line.split(/\s+--hash=/)[0] ?? "").trim(),
      hashes: [...line.matchAll(/--hash=(\S+)/g)].map(([, hash]) => hash ?? "").sort(),
    }));
}

const nameOf = (pin: string): string => pin.split("==")[0] ?? "";

/** The lines that keep torch, and what else comes from its index, as it is. */
const torchPins = ({ pins, packages }: TorchSource): string[] =>
  pins.filter((pin) => packages.includes(nameOf(pin)));

/** Arguments of uv that decide the versions of what a build needs. @param folder holds the two files */
export function resolveArgs(python: string, folder: string): string[] {
  const files = [join(folder, "pyproject.toml"), "--constraint", join(folder, "build-constraints.txt")];
  const printed = ["--no-header", "--no-annotate", "--generate-hashes", "--quiet"];
  return ["pip", "compile", "--python", python, ...printed, ...files];
}

/** Arguments of uv that install them. @param folder holds the two files */
export function installArgs(python: string, folder: string): string[] {
  const files = [
    "-r",
    join(folder, "build-requirements.txt"),
    "--constraint",
    join(folder, "build-constraints.txt"),
  ];
  return ["pip", "install", "--python", python, ...files];
}

function failureOf(torch: TorchSource, detail: string): WheelsError {
  return /torch/.test(detail)
    ? wheelsError("E_TORCH_REPLACED", { torch: torch.torchVersion, detail })
    : wheelsError("E_TOOL_INSTALL", { tool: "The build's dependencies", detail });
}

/**
 * Decides which versions of its requirements a build gets, beside torch, which stays as it is.
 * @param requires PEP 508 lines without torch
 * @param wanted `name==version` lines that an earlier build had, to have them again; empty for the newest
 * @returns torch and what came with it among them, all with the hashes that their index states
 * @throws E_TORCH_REPLACED where one of them asks for another torch, E_TOOL_INSTALL
 */
export async function resolveRequirements(
  host: Host,
  uv: Uv,
  python: string,
  requires: readonly string[],
  wanted: readonly string[],
  torch: TorchSource,
): Promise<Pin[]> {
  return host.scratch.withFolder("vllm-cpu-wheels-requirements", async (scratch) => {
    const place = { url: torch.index, flat: torch.flat };
    await writeFile(join(scratch, "pyproject.toml"), project(place, torch.packages, null, requires));
    const kept = torchPins(torch);
    const names = new Set(torch.packages);
    const constraints = [...kept, ...wanted.filter((pin) => !names.has(nameOf(pin)))];
    await writeFile(join(scratch, "build-constraints.txt"), `${constraints.join("\n")}\n`);
    const result = await uv.run(resolveArgs(python, scratch), { cwd: scratch });
    if (result.code !== 0) throw failureOf(torch, tail(result, 12));
    return parsePins(result.stdout);
  });
}

/** Installs what was decided, torch left out: it is there. @throws E_TORCH_REPLACED, E_TOOL_INSTALL */
export async function installRequirements(
  host: Host,
  uv: Uv,
  python: string,
  pins: readonly Pin[],
  torch: TorchSource,
): Promise<void> {
  const stage = host.log.stage("Installing build dependencies...");
  await host.scratch.withFolder("vllm-cpu-wheels-requirements", async (scratch) => {
    // A hash that the index states holds for what it sends.
    const lines = pins
      .filter(({ requirement }) => !torch.packages.includes(nameOf(requirement)))
      .map(({ requirement, hashes }) => [requirement, ...hashes.map((hash) => `--hash=${hash}`)].join(" "));
    await writeFile(join(scratch, "build-requirements.txt"), `${lines.join("\n")}\n`);
    await writeFile(join(scratch, "build-constraints.txt"), `${torchPins(torch).join("\n")}\n`);
    const result = await uv.run(installArgs(python, scratch), {
      cwd: scratch,
      onLine: (line) => host.log.debug(line),
    });
    if (result.code === 0) return;
    stage.failed();
    throw failureOf(torch, tail(result, 12));
  });
  stage.done();
}
