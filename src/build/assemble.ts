import { basename, join } from "node:path";
import { isElf, readElf } from "../elf/elf.ts";
import { stableAbi } from "../elf/stable-abi.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { readBytes, readText, remove, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { run, tail } from "../host/process.ts";
import { inWheelPath } from "../host/resources.ts";
import { closure, type IsaFeature } from "../variants/features.ts";
import type { Variant } from "../variants/manifest.ts";
import type { Recipe } from "../variants/recipes.ts";
import type { KernelChoice } from "../variants/units.ts";
import { FormatError, wheelFormatError } from "../wheel/format-error.ts";
import { oneOf } from "../wheel/metadata.ts";
import { contentOf, rewriteWheel } from "../wheel/rewrite.ts";
import { withoutLocal } from "../wheel/version.ts";
import { openWheel, type WheelFile } from "../wheel/wheel-file.ts";
import { readZip } from "../wheel/zip-reader.ts";
import type { NewEntry } from "../wheel/zip-writer.ts";
import { compilerEnv } from "./compile/compiler-env.ts";

/** What one wheel is made of. */
export interface Assembly {
  variant: Variant;
  recipe: Recipe;
  kernels: KernelChoice | null;
  keepDebug: boolean;
  mtime: Date;
}

const extensionName = (path: string): string => basename(path).split(".")[0] ?? "";

/**
 * The libraries of one set of kernels out of those of several: the chosen one under the name `_C`, which all of them
 * export (PyInit__C), the others left out.
 */
export function selectKernels(
  files: NewEntry[],
  folder: string,
  { library, others }: KernelChoice,
): NewEntry[] {
  const isKernel = (name: string, wanted: string): boolean =>
    name.startsWith(`${folder}/`) && name.endsWith(".so") && extensionName(name) === wanted;
  const chosen = files.filter(({ name }) => isKernel(name, library));
  if (chosen.length !== 1)
    throw new FormatError(folder, `the build made ${chosen.length} libraries ${library}, not one`);
  return files
    .filter(({ name }) => !others.some((other) => isKernel(name, other)))
    .map((file) =>
      isKernel(file.name, library) ? { ...file, name: file.name.replace(`/${library}.`, "/_C.") } : file,
    );
}

/** Features that a CPU must have for the wheel's kernels, and those that its kernels can use. */
export function wheelFeatures(
  recipe: Recipe,
  variant: Variant,
  kernels: KernelChoice | null,
): { required: IsaFeature[]; usable: IsaFeature[] } {
  const chosen = recipe.kernels.find(({ library }) => library === kernels?.library);
  const compiled = chosen ? closure(chosen.features) : variant.isa.mayUse;
  const required = closure([...compiled, ...variant.isa.mustUse]).filter((feature) =>
    // Of the rest, compilers make no use without being asked, and hypervisors hide one or the other.
    /^(avx|amx|f16c|fma$|asimd|i8mm|bf16)/.test(feature),
  );
  const usable = closure([...(chosen?.features ?? variant.isa.mayUse), ...(chosen?.dispatched ?? [])]);
  return { required, usable };
}

/** The in-wheel module with this wheel's values in it. */
export function inWheelModule(template: string, assembly: Assembly, version: string): string {
  const { variant, recipe, kernels } = assembly;
  const { required, usable } = wheelFeatures(recipe, variant, kernels);
  const tuple = (words: readonly string[]): string =>
    `(${words.map((word) => `${JSON.stringify(word)},`).join(" ")})`;
  const values: Record<string, string> = {
    DISTRIBUTION: JSON.stringify(variant.distribution),
    VERSION: JSON.stringify(version),
    VARIANT: JSON.stringify(variant.name),
    KERNELS: JSON.stringify(kernels?.library ?? "_C"),
    REQUIRED_FLAGS: tuple(required),
    USABLE_FEATURES: tuple(usable),
  };
  return Object.entries(values).reduce((text, [name, value]) => {
    const line = new RegExp(`^(${name}(?:: [^=]+)?) = .*$`, "m");
    if (!line.test(text)) throw wheelsError("E_INTERNAL", { detail: `the in-wheel module has no ${name}` });
    return text.replace(line, (_whole, left: string) => `${left} = ${value}`);
  }, template);
}

