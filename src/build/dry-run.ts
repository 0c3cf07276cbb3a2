import { join } from "node:path";
import type { Host } from "../host/host.ts";
import { shownUrl } from "../host/network/urls.ts";
import { CPU_INDEX, TORCH_PACKAGES } from "../torch/install.ts";
import { installTorchArgs, resolveTorchArgs, venvArgs } from "../torch/uv-args.ts";
import type { Variant } from "../variants/manifest.ts";
import type { FinishRequest } from "./build.ts";
import { compileArgs } from "./compile/compile.ts";
import type { CompileRequest } from "./compile/compile-request.ts";
import { buildEnv, buildVariables, settingsOf } from "./compile/environment.ts";
import { installArgs, resolveArgs } from "./compile/requirements.ts";
import { ZIG } from "./floor/floor-kit.ts";
import { repairArgs } from "./repair.ts";
import { librariesOf } from "./source/dependencies.ts";
import type { Source } from "./source/source.ts";

const shown = (word: string): string =>
  /^[\w@%+=:,./<>-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

const line = (words: readonly string[]): string => words.map(shown).join(" ");

/** A folder of its own for each of the commands that name it. */
const SCRATCH = "<scratch>";

/** An address, such as a proxy's, without its password. */
const withoutSecrets = (name: string, value: string): string =>
  /proxy$|STORAGE$/i.test(name) ? shownUrl(value) : value;

/** What of a compile is known before the source is there. */
export type PlannedCompile = Omit<CompileRequest, "source"> & { source: Source };

function sourceLines(
  cache: string,
  { source, localSources, found, floor }: PlannedCompile,
  build: string,
): string[] {
  const { place, label } = source;
  const origin = {
    folder: `# copies ${place.kind === "folder" ? place.path : label} to ${join(build, "src")}; your own tree is not touched`,
    sdist: `# unpacks ${label} into ${join(cache, "sources")} and copies it to ${join(build, "src")}`,
    release: `# fetches the sdist of ${label} from your package index, by its sha256, into ${join(cache, "sources")}`,
    git: `# fetches ${label} into ${join(cache, "sources")}`,
  }[place.kind];
  const dependencies = Object.entries(found.recipe.dependencies).map(
    ([name, { repository, ref }]) =>
      `# puts ${name} ${ref} of ${localSources[name] ?? repository} in ${join(build, "deps", name)}`,
  );
  const glibc = floor === null ? "" : ` for glibc ${floor}`;
  const libraries = librariesOf(found.recipe, floor).sourced.map(
    ({ source: { project, ref, repository, soname } }) =>
      `# builds ${soname} of ${project} ${ref} of ${localSources[project] ?? repository}${glibc}, once`,
  );
  return [origin, ...dependencies, ...libraries];
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
export function describeCompile(host: Host, request: PlannedCompile, variants: readonly Variant[]): string[] {
  const { source, torch, found, unit, python: version } = request;
  const { recipe } = found;
  const build = join(host.cache, "build", "0");
  const python = join(build, "venv", "bin", "python");
  const pin = torch.version ?? recipe.torch;
  const packages = (torch.packages ?? TORCH_PACKAGES).map((name) =>
    name === "torch" && pin ? `torch==${pin}` : name,
  );
  const interpreter = version ?? "<python3>";
  const uvIn = (args: readonly string[]): string => `(cd ${SCRATCH} && ${line(["uv", ...args])})`;
  const requires =
    recipe.requirements === null ? source.buildRequires.join(", ") : `those of ${recipe.requirements}`;
  const dependencies = Object.fromEntries(
    Object.entries(recipe.dependencies).map(([name, { variable, as }]) => [
      variable,
      { path: join(build, "deps", name), as },
    ]),
  );
  const folders = {
    shims: join(build, "shims"),
    venv: join(build, "venv"),
    home: join(build, "home"),
  };
  const variables = buildVariables(settingsOf(request, dependencies, request.jobs ?? 0));
  const env = buildEnv(host, variables, folders, request.fresh, request.remoteObjects);
  const project = join(build, "src");
  return [
    `# compiles ${unit.name} of ${source.label} for ${variants.map(({ name }) => name).join(", ")}, Python ${version ?? "on PATH"}`,
    `# recipe ${recipe.name}${found.covered ? "" : ", the newest there is: this release is newer than all recipes"}`,
    "# every command that makes something, in order; programs are also asked for their versions",
    `# writes ${SCRATCH}/pyproject.toml: ${packages.join(", ")} from ${shownUrl(torch.index ?? CPU_INDEX)} alone`,
    uvIn(resolveTorchArgs(interpreter, `${SCRATCH}/pyproject.toml`)),
    `# writes ${SCRATCH}/pyproject.toml: torch as it was resolved, and ${requires}`,
    uvIn(resolveArgs(interpreter, SCRATCH)),
    `# where ${join(host.cache, "compiled", "<key>")} holds what these very inputs gave, that is taken, and the rest is left out`,
    ...sourceLines(host.cache, request, build),
    line(["uv", ...venvArgs(folders.venv, interpreter)]),
    uvIn(installTorchArgs(python, `${SCRATCH}/pyproject.toml`, `${SCRATCH}/pins.txt`)),
    `# gate: +cpu, torch.cuda.is_available() is False, no nvidia-*/cuda-* package, torchvision loads if present`,
    uvIn(installArgs(python, SCRATCH)),
    "# gate again",
    ...patchLines(request, build),
    `# writes ${join(project, "pyproject.toml")}: the CPU-only instructions as comments`,
    `# cat /proc/cpuinfo shows: ${unit.features.join(" ")}`,
    ...(request.floor === null
      ? []
      : [
          `# built for glibc ${request.floor}: where this machine's is newer, with the headers and link stubs of ${ZIG.package} ${ZIG.version} in place of its own`,
        ]),
    "# the environment of the compile, which holds nothing else:",
    ...Object.entries(env).map(
      ([name, value]) =>
        `export ${name}=${/JOBS|PARALLEL/.test(name) && request.jobs === null ? "<jobs>" : shown(withoutSecrets(name, value))}`,
    ),
    `(cd ${project} && ${line(["uv", ...compileArgs(python, project, join(build, "out"))])})`,
    "# gate again",
    `# writes ${join(host.cache, "compiled", "<key>")} and ${join(host.cache, "logs", `${unit.name}.log`)}`,
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
