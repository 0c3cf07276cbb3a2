import { delimiter, join } from "node:path";
import { makeDir, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { cleanPythonEnv } from "../torch/python.ts";
import { contractCpuinfo } from "../variants/cpuinfo.ts";
import type { Variant } from "../variants/manifest.ts";
import type { FoundRecipe } from "../variants/recipes.ts";
import type { Unit } from "../variants/units.ts";
import type { Compiler } from "./preflight.ts";

/** What the compiler wrapper prints when a build asks for the host's own ISA; compile.ts looks for it. */
export const NATIVE_MARK = "vllm-cpu-wheels: refused";

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What every compile gets beyond what the build asks for. */
export interface CompileHabits {
  /** Path of ccache; null to go without. */
  ccache: string | null;
  /** Folder whose path must not reach the wheel. */
  root: string;
  keepDebug: boolean;
}

/**
 * Refuses flags that mean "this machine"; response files are looked into, since cmake uses them for long commands.
 * ccache stands behind this wrapper and not before it, so that it hashes the compiler and not the wrapper.
 */
function compilerShim(command: readonly string[], { ccache, root, keepDebug }: CompileHabits): string {
  const launcher = ccache === null ? "" : `${quote(ccache)} `;
  const added = [`-ffile-prefix-map=${root}=.`, ...(keepDebug ? [] : ["-g0"])].map(quote).join(" ");
  return `#!/bin/sh
for argument in "$@"; do
  case "$argument" in
    @*) native=$(grep -oE -e '-m(arch|tune|cpu)=native' "\${argument#@}" 2>/dev/null | head -n 1) ;;
    -march=native|-mtune=native|-mcpu=native) native=$argument ;;
    *) native= ;;
  esac
  if [ -n "$native" ]; then
    echo "${NATIVE_MARK} $native in: $0 $*" >&2
    exit 1
  fi
done
exec ${launcher}${command.map(quote).join(" ")} "$@" ${added}
`;
}

function catShim(cpuinfo: string, realCat: string): string {
  return `#!/bin/sh
if [ "$*" = /proc/cpuinfo ]; then
  exec ${quote(realCat)} ${quote(cpuinfo)}
fi
exec ${quote(realCat)} "$@"
`;
}

/** Programs by which a build would take along what this machine happens to have. */
const HIDDEN: Readonly<Record<string, string>> = {
  // vLLM's setup.py bundles the tcmalloc that `ldconfig -p` lists.
  ldconfig: "exit 0",
  // setuptools-rust builds optional binaries where cargo is there, and leaves them out where it is not.
  cargo: "echo 'vllm-cpu-wheels: the wheel holds no Rust parts' >&2; exit 1",
  rustc: "echo 'vllm-cpu-wheels: the wheel holds no Rust parts' >&2; exit 1",
};

/** Folder of programs that go first on PATH during a build, so that the host can't leak into the wheel. */
export async function writeShims(
  folder: string,
  unit: Pick<Unit, "name" | "features">,
  architecture: Variant["architecture"],
  compiler: Compiler,
  habits: CompileHabits,
): Promise<void> {
  await makeDir(folder);
  const cpuinfo = join(folder, "cpuinfo");
  await writeFile(cpuinfo, contractCpuinfo(unit, architecture));
  await writeFile(join(folder, "cat"), catShim(cpuinfo, "/bin/cat"), 0o755);
  await writeFile(join(folder, "vllm-cpu-cc"), compilerShim(compiler.cc, habits), 0o755);
  await writeFile(join(folder, "vllm-cpu-c++"), compilerShim(compiler.cxx, habits), 0o755);
  for (const [name, body] of Object.entries(HIDDEN))
    await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`, 0o755);
}

/** What a build is told beyond the user's own environment. */
export interface BuildSettings {
  unit: Unit;
  cmakeArguments: readonly string[];
  /** Folder by variable, for sources that the build would fetch by itself. */
  dependencies: Readonly<Record<string, { path: string; as: "environment" | "cmake" }>>;
  version: string | null;
  jobs: number;
  /** SOURCE_DATE_EPOCH, seconds. */
  epoch: number;
}

/** Variables of a build beyond the user's own; the same for the plan that is printed and the build that is run. */
export function buildVariables(settings: BuildSettings): Record<string, string> {
  const { unit, version, jobs, epoch } = settings;
  const dependencies = Object.entries(settings.dependencies);
  const cmake = [
    ...settings.cmakeArguments,
    ...dependencies.filter(([, { as }]) => as === "cmake").map(([name, { path }]) => `-D${name}=${path}`),
    // ccache stands in the compiler's wrapper; a search path into the build folder would reach the library's bytes.
    "-DCMAKE_C_COMPILER_LAUNCHER=",
    "-DCMAKE_CXX_COMPILER_LAUNCHER=",
    "-DCMAKE_SKIP_RPATH=ON",
  ];
  return {
    ...unit.environment,
    ...Object.fromEntries(
      dependencies.filter(([, { as }]) => as === "environment").map(([name, { path }]) => [name, path]),
    ),
    ...(version === null ? {} : { SETUPTOOLS_SCM_PRETEND_VERSION: version, VLLM_VERSION_OVERRIDE: version }),
    CMAKE_ARGS: cmake.join(" "),
    MAX_JOBS: String(jobs),
    CMAKE_BUILD_PARALLEL_LEVEL: String(jobs),
    SOURCE_DATE_EPOCH: String(epoch),
  };
}

/** Where compiled objects are kept; the user's own place and size win. */
export function ccacheVariables(host: Host): Record<string, string> {
  const defaults: Record<string, string> = {
    CCACHE_DIR: join(host.cache, "ccache"),
    CCACHE_MAXSIZE: "10G",
    // By its bytes: two machines, or an update within one second, may have other compilers of one time stamp.
    CCACHE_COMPILERCHECK: "content",
    CCACHE_NOHASHDIR: "1",
  };
  const own = ["CCACHE_DIR", "CCACHE_MAXSIZE"];
  return Object.fromEntries(
    Object.entries(defaults).filter(([name]) => !own.includes(name) || !host.env[name]),
  );
}

/** ISA switches of vLLM that the user's shell might still hold; a variant says all of its own. */
const FOREIGN = /^(VLLM_|CMAKE_ARGS$|CMAKE_C(XX)?_FLAGS$|CFLAGS$|CXXFLAGS$|CPPFLAGS$|LDFLAGS$)/;

/** A source's build runs its author's code, which needs nobody's credentials: all that is fetched is there before. */
const SECRET =
  /TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL|API_?KEY|PRIVATE_KEY|^SSH_AUTH_SOCK$|^AWS_|^(PIP|UV)_.*INDEX/i;

/**
 * The whole environment of a build: the user's, without credentials, Python and compiler settings of the surrounding
 * shell, with the build's variables, and with our shims and the build environment's programs first on PATH.
 */
export function buildEnv(
  host: Host,
  variables: Record<string, string>,
  folders: { shims: string; venv: string },
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(cleanPythonEnv(host))) {
    if (value !== undefined && !FOREIGN.test(name) && !SECRET.test(name)) env[name] = value;
  }
  return {
    ...env,
    ...ccacheVariables(host),
    ...variables,
    VIRTUAL_ENV: folders.venv,
    PATH: [folders.shims, join(folders.venv, "bin"), host.env["PATH"] ?? ""].join(delimiter),
    CC: join(folders.shims, "vllm-cpu-cc"),
    CXX: join(folders.shims, "vllm-cpu-c++"),
    // The build's folder may lie in a repository of its user's, whose commit is none of the wheel's business.
    GIT_CEILING_DIRECTORIES: host.cache,
  };
}

/** The environment's settings for a compile, also for the plan that is printed. */
export function settingsOf(
  compile: { unit: Unit; found: FoundRecipe; epoch: number; source: { version: string | null } },
  dependencies: BuildSettings["dependencies"],
  jobs: number,
): BuildSettings {
  const { unit, found, epoch, source } = compile;
  return {
    unit,
    cmakeArguments: found.recipe.cmakeArguments,
    dependencies,
    version: source.version,
    jobs,
    epoch,
  };
}
