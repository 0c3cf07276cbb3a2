import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import { exists, writeFile } from "../../host/files.ts";
import { fileSha256 } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { run } from "../../host/process.ts";
import type { SystemLibrary } from "../../variants/recipe-schema.ts";
import type { Compiler } from "../preflight.ts";
import { compilerEnv } from "./compiler-env.ts";

/** A program of the compiler's, by its bytes. */
export interface ToolProgram {
  path: string;
  /** Hexadecimal. */
  sha256: string;
}

/** A compiler with all that decides what it makes. */
export interface Toolchain extends Compiler {
  /** What it compiles for, such as x86_64-linux-gnu. */
  target: string;
  /** By what they do: c++, cc, cc1plus, as, ld, strip. */
  programs: Record<string, ToolProgram>;
  /** Digest of the headers and libraries that it takes from the system, hexadecimal. */
  system: string;
}

/** What gcc and clang start; neither is asked for what it has inside itself. */
const STARTED = ["cc1plus", "cc1", "as", "ld", "collect2"];

/** What is linked into a library, or decides which symbols' versions it wants. */
const LINKED = [
  "crti.o",
  "crtbeginS.o",
  "crtendS.o",
  "libgcc.a",
  "libgcc_s.so.1",
  "libstdc++.so",
  "libgomp.so",
  "libm.so.6",
  "libc.so.6",
];

/** The whole path of a program that is named as a shell would. @throws E_COMPILER_MISSING */
async function programPath(host: Host, name: string): Promise<string> {
  const found = await run(host, "/bin/sh", ["-c", 'command -v -- "$1"', "sh", name], {
    env: compilerEnv(host),
  });
  const path = found.stdout.trim();
  if (found.code !== 0 || !isAbsolute(path)) throw wheelsError("E_COMPILER_MISSING", { tried: [name] });
  return path;
}

/** What a compiler answers to a question; null where it knows none. */
async function answer(
  host: Host,
  [command = "", ...words]: readonly string[],
  question: readonly string[],
): Promise<string | null> {
  const result = await run(host, command, [...words, ...question], { env: compilerEnv(host) });
  return result.code === 0 ? result.stdout.trim() : null;
}

/** The headers of the C++ and C library, of OpenMP and of what the recipe asks for, as the compiler finds them. */
async function systemFiles(
  host: Host,
  cxx: readonly string[],
  libraries: readonly SystemLibrary[],
): Promise<string[]> {
  const headers = [
    "bits/stdc++.h",
    "omp.h",
    "pthread.h",
    "dlfcn.h",
    "immintrin.h",
    ...libraries.map(({ header }) => header),
  ];
  const text = headers.map((name) => `#if __has_include(<${name}>)\n#include <${name}>\n#endif\n`).join("");
  const listing = await host.scratch.withFolder("vllm-cpu-wheels-toolchain", async (folder) => {
    const source = join(folder, "system.cpp");
    await writeFile(source, text);
    const made = await answer(host, cxx, ["-std=c++20", "-M", source]);
    return (
      made
        ?.replaceAll("\\\n", " ")
        .split(/\s+/)
        .filter((path) => isAbsolute(path) && path !== source) ?? []
    );
  });
  const files = new Set(listing);
  for (const name of [...LINKED, ...libraries.map(({ library }) => `lib${library}.so`)]) {
    const path = await answer(host, cxx, [`-print-file-name=${name}`]);
    if (path !== null && isAbsolute(path) && (await exists(path))) files.add(path);
  }
  return [...files].sort();
}

/**
 * Finds out by which bytes a compiler compiles: its own programs', and those of the headers and libraries that it
 * takes from the system. Two of them that agree in all of it make the same of the same source.
 * @param libraries what the recipe takes from the system beyond the C and C++ library
 * @throws E_COMPILER_MISSING
 */
export async function describeToolchain(
  host: Host,
  compiler: Compiler,
  libraries: readonly SystemLibrary[],
): Promise<Toolchain> {
  const resolved = async ([name = "", ...words]: readonly string[]): Promise<string[]> => [
    await programPath(host, name),
    ...words,
  ];
  const [cxx, cc] = [await resolved(compiler.cxx), await resolved(compiler.cc)];
  const programs: Record<string, ToolProgram> = {};
  const note = async (role: string, path: string): Promise<void> => {
    programs[role] = { path, sha256: await fileSha256(path) };
  };
  await note("c++", cxx[0] ?? "");
  await note("cc", cc[0] ?? "");
  for (const name of STARTED) {
    const said = await answer(host, cxx, [`-print-prog-name=${name}`]);
    if (said === null || said === "") continue;
    const path = isAbsolute(said) ? said : await programPath(host, said).catch(() => null);
    if (path !== null && (await exists(path))) await note(name, path);
  }
  const strip = await programPath(host, "strip").catch(() => null);
  if (strip !== null) await note("strip", strip);
  const hash = createHash("sha256");
  for (const path of await systemFiles(host, cxx, libraries))
    hash.update(`${path}\0${await fileSha256(path)}\n`);
  return {
    ...compiler,
    cxx,
    cc,
    target: (await answer(host, cxx, ["-dumpmachine"])) ?? "",
    programs,
    system: hash.digest("hex"),
  };
}