/** A library without its debug data; symbols stay, since the audit names them. @throws E_TOOL_MISSING, E_STRIP */
async function strip(host: Host, data: Uint8Array, scratch: string): Promise<Uint8Array> {
  const path = join(scratch, "library.so");
  await writeFile(path, data);
  const result = await run(host, "strip", ["--strip-debug", path], { env: compilerEnv(host) });
  if (result.code !== 0) throw wheelsError("E_STRIP", { detail: tail(result) });
  const stripped = await readBytes(path);
  await remove(path);
  return stripped;
}

async function stripAll(
  host: Host,
  files: readonly NewEntry[],
  scratch: string,
): Promise<Map<string, Uint8Array>> {
  const stripped = new Map<string, Uint8Array>();
  for (const { name, data } of files)
    if (/\.so(\.\d+)*$/.test(name) && isElf(data)) stripped.set(name, await strip(host, data, scratch));
  return stripped;
}

/**
 * The wheel of one variant out of what was compiled: its kernels, the in-wheel module, no debug data.
 * @param compiled path of the wheel that the compile made
 * @param scratch folder; the wheel is written there
 * @returns path of the assembled wheel, under its old name
 * @throws E_WHEEL_FORMAT, E_STRIP, E_TOOL_MISSING
 */
export async function assembleWheel(
  host: Host,
  compiled: string,
  assembly: Assembly,
  version: string | null,
  scratch: string,
): Promise<string> {
  const { recipe, kernels, keepDebug, mtime } = assembly;
  const fileName = basename(compiled);
  try {
    const wheel = openWheel(fileName, readZip(await readBytes(compiled)));
    const own = version ?? withoutLocal(oneOf(wheel.metadata, "Version") ?? wheel.name.version);
    const folder = recipe.package;
    const module =
      folder !== null
        ? [
            {
              name: `${folder}/_cpu_wheel.py`,
              data: Buffer.from(inWheelModule(await readText(inWheelPath()), assembly, own)),
              mode: 0o644,
            },
          ]
        : [];
    const contents = contentOf(wheel);
    const chosen = folder !== null && kernels !== null ? selectKernels(contents, folder, kernels) : contents;
    const stripped = keepDebug ? new Map<string, Uint8Array>() : await stripAll(host, chosen, scratch);
    const out = rewriteWheel(wheel, {
      content: [
        ...chosen.map((file) => ({ ...file, data: stripped.get(file.name) ?? file.data })),
        ...module,
      ],
      mtime,
      level: 0,
    });
    const path = join(scratch, out.fileName);
    await writeFile(path, out.bytes);
    return path;
  } catch (thrown) {
    throw wheelFormatError(fileName, thrown);
  }
}

/**
 * The Python and ABI tags that a wheel's libraries earn: where all of them keep to the stable ABI, one wheel serves
 * every Python from the newest symbol's version on.
 * Source: PEP 384; wheel tags by PEP 425.
 * @param floor oldest Python 3 minor version that the metadata admits
 * @returns null for a wheel that is tied to its Python, or has no library
 */
export function stableTags(wheel: WheelFile, floor: number): { python: string; abi: string } | null {
  const libraries = wheel.entries.filter(({ name }) => /\.so$/.test(name) && !/^[^/]+\.libs\//.test(name));
  if (libraries.length === 0) return null;
  let minor = floor;
  for (const entry of libraries) {
    // A library that isn't an extension module is nobody's business here; one for a single Python settles it.
    if (/\.cpython-\d+/.test(entry.name)) return null;
    const data = entry.read();
    if (!isElf(data)) continue;
    const { outside, minor: since } = stableAbi(readElf(data).undefinedSymbols);
    if (outside.length > 0) return null;
    minor = Math.max(minor, since);
  }
  return { python: `cp3${minor}`, abi: "abi3" };
}
