import { join } from "node:path";
import { shownUrl } from "../host/urls.ts";
import { CPU_INDEX, TORCH_PACKAGES } from "../torch/install.ts";
import type { BuildRequest } from "./build.ts";
import { compileArgs } from "./compile.ts";
import { buildVariables } from "./environment.ts";
import { repairArgs } from "./repair.ts";

const shown = (word: string): string =>
  /^[\w@%+=:,./<>-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

const line = (words: readonly string[]): string => words.map(shown).join(" ");

/**
 * Every command, variable and file of a build, as lines for a person; made by the functions that the build itself
 * uses, so that the two can't differ. What only the run can know stands in angle brackets.
 */
export function describeBuild(request: BuildRequest, epoch: number): string[] {
  const { variant, source, torch } = request;
  const scratch = "<scratch>";
  const python = join(scratch, "venv", "bin", "python");
  const packages = (torch.packages ?? TORCH_PACKAGES).map((name) =>
    name === "torch" && torch.version ? `torch==${torch.version}` : name,
  );
  const wheel = `${variant.distribution.replace(/[-.]+/g, "_")}-${source.version ?? "<version>"}${request.versionSuffix ?? ""}-<tags>.whl`;
  return [
    `# ${variant.name} from ${source.label} (${source.path}), Python ${request.python ?? "on PATH"}`,
    `# may use: ${variant.isa.mayUse.join(" ")}`,
    `# must use: ${variant.isa.mustUse.join(" ")}`,
    line(["uv", "venv", "--python", request.python ?? "<python3>", join(scratch, "venv")]),
    line(["uv", "pip", "install", ...packages, "--index-url", shownUrl(torch.index ?? CPU_INDEX)]),
    `# gate: +cpu, torch.cuda.is_available() is False, no nvidia-*/cuda-* package, torchvision loads if present`,
    line([
      "uv",
      "pip",
      "install",
      ...source.buildRequires,
      "--constraint",
      join(scratch, "build-constraints.txt"),
    ]),
    `# copies ${source.path} to ${join(scratch, "src")}; your own tree is not touched`,
    `# writes ${join(scratch, "src", "pyproject.toml")}: the CPU-only instructions as comments`,
    ...Object.entries(buildVariables(variant, request.jobs, epoch)).map(
      ([name, value]) => `export ${name}=${shown(value)}`,
    ),
    `export CC=${join(scratch, "shims", "vllm-cpu-cc")} CXX=${join(scratch, "shims", "vllm-cpu-c++")}`,
    `export PATH=${join(scratch, "shims")}:${join(scratch, "venv", "bin")}:$PATH   # cat /proc/cpuinfo shows the contract`,
    line(["uv", ...compileArgs(python, join(scratch, "src"), join(scratch, "out"))]),
    "# gate again",
    line(["uv", ...repairArgs(join(scratch, "out", "<wheel>"), join(scratch, "repaired"))]),
    `# writes ${join(request.outputDir, wheel)}`,
    `# writes ${join(request.outputDir, `${wheel}.verdict.json`)}`,
    `# writes ${join(request.cacheDir, "logs", `${variant.name}.log`)}`,
  ];
}
