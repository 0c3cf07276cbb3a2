import { isAbsolute, join, relative } from "node:path";
import { isElf } from "../../elf/elf.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { exists, listDir, readBytes, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { meaning, run } from "../../host/process.ts";
import { readZip } from "../../wheel/zip-reader.ts";
import { compilerEnv } from "../compile/compiler-env.ts";
import { type Compiler, compilerBroken, runCompiler } from "../preflight.ts";

/** Parts of glibc that a library may be linked with. */
const PARTS = ["libc.so.6", "libm.so.6", "libpthread.so.0", "librt.so.1", "libdl.so.2", "libutil.so.1"];

/** Names in the symbol tables of files, by file. Source: nm(1), --format=posix. */
async function symbols(
  host: Host,
  files: readonly string[],
  options: readonly string[],
): Promise<{ file: string; name: string; kind: string }[]> {
  if (files.length === 0) return [];
  const args = ["-A", "--format=posix", ...options, ...files];
  const result = await run(host, "nm", args, { env: compilerEnv(host), keep: 256 * 1024 * 1024 });
  const text = meaning(result, { 0: result.stdout }, (words) =>
    compilerBroken(["nm"], "listing symbols", words),
  );
  return text.split("\n").flatMap((line) => {
    const [, file = "", name = "", kind = ""] = /^(.*): (\S+) (\w)/.exec(line) ?? [];
    return name === "" ? [] : [{ file, name: name.replace(/@.*$/, ""), kind }];
  });
}

async function namesOf(host: Host, files: readonly string[]): Promise<Set<string>> {
  const defined = await symbols(host, files, ["-D", "--defined-only"]);
  return new Set(defined.map(({ name }) => name));
}

/** What this machine's glibc has and the older one has not. */
async function newerNames(host: Host, compiler: Compiler, kit: string): Promise<Set<string>> {
  const own: string[] = [];
  for (const name of PARTS) {
    const path = (await runCompiler(host, compiler.cc, [`-print-file-name=${name}`])).stdout.trim();
    if (isAbsolute(path)) own.push(path);
  }
  const stubs: string[] = [];
  for (const name of PARTS) if (await exists(join(kit, "lib", name))) stubs.push(join(kit, "lib", name));
  const older = await namesOf(host, stubs);
  return new Set([...(await namesOf(host, own))].filter((name) => !older.has(name)));
}

async function objectsBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name, isDirectory, isFile } of await listDir(folder)) {
    if (isDirectory && name !== ".git") found.push(...(await objectsBelow(join(folder, name))));
    if (isFile && name.endsWith(".o")) found.push(join(folder, name));
  }
  return found;
}

/** The linker leaves a function that it finds nowhere to whoever loads the library; on an older system nobody has it. */
async function strongUndefined(
  host: Host,
  files: readonly string[],
  options: readonly string[],
): Promise<{ file: string; name: string }[]> {
  return (await symbols(host, files, [...options, "--undefined-only"])).filter(({ kind }) => kind === "U");
}

/**
 * Refuses libraries that call functions of a newer glibc than they are built for.
 * @param wheel path of what was compiled
 * @param folder where its objects are
 * @throws E_GLIBC_FLOOR with function, library, object and so the source file; E_COMPILER_BROKEN
 */
export async function demandNoNewerCalls(
  host: Host,
  compiler: Compiler,
  kit: string,
  floor: string,
  wheel: string,
  folder: string,
): Promise<void> {
  const newer = await newerNames(host, compiler, kit);
  const called = await host.scratch.withFolder("vllm-cpu-wheels-glibc", async (scratch) => {
    const found: { library: string; name: string }[] = [];
    const place = join(scratch, "library.so");
    for (const entry of readZip(await readBytes(wheel))) {
      const data = entry.read();
      if (!isElf(data)) continue;
      await writeFile(place, data);
      for (const { name } of await strongUndefined(host, [place], ["-D"]))
        if (newer.has(name)) found.push({ library: entry.name, name });
    }
    return found;
  });
  if (called.length === 0) return;
  const callers = await strongUndefined(host, await objectsBelow(folder), []);
  const texts = called.map(({ library, name }) => {
    const objects = callers.filter((one) => one.name === name).map(({ file }) => relative(folder, file));
    return `${library} calls ${name}${objects.length > 0 ? `, which ${objects.join(" and ")} wants` : ""}`;
  });
  throw wheelsError("E_GLIBC_FLOOR", {
    floor,
    earned: "newer than that",
    detail: `glibc ${floor} has no such function: ${texts.join("; ")}.`,
  });
}
