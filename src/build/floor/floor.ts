import { basename, join } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import { exists, listDir, makeDir, makeLink, remove, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { meaning, run } from "../../host/process.ts";
import type { SystemLibrary } from "../../variants/recipe-schema.ts";
import { compilerEnv } from "../compile/compiler-env.ts";
import { type Compiler, compilerBroken, machineArchitecture, runCompiler } from "../preflight.ts";
import { COMPAT } from "./compat.ts";
import { INCLUDES, NONSHARED } from "./floor-kit.ts";

/** What a compiler is told so that what it makes needs no newer glibc. */
export interface FloorArguments {
  /** Folder of its headers and stubs. */
  kit: string;
  /** For every run of the C++ compiler, and of the C compiler. */
  cxx: string[];
  cc: string[];
  /** For runs that link. */
  linkCxx: string[];
  linkCc: string[];
}

/** Where a compiler looks for headers. Source: GCC manual, "Directory Options", -v. */
async function searchPath(host: Host, command: readonly string[], language: string): Promise<string[]> {
  const result = await runCompiler(host, command, ["-E", "-x", language, "-v", "/dev/null"]);
  const text = meaning(result, { 0: result.stderr }, (words) =>
    compilerBroken(command, "telling where its headers are", words),
  );
  const lines = text.split("\n");
  const from = lines.findIndex((line) => /^#include <\.\.\.> /.test(line));
  const to = lines.findIndex((line, index) => index > from && !line.startsWith(" "));
  return lines.slice(from + 1, to).map((line) => line.trim());
}

/** The compiler's own headers and the C++ library's; the C library's come from the kit. */
const isOwn = (folder: string): boolean => /\/c\+\+(\/|$)|\/gcc(-cross)?\//.test(folder);

/** A folder with the headers of the recipe's libraries alone, out of those that hold the machine's own C library, too. */
async function linkHeaders(
  folders: readonly string[],
  libraries: readonly SystemLibrary[],
  to: string,
): Promise<void> {
  await makeDir(to);
  for (const { header, library } of libraries)
    for (const folder of folders) {
      if (!(await exists(join(folder, header)))) continue;
      for (const { name } of await listDir(folder))
        if (name === header || (name.startsWith(library) && name.endsWith(".h"))) {
          await makeLink(join(folder, name), join(to, name));
        }
      break;
    }
}

/** @throws E_COMPILER_BROKEN */
async function makeCompat(
  host: Host,
  compiler: Compiler,
  args: readonly string[],
  folder: string,
): Promise<string> {
  await makeDir(folder);
  const objects: string[] = [];
  for (const [name, text] of Object.entries(COMPAT)) {
    const [source, object] = [join(folder, `${name}.cpp`), join(folder, `${name}.o`)];
    await writeFile(source, text);
    const made = await runCompiler(host, compiler.cxx, [
      "-c",
      "-O2",
      "-fPIC",
      "-g0",
      ...args,
      source,
      "-o",
      object,
    ]);
    meaning(made, { 0: null }, (words) =>
      compilerBroken(compiler.cxx, `compiling ${name} for an older C++ library`, words),
    );
    objects.push(object);
  }
  const archive = join(folder, "libvllm-cpu-compat.a");
  await remove(archive);
  const packed = await run(host, "ar", ["rcsD", archive, ...objects], { env: compilerEnv(host) });
  meaning(packed, { 0: null }, (words) => compilerBroken(["ar"], "making an archive", words));
  return archive;
}

/**
 * What this machine's own compiler is told to build for an older glibc: its headers and link stubs in place of the
 * machine's, and what newer C++ libraries would have.
 * @param kit of provideFloorKit
 * @param architecture that the compiler compiles for, and the kit is of
 * @param folder absent before, or of an earlier call; its files are named by the arguments
 * @throws E_COMPILER_BROKEN
 */
export async function floorArguments(
  host: Host,
  compiler: Compiler,
  kit: string,
  floor: string,
  architecture: string,
  libraries: readonly SystemLibrary[],
  folder: string,
): Promise<FloorArguments> {
  const glibc = (INCLUDES[architecture] ?? []).map((name) => join(kit, "include", name));
  const system = join(folder, "include");
  // The path of a header is in what assert() says.
  const both = [`-D__GLIBC_MINOR__=${floor.split(".")[1]}`, `-ffile-prefix-map=${kit}=glibc`];
  const headers = async (command: readonly string[], language: string): Promise<string[]> => {
    const path = await searchPath(host, command, language);
    await linkHeaders(
      path.filter((one) => !isOwn(one)),
      libraries,
      system,
    );
    return [...path.filter(isOwn), ...glibc, system].flatMap((one) => ["-isystem", one]);
  };
  const cxx = ["-nostdinc", "-nostdinc++", ...(await headers(compiler.cxx, "c++")), ...both];
  const cc = ["-nostdinc", ...(await headers(compiler.cc, "c")), ...both];
  const compat = await makeCompat(host, compiler, cxx, join(folder, "compat"));
  const link = (own: readonly string[]): string[] => [
    "-nodefaultlibs",
    `-L${join(kit, "lib")}`,
    ...own,
    ..."-lm -lgcc_s -lpthread -lrt -ldl -lc".split(" "),
    join(kit, "lib", NONSHARED),
    "-lgcc",
    // This machine's C++ and OpenMP libraries want its own glibc, which they get where the program runs.
    "-Wl,--allow-shlib-undefined",
    // What was added is no other library's business.
    `-Wl,--exclude-libs,${NONSHARED}:${basename(compat)}`,
  ];
  return { kit, cxx, cc, linkCxx: link([compat, "-lstdc++"]), linkCc: link([]) };
}

/** Oldest glibc whose headers and stubs can be made. Source: zig 0.17, lib/libc/glibc/abilists. */
const OLDEST = 17;
/** What torch's own wheels need. */
const OF_TORCH = 28;

/**
 * @param earned what the machine's own toolchain makes libraries for
 * @throws E_GLIBC_FLOOR for a floor that can't be built for here
 */
export function demandBuildable(host: Host, compiler: Compiler, floor: string, earned: string): void {
  const refuse = (detail: string): never => {
    throw wheelsError("E_GLIBC_FLOOR", { floor, earned, detail });
  };
  const minor = Number(floor.split(".")[1]);
  if (minor < OLDEST)
    refuse(`No headers of a glibc before 2.${OLDEST} can be had, and torch's own wheels need 2.${OF_TORCH}.`);
  if (compiler.family !== "gcc") refuse("Building for an older one takes g++: set CC and CXX to it.");
  if (INCLUDES[machineArchitecture()] === undefined)
    refuse(`There are no headers for ${machineArchitecture()}.`);
  if (minor < OF_TORCH)
    host.log.warn(`glibc ${floor} brings nobody more: torch's own wheels need 2.${OF_TORCH}`);
}
