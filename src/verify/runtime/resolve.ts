import { join } from "node:path";
import { z } from "zod";
import { writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { type RunResult, tail } from "../../host/process.ts";
import { formatBytes } from "../../host/terminal.ts";
import { isGpuLocalVersion, isGpuPackage } from "../../torch/gate.ts";
import type { TorchSource } from "../../torch/install.ts";
import { pipOf } from "../../torch/pip.ts";
import { findPython } from "../../torch/python.ts";
import type { Uv } from "../../torch/uv.ts";
import { failureOf, troubleOf } from "../../torch/uv-trouble.ts";
import { normalizeName } from "../../wheel/names.ts";
import type { Check } from "../verdict/verdict.ts";
import { type Bill, bills, NEVER } from "./bill.ts";

interface Installation {
  wheel: string;
  distribution: string;
  torch: TorchSource;
  without: readonly string[];
  strays: readonly string[];
}

/** What one installer says it would do; null for one that was not asked. */
interface Plan {
  /** name==version */
  packages: string[];
  problem: string | null;
}

/** The packages that uv's dry run would add. */
function wouldInstall(output: string): string[] {
  return [...output.matchAll(/^ \+ (\S+)/gm)].map((match) => match[1] ?? "");
}

function uvArguments(python: string, { wheel, torch }: Installation): string[] {
  const only = ["--only-binary", ":all:"];
  return ["pip", "install", "--python", python, ...only, wheel, `torch==${torch.torchVersion}`];
}

const reportSchema = z.object({
  install: z.array(z.object({ metadata: z.object({ name: z.string(), version: z.string() }) })),
});

/** pip's plan for the same environment. Source: pip documentation, "Installation Report". */
async function pipPlan(host: Host, python: string, installation: Installation): Promise<Plan | null> {
  // pip has no way to leave a requirement out.
  if (installation.without.length > 0) return null;
  const words = ["install", "--dry-run", "--quiet", "--report", "-", "--only-binary", ":all:"];
  const pip = await pipOf(host, await findPython(host));
  if (!pip.isThere) return null;
  const result = await pip.run(["--python", python, ...words, installation.wheel]);
  // A pip that is older than these options is not asked.
  if (/no such option/.test(result.stderr)) return null;
  if (result.code !== 0) return { packages: [], problem: `pip: ${ofTheWheel(result, "pip", pip.counted)}` };
  const { install } = reportSchema.parse(JSON.parse(result.stdout));
  return { packages: install.map(({ metadata }) => `${metadata.name}==${metadata.version}`), problem: null };
}

/**
 * What an installer holds against the wheel. That an index can't be reached, or that the machine can't, is not the
 * wheel's fault and no answer.
 * @throws E_TOOL_FAILED, E_DISK_FULL, E_FOLDER_UNFIT, E_TOOL_LIMIT
 */
function ofTheWheel(result: RunResult, tool: string, counted: readonly string[]): string {
  const trouble = troubleOf(result);
  if (trouble.kind === "machine" || trouble.kind === "unreachable")
    throw failureOf(result, tool, "installing the wheel", counted);
  return tail(result);
}

/** Why these plans must not be carried out; null where they may. */
function objection(plans: readonly (Plan | null)[], { torch, strays }: Installation): string | null {
  if (strays.length > 0) return `the wheel brings ${strays.slice(0, 3).join(", ")}, which is not its own`;
  for (const plan of plans) {
    if (plan?.problem) return plan.problem;
    const gpu = plan?.packages.filter((pin) => isGpuPackage(pin) || isGpuLocalVersion(pin)) ?? [];
    if (gpu.length > 0) return `installing it would bring ${gpu.join(", ")}`;
    const other = plan?.packages.find((pin) => normalizeName(pin.split("==")[0] ?? "") === "torch");
    if (other) return `installing it would put ${other} in the place of torch ${torch.torchVersion}`;
  }
  return null;
}

function savedText(cpu: Bill | null, plain: Bill | null): string {
  if (cpu?.bytes == null) return "";
  const whole = `, ${formatBytes(cpu.bytes)} with torch`;
  if (plain?.bytes == null || plain.bytes <= cpu.bytes) return whole;
  const percent = Math.round((1 - cpu.bytes / plain.bytes) * 100);
  return `${whole}; without the CPU index it would be ${formatBytes(plain.bytes)} with ${plain.gpu.length} GPU packages: ${percent} % saved`;
}

/**
 * Installs the wheel beside the torch that is there, as its users do: pip's and uv's plans first, then really, by uv.
 * @param python the room's interpreter
 */
export async function installWheel(
  host: Host,
  uv: Uv,
  python: string,
  installation: Installation,
): Promise<Check> {
  const { torch, without } = installation;
  return host.scratch.withFolder("vcw-install", async (folder): Promise<Check> => {
    const args = uvArguments(python, installation);
    if (without.length > 0) {
      const overrides = join(folder, "overrides.txt");
      await writeFile(overrides, without.map((name) => `${name}; ${NEVER}\n`).join(""));
      args.push("--overrides", overrides);
    }
    const dry = await uv.run([...args, "--dry-run"]);
    const uvPlan: Plan = {
      packages: wouldInstall(`${dry.stdout}\n${dry.stderr}`),
      problem: dry.code === 0 ? null : `uv: ${ofTheWheel(dry, "uv", uv.counted)}`,
    };
    const plan = uvPlan.problem === null ? await pipPlan(host, python, installation) : null;
    const evidence = { torch: torch.torchVersion, uv: uvPlan.packages, pip: plan?.packages ?? null, without };
    const no = objection([uvPlan, plan], installation);
    const fail = (detail: string): Check => ({
      id: "runtime.resolve",
      result: "fail",
      detail,
      evidence,
      remedy:
        "Mend the wheel's requirements: torch==X without a local version, and nothing that needs a GPU build.",
    });
    if (no !== null) return fail(no);
    const { cpu, plain } = await bills(host, uv, python, installation);
    const real = await uv.run(args);
    if (real.code !== 0) return fail(ofTheWheel(real, "uv", uv.counted));
    const by = plan === null ? "uv installs" : "uv and pip install";
    const left = without.length > 0 ? `; left out on request, though required: ${without.join(", ")}` : "";
    return {
      id: "runtime.resolve",
      result: left === "" ? "pass" : "warn",
      detail: `${by} it beside torch ${torch.torchVersion}: ${uvPlan.packages.length} packages and no CUDA one${savedText(cpu, plain)}${left}`,
      evidence: { ...evidence, download: cpu, plainDownload: plain },
    };
  });
}
