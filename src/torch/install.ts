import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { stringify } from "smol-toml";
import { wheelsError } from "../errors/wheels-error.ts";
import { exists, listDir, statPath, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { shownUrl } from "../host/network/urls.ts";
import type { RunResult } from "../host/process.ts";
import { demandCpuOnly, isGpuLocalVersion, isGpuPackage, parseTorchFacts, type TorchFacts } from "./gate.ts";
import { runProbe } from "./python.ts";
import type { Uv } from "./uv.ts";
import { installTorchArgs, resolveArgs, TORCH_PRINTED, venvArgs } from "./uv-args.ts";
import { failureOf, troubleOf, withSettings } from "./uv-trouble.ts";

/** PyTorch's own index of CPU-only wheels. */
export const CPU_INDEX = "https://download.pytorch.org/whl/cpu";
export const TORCH_PACKAGES = ["torch", "torchvision"];

export interface TorchRequest {
  /** Index URL, or a folder of wheels or of a simple index; null for the default. */
  index: string | null;
  /** Package names; null for the default, of which only torch itself is indispensable. */
  packages: string[] | null;
  /** Exact torch version with or without its local part; null for the newest. */
  version: string | null;
  /** What to take beside torch where the place has it and `packages` names nothing; torchvision where left out. */
  companions?: readonly string[];
}

/** Where torch comes from, and the exact versions uv resolved there. */
export interface TorchSource {
  index: string;
  flat: boolean;
  packages: string[];
  /** Requirement lines `name==version` of torch, its companions and all that they need. */
  pins: string[];
  torchVersion: string;
}

interface IndexPlace {
  url: string;
  flat: boolean;
}

/** A folder with wheels in it is a flat index; anything else is a simple index (PEP 503). */
async function placeOf(host: Host, index: string): Promise<IndexPlace> {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(index);
  const path = index.startsWith("file://") ? new URL(index).pathname : isUrl ? null : index;
  if (path === null) return { url: index, flat: false };
  const folder = isAbsolute(path) ? path : resolve(host.cwd, path);
  const stat = await statPath(folder);
  if (!stat) throw wheelsError("E_TORCH_INDEX", { index, detail: "There is no such folder." });
  const flat = (await listDir(folder)).some(({ name }) => name.endsWith(".whl"));
  return { url: pathToFileURL(folder).href, flat };
}

/** uv's settings by which these packages come from one place only, and nothing else does. */
export const torchFrom = ({ url, flat }: IndexPlace, packages: readonly string[]) => ({
  sources: Object.fromEntries(packages.map((name) => [name, { index: "pytorch-cpu" }])),
  index: [{ name: "pytorch-cpu", url, explicit: true, ...(flat ? { format: "flat" } : {}) }],
});

/**
 * A project file for uv in which torch and its companions can come from this place only.
 * @param place null for the user's own indexes
 * @param more requirements beside them, from the user's own indexes
 */
export function project(
  place: IndexPlace | null,
  packages: readonly string[],
  version: string | null,
  more: readonly string[] = [],
): string {
  return stringify({
    project: {
      name: "cpu-only-torch",
      version: "0",
      "requires-python": ">=3.8",
      dependencies: [
        ...packages.map((name) => (name === "torch" && version ? `torch==${version}` : name)),
        ...more,
      ],
    },
    // A workspace of its own: uv would look for one in the folders above, which others may write to.
    tool: { uv: { workspace: {}, ...(place && torchFrom(place, packages)) } },
  });
}

type Resolution = { pins: string[] } | { problem: string; unreachable: boolean };

/**
 * Lets uv resolve a project file for one interpreter, with wheels alone.
 * @param folder empty, for the file
 * @param options arguments of uv that say what to print; variables on top of the user's
 */
export async function compileProject(
  uv: Uv,
  folder: string,
  python: string,
  text: string,
  options: { args: readonly string[]; env?: Record<string, string> },
): Promise<RunResult> {
  const file = join(folder, "pyproject.toml");
  await writeFile(file, text);
  return uv.run(resolveArgs(python, file, options.args), { cwd: folder, env: options.env ?? {} });
}

async function resolveAt(uv: Uv, folder: string, python: string, text: string): Promise<Resolution> {
  const result = await compileProject(uv, folder, python, text, { args: TORCH_PRINTED });
  if (result.code === 0) {
    return { pins: result.stdout.split("\n").filter((line) => /^[A-Za-z0-9]/.test(line)) };
  }
  const trouble = troubleOf(result);
  if (trouble.kind === "no" || trouble.kind === "unreachable")
    return { problem: withSettings(trouble.words, uv.counted), unreachable: trouble.kind === "unreachable" };
  throw failureOf(result, "uv", "asking an index for torch", uv.counted);
}

async function findLinksPlaces(uv: Uv): Promise<IndexPlace[]> {
  const places: IndexPlace[] = [];
  for (const link of uv.pip.findLinks) {
    const path = link.startsWith("file://") ? new URL(link).pathname : link;
    if (isAbsolute(path) && (await exists(path))) places.push({ url: pathToFileURL(path).href, flat: true });
  }
  return places;
}

/** @throws E_TORCH_CUDA where what was resolved is a GPU build, before a byte of it is fetched */
function demandCpuPins(pins: readonly string[]): string {
  const findings = pins.filter((pin) => isGpuPackage(pin) || isGpuLocalVersion(pin));
  if (findings.length > 0)
    throw wheelsError("E_TORCH_CUDA", { findings: findings.map((pin) => `it would install ${pin}`) });
  const torch = pins.find((pin) => pin.startsWith("torch=="));
  if (!torch) throw wheelsError("E_TORCH_INSTALL", { detail: "uv resolved no torch." });
  return torch.slice("torch==".length).split(/[ ;]/)[0] ?? "";
}

/**
 * Decides where CPU-only torch comes from and which versions it will be.
 * A named index is the only place asked. Without one it is the PyTorch CPU index; where that can't be reached, the
 * user's own pip find-links folders, if they hold it.
 * @param python interpreter of the environment it is for
 * @throws E_TORCH_INDEX, E_TORCH_NOT_FOUND, E_TORCH_CUDA; E_TOOL_FAILED where uv itself fails
 */
export async function resolveTorch(
  host: Host,
  uv: Uv,
  python: string,
  request: TorchRequest,
): Promise<TorchSource> {
  const named = request.index !== null;
  const first = await placeOf(host, request.index ?? CPU_INDEX);
  const wanted = request.packages ?? (request.companions ? ["torch", ...request.companions] : TORCH_PACKAGES);
  const attempt = (place: IndexPlace, packages: string[]): Promise<Resolution> =>
    host.scratch.withFolder("vllm-cpu-wheels-torch", (folder) =>
      resolveAt(uv, folder, python, project(place, packages, request.version)),
    );
  // The companions are in the default for the sake of engines that need them; a build needs torch alone.
  const sets = request.packages === null && wanted.length > 1 ? [wanted, ["torch"]] : [wanted];
  let problem: { place: IndexPlace; text: string; unreachable: boolean } | null = null;
  for (const place of [first, ...(named ? [] : await findLinksPlaces(uv))]) {
    for (const packages of sets) {
      const resolution = await attempt(place, packages);
      if ("pins" in resolution) {
        if (place !== first)
          host.log.warn(
            `${shownUrl(first.url)} can't be reached; taking torch from pip's find-links, ${place.url}`,
          );
        const left = wanted.filter((name) => !packages.includes(name));
        if (left.length > 0)
          host.log.warn(`${shownUrl(place.url)} has no fitting ${left.join(", ")}; going on without`);
        const torchVersion = demandCpuPins(resolution.pins);
        return { index: place.url, flat: place.flat, packages, pins: resolution.pins, torchVersion };
      }
      problem ??= { place, text: resolution.problem, unreachable: resolution.unreachable };
      if (resolution.unreachable) break;
    }
    if (!problem?.unreachable) break;
  }
  if (problem?.unreachable)
    throw wheelsError("E_TORCH_INDEX", { index: shownUrl(first.url), detail: problem.text });
  throw wheelsError("E_TORCH_NOT_FOUND", {
    packages: wanted.join(", ") + (request.version ? ` (torch ${request.version})` : ""),
    index: shownUrl(first.url),
    python: await pythonVersion(uv, python),
    detail: problem?.text ?? "",
  });
}

/** Version of an interpreter, such as 3.11.7, for a message; what was asked for where uv can't tell. @param python version or path */
export async function pythonVersion(uv: Uv, python: string): Promise<string> {
  const result = await uv.run(["python", "find", "--no-project", "--show-version", python]);
  return result.code === 0 ? result.stdout.trim() : python;
}

/** What uv says where it knows no such Python, finds one that does not start, or can't fetch its own build of one. */
const NO_PYTHON =
  /No interpreter found|No virtual environment or system Python|No Python at|No download found|is not available for download|Failed to inspect Python interpreter|python-build-standalone|not found at (path|directory)|No such file or directory/i;

/**
 * Makes a fresh virtual environment.
 * @param wanted Python version or path
 * @returns path of its interpreter
 * @throws E_PYTHON_MISSING where there is no such Python, E_TOOL_FAILED, and what a machine's fault is
 */
export async function makeVenv(uv: Uv, folder: string, wanted: string): Promise<string> {
  const result = await uv.run(venvArgs(folder, wanted));
  if (result.code === 0) return join(folder, "bin", "python");
  const trouble = troubleOf(result);
  const isMissing = trouble.kind !== "machine" && NO_PYTHON.test(trouble.words);
  throw isMissing
    ? wheelsError("E_PYTHON_MISSING", { wanted, detail: withSettings(trouble.words, uv.counted) })
    : failureOf(result, "uv", `making an environment for Python ${wanted}`, uv.counted);
}

/** The command a person would type for the same. */
function torchInstallCommand(
  source: Pick<TorchSource, "index" | "packages">,
  version: string | null,
): string {
  const names = source.packages.map((name) => (name === "torch" && version ? `torch==${version}` : name));
  return `uv pip install ${names.join(" ")} --index-url ${shownUrl(source.index)}`;
}

/**
 * Installs the resolved torch into an environment.
 * @throws E_TORCH_INSTALL
 */
export async function installTorch(host: Host, uv: Uv, python: string, source: TorchSource): Promise<void> {
  await host.scratch.withFolder("vllm-cpu-wheels-torch", async (folder) => {
    const file = join(folder, "pyproject.toml");
    const pins = join(folder, "pins.txt");
    await writeFile(file, project({ url: source.index, flat: source.flat }, source.packages, null));
    await writeFile(pins, `${source.pins.join("\n")}\n`);
    const result = await uv.run(installTorchArgs(python, file, pins), {
      cwd: folder,
      onLine: (line) => host.log.debug(line),
    });
    if (result.code === 0) return;
    const trouble = troubleOf(result);
    if (trouble.kind === "machine") throw trouble.error;
    if (trouble.kind === "error") throw failureOf(result, "uv", "installing torch", uv.counted);
    throw wheelsError("E_TORCH_INSTALL", { detail: withSettings(trouble.words, uv.counted) });
  });
}

/**
 * Installs the resolved torch, says with which command, and lets it through the gate.
 * @throws E_TORCH_INSTALL, E_TORCH_CUDA, E_PYTHON_PROBE
 */
export async function installGated(
  host: Host,
  uv: Uv,
  python: string,
  source: TorchSource,
  bytecode: string | null = null,
): Promise<TorchFacts> {
  host.log.info(`  ${torchInstallCommand(source, source.torchVersion)}`);
  await installTorch(host, uv, python, source);
  const facts = await torchFacts(host, python, { bytecode });
  demandCpuOnly(facts);
  return facts;
}

/** What may answer for torch in an environment that others have been installed into since. */
export interface Witnesses {
  /** Of the environment. */
  folder: string;
  /** Folder of its packages. */
  site: string;
  /** Files that were there before, relative to the environment's folder. */
  files: readonly string[];
}

/** How torch is asked about. */
export interface Asking {
  /** Files that may be loaded for the answer, beside those of torch's companions; null for whatever is there. */
  witnesses?: Witnesses | null;
  /** Folder that bytecode is kept in, since compiling torch's modules takes longer than all else; null for none. */
  bytecode?: string | null;
}

/**
 * Asks an environment's interpreter about its torch.
 * @throws E_PYTHON_PROBE
 */
export async function torchFacts(host: Host, python: string, asking: Asking = {}): Promise<TorchFacts> {
  const { witnesses = null, bytecode = null } = asking;
  if (witnesses === null)
    return parseTorchFacts(await runProbe(host, python, "torch_facts.py", [], { bytecode }));
  return host.scratch.withFolder("vcw-facts", async (folder) => {
    const file = join(folder, "witnesses.json");
    await writeFile(file, JSON.stringify(witnesses));
    const options = { withoutSite: true, bytecode };
    return parseTorchFacts(await runProbe(host, python, "torch_facts.py", [file], options));
  });
}
