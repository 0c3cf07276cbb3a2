import { basename, delimiter, join } from "node:path";
import { makeDir, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { CCACHE_PLACES } from "../../host/tool-settings.ts";
import { contractCpuinfo } from "../../variants/cpuinfo.ts";
import type { Variant } from "../../variants/manifest.ts";
import type { FoundRecipe } from "../../variants/recipes.ts";
import type { Unit } from "../../variants/units.ts";
import type { FloorArguments } from "../floor/floor.ts";
import type { BuiltLibraries } from "../libraries.ts";
import type { Compiler } from "../preflight.ts";
import { SAME_EVERYWHERE, taken } from "./compiler-env.ts";

/** What the compiler wrapper prints when a build asks for the host's own ISA; compile.ts looks for it. */
export const NATIVE_MARK = "vllm-cpu-wheels: refused";

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What every compile gets beyond what the build asks for. */
export interface CompileHabits {
  /** Path of ccache; null to go without. */
  ccache: string | null;
  /** Folder whose path must not reach the wheel. */
  root: string;
  /** Folder above it that all of a build's own files lie in. */
  base: string;
  keepDebug: boolean;
  /** What every run is told to build for an older glibc; null for the machine's own. */
  floor: FloorArguments | null;
  /** What goes before the system's libraries; null for nothing. */
  libraries: BuiltLibraries | null;
}

/**
 * Names files below the base relative to where the compiler runs: what ccache keeps then serves a build below any other
 * folder, another runner's for example. ccache's own base_dir does that too, but a build without ccache would have other
 * bytes. Links and names of make's targets stay as they are.
 */
function relativePaths(base: string): string {
  return `base=${quote(base)}
here=$(pwd -P)
beyond=$(cd "$base" && pwd -P)
case "$compiles$here" in
  yes"$beyond"/*)
    rest=\${here#"$beyond"}
    up=
    while [ -n "$rest" ]; do
      rest=\${rest%/*}
      up=../$up
    done
    before=
    left=$#
    while [ "$left" -gt 0 ]; do
      argument=$1
      shift
      left=$((left - 1))
      case "$before" in -MT|-MQ|-D|-U) kept=yes ;; *) kept= ;; esac
      before=$argument
      case "$kept$argument" in
        "$base"/*|-I"$base"/*|-isystem"$base"/*|-iquote"$base"/*|-f*-prefix-map="$base"/*)
          argument=\${argument%%"$base"/*}$up\${argument#*"$base"/} ;;
      esac
      set -- "$@" "$argument"
    done ;;
esac
`;
}

/**
 * Refuses flags that mean "this machine"; response files are looked into, since cmake uses them for long commands.
 * ccache stands behind this wrapper and not before it, so that it hashes the compiler and not the wrapper.
 */
function compilerShim(
  command: readonly string[],
  family: Compiler["family"],
  { ccache, root, base, keepDebug }: CompileHabits,
  always: readonly string[],
  linking: readonly string[],
): string {
  const launcher = ccache === null ? "" : `${quote(ccache)} `;
  const map = quote(`-ffile-prefix-map=${root}=.`);
  // GCC takes the absolute name of a system's header where that is the shorter one.
  const asNamed = family === "gcc" ? ["-fno-canonical-system-headers"] : [];
  const added = [...(keepDebug ? [] : ["-g0"]), ...asNamed, ...always].map(quote).join(" ");
  // A run links where it has an input and nothing that ends it earlier. Source: GCC manual, "Overall Options".
  const link =
    linking.length === 0
      ? ""
      : `links=
for argument in "$@"; do
  case "$argument" in
    -c|-E|-S|-M|-MM|-fsyntax-only|-r|-Wl,-r) links=no; break ;;
    -*) ;;
    *) links=yes ;;
  esac
done
[ "$links" = yes ] && set -- "$@" ${linking.map(quote).join(" ")}
`;
  return `#!/bin/sh
compiles=
for argument in "$@"; do
  case "$argument" in
    -c) compiles=yes; native= ;;
    @*) native=$(grep -oE -e '-m(arch|tune|cpu)=native' "\${argument#@}" 2>/dev/null | head -n 1) ;;
    -march=native|-mtune=native|-mcpu=native) native=$argument ;;
    *) native= ;;
  esac
  if [ -n "$native" ]; then
    echo "${NATIVE_MARK} $native in: $0 $*" >&2
    exit 1
  fi
done
${link}set -- "$@" ${map} ${added}
${relativePaths(base)}exec ${launcher}${command.map(quote).join(" ")} "$@" ${map}
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
  // setuptools-rust builds optional binaries where cargo is there, and leaves them out where it is not.
  cargo: "echo 'vllm-cpu-wheels: the wheel holds no Rust parts' >&2; exit 1",
  rustc: "echo 'vllm-cpu-wheels: the wheel holds no Rust parts' >&2; exit 1",
};

/**
 * A loader's cache that holds what was built for the build and nothing of this machine's: vLLM's setup.py bundles the tcmalloc
 * that `ldconfig -p` lists.
 */
function ldconfigShim(listed: readonly string[]): string {
  const lines = listed.map((path) => `\t${basename(path)} (libc6,x86-64) => ${path}`);
  return ["#!/bin/sh", ...lines.map((line) => `printf '%s\\n' ${quote(line)}`), ""].join("\n");
}

/** Folder of programs that go first on PATH during a build, so that the host can't leak into the wheel. */
export async function writeShims(
  folder: string,
  unit: Pick<Unit, "name" | "features">,
  architecture: Variant["architecture"],
  compiler: Compiler,
  habits: CompileHabits,
): Promise<void> {
  const { floor, libraries } = habits;
  const headers = libraries === null ? [] : ["-isystem", libraries.include];
  const search = libraries === null ? [] : [`-L${libraries.lib}`];
  await makeDir(folder);
  const cpuinfo = join(folder, "cpuinfo");
  await writeFile(cpuinfo, contractCpuinfo(unit, architecture));
  await writeFile(join(folder, "ccache.conf"), "");
  await writeFile(join(folder, "cat"), catShim(cpuinfo, "/bin/cat"), 0o755);
  await writeFile(
    join(folder, "vllm-cpu-cc"),
    compilerShim(
      compiler.cc,
      compiler.family,
      habits,
      [...(floor?.cc ?? []), ...headers],
      [...search, ...(floor?.linkCc ?? [])],
    ),
    0o755,
  );
  await writeFile(
    join(folder, "vllm-cpu-c++"),
    compilerShim(
      compiler.cxx,
      compiler.family,
      habits,
      [...(floor?.cxx ?? []), ...headers],
      [...search, ...(floor?.linkCxx ?? [])],
    ),
    0o755,
  );
  await writeFile(join(folder, "ldconfig"), ldconfigShim(libraries?.listed ?? []), 0o755);
  for (const [name, body] of Object.entries(HIDDEN))
    await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`, 0o755);
}

