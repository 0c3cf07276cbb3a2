import { formatBytes } from "../host/units.ts";
import { table } from "../report/text/tables.ts";
import { isCpuVersion } from "../wheel/version.ts";
import type { DoctorReport } from "./doctor.ts";

function compilerText({ compiler }: DoctorReport): string {
  return compiler
    ? `${compiler.command}: ${compiler.family} ${compiler.version}`
    : "none: apt-get install g++ (or dnf install gcc-c++)";
}

function packagesText({ indexes }: DoctorReport): string {
  if (!indexes) return "not asked: there is no Python";
  const { reached, problem, versions } = indexes.packages;
  if (versions.length === 0) return reached ? `no use: ${problem}` : `NOT REACHED: ${problem}`;
  return problem === null ? "the package index answers" : `found, but an index failed: ${problem}`;
}

function torchIndexText({ indexes }: DoctorReport): string {
  if (!indexes) return "not asked: there is no Python";
  const { index, reached, problem, versions } = indexes.torch;
  const newest = versions.find(isCpuVersion);
  if (reached)
    return newest === undefined
      ? `${index} has no CPU build for this Python`
      : `${index} has torch ${newest}`;
  const instead = newest === undefined ? "" : `; pip's find-links have torch ${newest}`;
  return `${index} NOT REACHED: ${problem}${instead}`;
}

function ownTorchText({ torch }: DoctorReport): string {
  if (torch === null) return "none in this Python; vllm-cpu-wheels setup .venv makes an environment with it";
  const cuda = `CUDA available: ${torch.cudaAvailable ? "True" : "False"}`;
  return torch.findings.length === 0
    ? `${torch.version} in this Python, CPU-only, ${cuda}`
    : `${torch.version} in this Python, NOT CPU-only: ${torch.findings.join("; ")}`;
}

/** What `doctor` prints: one screen. */
export function doctorText(report: DoctorReport): string {
  const { cpu, memory, disk } = report;
  const runnable = report.variants.filter(({ lacks }) => lacks.length === 0).at(-1);
  const can = (problem: string | null): string => (problem === null ? "yes" : `no: ${problem}`);
  return [
    `CPU       ${cpu.model || cpu.architecture}, ${cpu.cores} cores, ${cpu.architecture}; its wheel is ${runnable?.variant ?? "none"}`,
    `memory    ${formatBytes(memory.free)} free of ${formatBytes(memory.total)}`,
    `disk      ${formatBytes(disk.free)} free for ${disk.path}`,
    `python    ${report.python ?? "none (3.10 or newer is needed)"}${report.python === null || report.headers ? "" : ", without its headers: apt-get install python3-dev (or dnf install python3-devel)"}`,
    `compiler  ${compilerText(report)}`,
    `packages  ${packagesText(report)}`,
    `PyTorch   ${torchIndexText(report)}`,
    `torch     ${ownTorchText(report)}`,
    ...report.problems.map(({ code, what, why }) => `PROBLEM   ${what} [${code}] ${why}`),
    "",
    table([
      ["variant", "runs here", "built here", `vLLM ${report.vllm} built here`],
      ...report.variants.map(({ variant, cannotBuild, cannotBuildVllm, lacks }) => [
        variant,
        lacks.length === 0 ? "yes" : `no: lacks ${lacks.join(", ")}`,
        cannotBuild === null ? "yes" : "no",
        can(cannotBuildVllm),
      ]),
    ]),
    "",
    `Next: ${report.next}`,
  ].join("\n");
}
