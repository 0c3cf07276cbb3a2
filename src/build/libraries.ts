import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { copyAtomic, exists, makeDir, makeLink, remove, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { run, tail } from "../host/process.ts";
import type { Uv } from "../torch/uv.ts";
import { compilerEnv } from "./compile/compiler-env.ts";
import type { Inputs } from "./compile/keys.ts";
import { floorArguments } from "./floor/floor.ts";
import { provideFloorKit } from "./floor/floor-kit.ts";
import { needsFloorKit } from "./glibc.ts";
import { copyOrigin, identityOf, librariesOf, type SourcedLibrary } from "./source/dependencies.ts";

/** Libraries that were built from source for a build to link, and for the repair to take into the wheel. */
export interface BuiltLibraries {
  /** Folder of their headers. */
  include: string;
  /** Folder of the libraries. */
  lib: string;
  /** Paths of those that the dynamic loader's cache is to list to the build. */
  listed: string[];
}

type LibraryInputs = Pick<Inputs, "request" | "compiler" | "dependencies">;

/** Everything that decides their bytes. */
function keyOf(
  { request, compiler, dependencies }: LibraryInputs,
  wanted: readonly SourcedLibrary[],
): string {
  const origins = wanted.map(({ source }) => {
    const origin = dependencies.get(source.project);
    return origin && identityOf(origin);
  });
  const text = JSON.stringify([
    1,
    wanted.map(({ library, source }) => [library, source]),
    origins,
    compiler,
    request.floor,
  ]);
  return createHash("sha256").update(text).digest("hex").slice(0, 20);
}

/** @param floor arguments of the compilers @throws E_DEPENDENCY, E_GIT, E_DISK_FULL */
async function makeLibrary(
  host: Host,
  { request, compiler, dependencies }: LibraryInputs,
  { library, source }: SourcedLibrary,
  floor: Record<"c" | "c++", readonly string[]>,
  scratch: string,
  place: Pick<BuiltLibraries, "include" | "lib">,
): Promise<void> {
  const origin = dependencies.get(source.project);
  if (origin === undefined) throw wheelsError("E_INTERNAL", { detail: `${source.project} was not resolved` });
  const tree = join(scratch, source.project);
  await copyOrigin(host, origin, request.fresh, tree);
  for (const [name, text] of Object.entries(source.generated ?? {})) {
    await makeDir(dirname(join(tree, name)));
    await writeFile(join(tree, name), text);
  }
  const made = join(place.lib, source.soname);
  const { language = "c", headers = [] } = source;
  const [command = "", ...own] = language === "c" ? compiler.cc : compiler.cxx;
  const args = [
    ...own,
    ...["-O2", "-fPIC", "-g0", "-shared", "-I.", `-ffile-prefix-map=${tree}=.`],
    // A function that nobody has would be noticed by whoever loads it.
    ...[`-Wl,-soname,${source.soname}`, "-Wl,-z,defs"],
    ...(source.arguments ?? []),
    ...source.sources,
    ...floor[language],
    ...["-o", made],
  ];
  const result = await run(host, command, args, { cwd: tree, env: compilerEnv(host) });
  if (result.code !== 0)
    throw wheelsError("E_DEPENDENCY", {
      name: source.project,
      source: origin.kind === "git" ? origin.repository : origin.path,
      problem: `${source.soname} can't be built of it: ${tail(result)}`,
    });
  if (source.soname !== `lib${library}.so`)
    await makeLink(source.soname, join(place.lib, `lib${library}.so`));
  for (const header of headers) await copyAtomic(join(tree, header), join(place.include, header));
}

/**
 * The libraries of a recipe that are built from source, for the glibc that is asked for; built once and kept among the tools.
 * @returns null where none is built from source
 * @throws E_DEPENDENCY, E_GIT, E_TOOL_INSTALL, E_GLIBC_FLOOR, E_DISK_FULL
 */
export async function provideLibraries(
  host: Host,
  uv: Uv,
  inputs: LibraryInputs,
): Promise<BuiltLibraries | null> {
  const { found, floor, architecture } = inputs.request;
  const wanted = librariesOf(found.recipe, floor).sourced;
  if (wanted.length === 0) return null;
  const folder = await host.tools.provide(
    host,
    { name: `libraries-${keyOf(inputs, wanted)}`, version: floor ?? "own" },
    (place) => exists(join(place, "complete")),
    async (place) => {
      const kit =
        floor !== null && (await needsFloorKit(host, inputs.compiler, floor))
          ? await provideFloorKit(host, uv, floor, architecture)
          : null;
      const names = wanted.map(({ source }) => source.soname).join(", ");
      const stage = host.log.stage(`Building ${names}${floor === null ? "" : ` for glibc ${floor}`}...`);
      await host.scratch
        .withFolder("vllm-cpu-wheels-libraries", async (scratch) => {
          await remove(place);
          const folders = { include: join(place, "include"), lib: join(place, "lib") };
          await makeDir(folders.include);
          await makeDir(folders.lib);
          const args =
            kit === null || floor === null
              ? null
              : await floorArguments(
                  host,
                  inputs.compiler,
                  kit,
                  floor,
                  architecture,
                  [],
                  join(scratch, "floor"),
                );
          const own = {
            c: args === null ? [] : [...args.cc, ...args.linkCc],
            "c++": args === null ? [] : [...args.cxx, ...args.linkCxx],
          };
          for (const one of wanted) await makeLibrary(host, inputs, one, own, scratch, folders);
          await writeFile(join(place, "complete"), "");
        })
        .catch((thrown: unknown) => {
          stage.failed();
          throw thrown;
        });
      stage.done();
    },
  );
  const lib = join(folder, "lib");
  const listed = found.recipe.listed.map(({ soname }) => join(lib, soname));
  return { include: join(folder, "include"), lib, listed };
}