/** What a build is told. */
export interface BuildSettings {
  unit: Unit;
  cmakeArguments: readonly string[];
  /** Folder by variable, for sources that the build would fetch by itself. */
  dependencies: Readonly<Record<string, { path: string; as: "environment" | "cmake" }>>;
  version: string | null;
  jobs: number;
  /** SOURCE_DATE_EPOCH, seconds. */
  epoch: number;
  /** What the user adds; see parseBuildEnvironment. */
  added: Readonly<Record<string, string>>;
}

/** What says how it is compiled; the same for the plan that is printed and the build that is run. */
export function buildVariables(settings: BuildSettings): Record<string, string> {
  const { unit, version, jobs, epoch, added } = settings;
  const dependencies = Object.entries(settings.dependencies);
  const cmake = [
    // Of two definitions cmake takes the last, so that those below hold.
    ...(added["CMAKE_ARGS"] ? [added["CMAKE_ARGS"]] : []),
    ...settings.cmakeArguments,
    ...dependencies.filter(([, { as }]) => as === "cmake").map(([name, { path }]) => `-D${name}=${path}`),
    // ccache stands in the compiler's wrapper; a search path into the build folder would reach the library's bytes.
    "-DCMAKE_C_COMPILER_LAUNCHER=",
    "-DCMAKE_CXX_COMPILER_LAUNCHER=",
    "-DCMAKE_SKIP_RPATH=ON",
  ];
  return {
    ...SAME_EVERYWHERE,
    PYTHONNOUSERSITE: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    ...added,
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

/** By what a build that fetches something reaches the network; none of it says what is compiled. */
const NETWORK = [
  ...["http_proxy", "https_proxy", "all_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]),
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "PIP_CERT",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH",
];

/** Folders and files of one build that its environment names. */
export interface EnvironmentFolders {
  shims: string;
  venv: string;
  /** An empty folder: settings in a user's home folder decide nothing. */
  home: string;
}

/** Where compiled objects are kept. */
export const objectFolder = (host: Pick<Host, "cache" | "env">): string =>
  host.env["CCACHE_DIR"] || join(host.cache, "ccache");

/**
 * The variables of a build that lead somewhere but don't say what is compiled: they may differ between two builds that
 * give the same bytes.
 */
export function placeVariables(
  host: Host,
  folders: EnvironmentFolders,
  fresh: boolean,
  remote: string | null,
): Record<string, string> {
  return {
    ...taken(host, ["TMPDIR", ...NETWORK]),
    CCACHE_DIR: objectFolder(host),
    CCACHE_MAXSIZE: "10G",
    ...taken(host, CCACHE_PLACES),
    ...(remote === null ? {} : { CCACHE_REMOTE_STORAGE: remote }),
    ...(fresh ? { CCACHE_RECACHE: "1" } : {}),
    // By its bytes: two machines, or an update within one second, may have other compilers of one time stamp.
    CCACHE_COMPILERCHECK: "content",
    CCACHE_NOHASHDIR: "1",
    CCACHE_CONFIGPATH: join(folders.shims, "ccache.conf"),
    HOME: folders.home,
    VIRTUAL_ENV: folders.venv,
    CC: join(folders.shims, "vllm-cpu-cc"),
    CXX: join(folders.shims, "vllm-cpu-c++"),
    // The build's folder may lie in a repository of its user's, whose commit is none of the wheel's business.
    GIT_CEILING_DIRECTORIES: host.cache,
  };
}

/** PATH of a build: our programs, the build environment's, the user's. */
export const buildPath = (
  host: Pick<Host, "env">,
  { shims, venv }: { shims: string; venv: string },
): string => [shims, join(venv, "bin"), host.env["PATH"] ?? ""].join(delimiter);

/**
 * The whole environment of a build, made from nothing: a list of the user's variables by which the network is reached,
 * what the recipe and the options say, and what the user added with --build-env. Nothing else of the shell that the
 * build was started from can reach the compiler.
 * @param variables of {@link buildVariables}
 * @param fresh whether the compile cache is written anew and not read
 * @param remote server of compiled objects; null for none that the user's CCACHE_REMOTE_STORAGE does not name
 */
export function buildEnv(
  host: Host,
  variables: Record<string, string>,
  folders: EnvironmentFolders,
  fresh: boolean,
  remote: string | null,
): Record<string, string> {
  return { ...placeVariables(host, folders, fresh, remote), ...variables, PATH: buildPath(host, folders) };
}

/** The environment's settings for a compile, also for the plan that is printed. */
export function settingsOf(
  compile: {
    unit: Unit;
    found: FoundRecipe;
    epoch: number;
    buildEnvironment: Readonly<Record<string, string>>;
    source: { version: string | null };
  },
  dependencies: BuildSettings["dependencies"],
  jobs: number,
): BuildSettings {
  const { unit, found, epoch, source, buildEnvironment } = compile;
  return {
    unit,
    cmakeArguments: found.recipe.cmakeArguments,
    dependencies,
    version: source.version,
    jobs,
    epoch,
    added: buildEnvironment,
  };
}
