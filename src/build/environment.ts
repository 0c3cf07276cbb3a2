import { delimiter, join } from "node:path";
import { makeDir, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { cleanPythonEnv } from "../torch/python.ts";
import { contractCpuinfo } from "../variants/cpuinfo.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Compiler } from "./preflight.ts";

/** What the compiler wrapper prints when a build asks for the host's own ISA; compile.ts looks for it. */
export const NATIVE_MARK = "vllm-cpu-wheels: refused";

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Refuses flags that mean "this machine"; response files are looked into, since cmake uses them for long commands. */
function compilerShim(command: readonly string[]): string {
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
exec ${command.map(quote).join(" ")} "$@"
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

/** Folder of programs that go first on PATH during a build, so that the host can't leak into the wheel. */
export async function writeShims(folder: string, variant: Variant, compiler: Compiler): Promise<void> {
  await makeDir(folder);
  const cpuinfo = join(folder, "cpuinfo");
  await writeFile(cpuinfo, contractCpuinfo(variant));
  await writeFile(join(folder, "cat"), catShim(cpuinfo, "/bin/cat"), 0o755);
  await writeFile(join(folder, "vllm-cpu-cc"), compilerShim(compiler.cc), 0o755);
  await writeFile(join(folder, "vllm-cpu-c++"), compilerShim(compiler.cxx), 0o755);
}

/** Variables of a build beyond the user's own; the same for the plan that is printed and the build that is run. */
export function buildVariables(variant: Variant, jobs: number, epoch: number): Record<string, string> {
  return {
    ...variant.environment,
    MAX_JOBS: String(jobs),
    CMAKE_BUILD_PARALLEL_LEVEL: String(jobs),
    SOURCE_DATE_EPOCH: String(epoch),
  };
}

/** ISA switches of vLLM that the user's shell might still hold; a variant says all of its own. */
const FOREIGN = /^(VLLM_|CMAKE_ARGS$|CMAKE_C(XX)?_FLAGS$|CFLAGS$|CXXFLAGS$|CPPFLAGS$|LDFLAGS$)/;

/**
 * The whole environment of a build: the user's, without Python and compiler settings of the surrounding shell, with
 * the variant's variables, and with our shims and the build environment's programs first on PATH.
 */
export function buildEnv(
  host: Host,
  variables: Record<string, string>,
  folders: { shims: string; venv: string },
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(cleanPythonEnv(host))) {
    if (value !== undefined && !FOREIGN.test(name)) env[name] = value;
  }
  return {
    ...env,
    ...variables,
    VIRTUAL_ENV: folders.venv,
    PATH: [folders.shims, join(folders.venv, "bin"), host.env["PATH"] ?? ""].join(delimiter),
    CC: join(folders.shims, "vllm-cpu-cc"),
    CXX: join(folders.shims, "vllm-cpu-c++"),
  };
}
