import { join } from "node:path";
import { shownUrl } from "../host/urls.ts";
import { CPU_INDEX, TORCH_PACKAGES } from "../torch/install.ts";
import type { Variant } from "../variants/manifest.ts";
import type { FinishRequest } from "./build.ts";
import { compileArgs } from "./compile.ts";
import type { CompileRequest } from "./compile-request.ts";
import { buildVariables } from "./environment.ts";
import { repairArgs } from "./repair.ts";
import type { Source } from "./source/source.ts";
import { settingsOf } from "./unit.ts";

const shown = (word: string): string =>
  /^[\w@%+=:,./<>-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

const line = (words: readonly string[]): string => words.map(shown).join(" ");

/** What of a compile is known before the source is there. */
export type PlannedCompile = Omit<CompileRequest, "source"> & { source: Source };

function sourceLines({ source, onednn, found, cacheDir }: PlannedCompile, build: string): string[] {
  const { place, label } = source;
  const origin = {
    folder: `# copies ${place.kind === "folder" ? place.path : label} to ${join(build, "src")}; your own tree is not touched`,
    sdist: `# unpacks ${label} into ${join(cacheDir, "sources")} and copies it to ${join(build, "src")}`,
    release: `# fetches the sdist of ${label} from your package index, by its sha256, into ${join(cacheDir, "sources")}`,
    git: `# fetches ${label} into ${join(cacheDir, "sources")}`,
  }[place.kind];
  const dependencies = Object.entries(found.recipe.dependencies).map(
    ([name, { repository, ref }]) =>
      `# puts ${name} ${ref} of ${name === "onednn" && onednn !== null ? onednn : repository} in ${join(build, "deps", name)}`,
  );
  return [origin, ...dependencies];
}

function patchLines({ unit, patches }: PlannedCompile, build: string): string[] {
  return unit.patches.flatMap((name) => [
    `# patch ${name}: ${patches[name]?.reason ?? ""}`,
    ...(patches[name]?.edits ?? []).map(({ file }) => `#   changes ${join(build, "src", file)}`),
  ]);
}

/**
 * Every command, variable and file of a compile, as lines for a person; made by the functions that the build itself
 * uses, so that the two can't differ. What only the run can know stands in angle brackets.
 */
export function describeCompile(request: PlannedCompile, variants: readonly Variant[]): string[] {
  const { source, torch, found, unit, python: version } = request;
  const { recipe } = found;
  const build = join(request.cacheDir, "build", "<key>", "0");
  const python = join(build, "venv", "bin", "python");
  const pin = torch.version ?? recipe.torch;
  const packages = (torch.packages ?? TORCH_PACKAGES).map((name) =>
    name === "torch" && pin ? `torch==${pin}` : name,
  );
  const requires =
    recipe.requirements === null ? source.buildRequires : ["-r", join("<source>", recipe.requirements)];
  const dependencies = Object.fromEntries(
    Object.entries(recipe.dependencies).map(([name, { variable, as }]) => [
      variable,
      { path: join(build, "deps", name), as },
    ]),
  );
  const variables = buildVariables(settingsOf(request, dependencies, request.jobs ?? 0));
  return [
    `# compiles ${unit.name} of ${source.label} for ${variants.map(({ name }) => name).join(", ")}, Python ${version ?? "on PATH"}`,
    `# recipe ${recipe.name}${found.covered ? "" : ", the newest there is: this release is newer than all recipes"}`,
    line(["uv", "venv", "--python", version ?? "<python3>", join(build, "venv")]),
    line(["uv", "pip", "install", ...packages, "--index-url", shownUrl(torch.index ?? CPU_INDEX)]),
    `# gate: +cpu, torch.cuda.is_available() is False, no nvidia-*/cuda-* package, torchvision loads if present`,
    line(["uv", "pip", "install", ...requires, "--constraint", "<scratch>/build-constraints.txt"]),
    ...sourceLines(request, build),
    ...patchLines(request, build),
    `# writes ${join(build, "src", "pyproject.toml")}: the CPU-only instructions as comments`,
    ...Object.entries(variables).map(
      ([name, value]) =>
        `export ${name}=${/JOBS|PARALLEL/.test(name) && request.jobs === null ? "<jobs>" : shown(value)}`,
    ),
    `export CC=${join(build, "shims", "vllm-cpu-cc")} CXX=${join(build, "shims", "vllm-cpu-c++")}   # through ccache`,
    `export PATH=${join(build, "shims")}:${join(build, "venv", "bin")}:$PATH   # cat /proc/cpuinfo shows: ${unit.features.join(" ")}`,
    line(["uv", ...compileArgs(python, join(build, "src"), join(build, "out"))]),
    "# gate again",
    `# writes ${join(request.cacheDir, "compiled", "<key>")} and ${join(request.cacheDir, "logs", `${unit.name}.log`)}`,
  ];
}

/** What becomes of the compiled wheel for one variant. */
export function describeFinish(request: FinishRequest): string[] {
  const { variant, kernels, outputDir } = request;
  const version = `${request.version ?? "<version>"}${request.versionSuffix ?? ""}`;
  const wheel = `${variant.distribution.replace(/[-.]+/g, "_")}-${version}-<tags>.whl`;
  return [
    `# ${variant.name}`,
    `# may use: ${variant.isa.mayUse.join(" ")}`,
    `# must use: ${variant.isa.mustUse.join(" ")}`,
    ...(kernels === null
      ? []
      : [`# takes the kernels ${kernels.library} as _C; leaves out ${kernels.others.join(", ") || "none"}`]),
    ...(request.keepDebug ? [] : ["strip --strip-debug '<each library>'"]),
    line(["uv", ...repairArgs("<scratch>/<wheel>", "<scratch>/repaired")]),
    `# writes ${join(outputDir, wheel)}`,
    `# writes ${join(outputDir, `${wheel}.verdict.json`)}`,
  ];
}
