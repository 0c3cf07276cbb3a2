import { join } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import { exists, listDir, makeDir, makeLink, readText, remove, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { run, tail } from "../../host/process.ts";
import { copyTree } from "../../host/trees.ts";
import type { Uv } from "../../torch/uv.ts";

/**
 * It carries glibc's headers of every version, and makes its link stubs. Only these are used: what compiles is this
 * machine's own compiler. Hashes: sha256 of its wheels as the package index lists them.
 */
export const ZIG = {
  package: "ziglang",
  version: "0.17.1",
  hashes: [
    "09953b6af7f64168b915180a42774f520f92d86ef6331b28e33915c7e1f0bb23",
    "27a8da5f8eaa0e76ebbc7c2594130ed4646c1101ada2ce0aa86fe580c74154b9",
    "4e0b4b9c02b8d0d220e9948010f860b62ff11d96abb39762eca5fa2ef3f7bc97",
    "69c3dfc3aff6a297ec4017aa904782c0e450eb988982d7f675d83edce27526fb",
    "7ec229ead4a08f3bc537ed33fa8c0f811739b81a0d05afbea89db30afb4df1cc",
    "87f24e5cdca55f5d47c1e20570eebb61a53957fafe4c35c69740e13affe407ba",
    "ae28f1f1150b95c8b1bb5e185d18e6c542877dc480e2476ccc81dac41f191b71",
    "b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e",
    "d0549d5db63961ad9ed83ef628a45e3309542410dbcb6010116f4f2a3274d966",
    "d3bf27478d4593f2df7daf5c59b616a543b8f9e2cc9235bef84d8e54862a4334",
    "d65ae4223b0c351cb3b4596262b8d9773acc9ca94ef8ea9b5fe3ddfa07dd204f",
    "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
  ],
} as const;

/** Its folders of headers, the nearest to the target first. */
export const INCLUDES: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["x86-linux-gnu", "generic-glibc", "x86-linux-any", "any-linux-any"],
  aarch64: ["aarch64-linux-gnu", "generic-glibc", "aarch64-linux-any", "any-linux-any"],
};

/** glibc's part that is linked statically. Source: glibc, Makerules, libc_nonshared.a. */
export const NONSHARED = "libc_nonshared.a";

/** Parts of glibc that code may link by name. */
const STUBS = ["m", "dl", "pthread", "rt", "util"];

const failed = (detail: string): Error =>
  wheelsError("E_TOOL_INSTALL", {
    tool: `The headers and link stubs of glibc (${ZIG.package} ${ZIG.version})`,
    detail,
  });

async function install(uv: Uv, folder: string): Promise<string> {
  const hashes = ZIG.hashes.map((hash) => `--hash=sha256:${hash}`).join(" ");
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `${ZIG.package}==${ZIG.version} ${hashes}\n`);
  const target = join(folder, "target");
  const args = [
    "pip",
    "install",
    "--quiet",
    "--target",
    target,
    "--no-deps",
    "--require-hashes",
    "-r",
    requirements,
  ];
  const result = await uv.run(args);
  if (result.code !== 0) throw failed(tail(result));
  return join(target, "ziglang");
}

/** Link stubs: libraries that hold the names and versions of that glibc, and no code. */
async function makeStubs(
  host: Host,
  zig: string,
  target: string,
  scratch: string,
  lib: string,
): Promise<void> {
  const [source, cache] = [join(scratch, "empty.c"), join(scratch, "cache")];
  await writeFile(source, "int nothing;\n");
  const args = ["cc", "-target", target, "-shared", source, "-o", join(scratch, "empty.so")];
  const env = {
    PATH: host.env["PATH"],
    HOME: scratch,
    ZIG_GLOBAL_CACHE_DIR: cache,
    ZIG_LOCAL_CACHE_DIR: cache,
  };
  const made = await run(host, join(zig, "zig"), [...args, ...STUBS.map((name) => `-l${name}`)], { env });
  if (made.code !== 0) throw failed(tail(made));
  await makeDir(lib);
  for (const { name: folder } of await listDir(join(cache, "o")))
    for (const { name } of await listDir(join(cache, "o", folder))) {
      // Functions that are in no shared library of that glibc, such as lstat before 2.33: every library has its own.
      if (name === NONSHARED) await copyTree(join(cache, "o", folder, name), join(lib, name), () => true);
      const [, plain] = /^(lib\w+\.so)\.\d+$/.exec(name) ?? [];
      if (plain === undefined) continue;
      await copyTree(join(cache, "o", folder, name), join(lib, name), () => true);
      await makeLink(name, join(lib, plain));
    }
  for (const name of ["libc.so", NONSHARED])
    if (!(await exists(join(lib, name)))) throw failed(`It made no ${name}.`);
}

/** Headers that came with a newer glibc are left out, so that `__has_include` says no. */
async function removeNewer(folder: string, minor: number): Promise<void> {
  for (const { name, isDirectory } of await listDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await removeNewer(path, minor);
    else {
      const [, since] = /did not exist before glibc 2\.(\d+)/.exec(await readText(path)) ?? [];
      if (since !== undefined && Number(since) > minor) await remove(path);
    }
  }
}

/**
 * glibc's headers and link stubs of one version, made once and kept among the tools.
 * @param floor such as 2.28
 * @param architecture of the machine, as platform tags spell it
 * @returns folder with `include/<name>` and `lib`
 * @throws E_TOOL_INSTALL, E_DISK_FULL
 */
export async function provideFloorKit(
  host: Host,
  uv: Uv,
  floor: string,
  architecture: string,
): Promise<string> {
  const tool = { name: `glibc-${floor}-${architecture}`, version: ZIG.version };
  return host.tools.provide(
    host,
    tool,
    (place) => exists(join(place, "complete")),
    async (place) => {
      const stage = host.log.stage(`Making headers and link stubs of glibc ${floor}...`);
      await host.scratch
        .withFolder("vllm-cpu-wheels-floor", async (scratch) => {
          const zig = await install(uv, scratch);
          await remove(place);
          await makeDir(join(place, "include"));
          await makeStubs(host, zig, `${architecture}-linux-gnu.${floor}`, scratch, join(place, "lib"));
          for (const name of INCLUDES[architecture] ?? [])
            await copyTree(
              join(zig, "lib", "libc", "include", name),
              join(place, "include", name),
              () => true,
            );
          await removeNewer(join(place, "include"), Number(floor.split(".")[1]));
          await writeFile(join(place, "complete"), "");
        })
        .catch((thrown: unknown) => {
          stage.failed();
          throw thrown;
        });
      stage.done();
    },
  );
}
