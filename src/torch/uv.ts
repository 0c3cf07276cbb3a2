import { join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { makeDir, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import type { PipSettings } from "../host/network/pip-config.ts";
import { trustEnv } from "../host/network/trust-env.ts";
import { type RunResult, run, tail } from "../host/process.ts";
import { readPipSettings, uvIndexEnv } from "./index-settings.ts";
import { cleanPythonEnv, findPython } from "./python.ts";

/**
 * The uv that is installed where none is on PATH. Hashes: sha256 of its wheels as the package index lists them;
 * pip checks them, so a mirror can't slip in another program.
 */
const UV = {
  version: "0.13.9",
  hashes: [
    "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
  ],
} as const;

/** A uv on PATH is used from this version on: explicit flat indexes and their sources work there. */
const UV_FLOOR = [0, 9, 0] as const;

/** uv with the user's index settings, ready to run. */
export interface Uv {
  path: string;
  version: string;
  pip: PipSettings;
  /**
   * Runs uv. Extra variables go on top of the user's environment; `wholeEnv` stands in its place.
   * @throws E_INTERRUPTED
   */
  run(
    args: readonly string[],
    options?: {
      cwd?: string;
      env?: Record<string, string>;
      wholeEnv?: Record<string, string>;
      onLine?: (line: string) => void;
    },
  ): Promise<RunResult>;
}

async function uvVersion(host: Host, path: string): Promise<string | null> {
  try {
    const result = await host.ask(path, ["--version"], { env: host.env });
    return /^uv (\d+\.\d+\.\d+)/.exec(result.stdout)?.[1] ?? null;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "E_TOOL_MISSING") return null;
    throw thrown;
  }
}

function isAtLeast(version: string, floor: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of floor.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

async function installUv(host: Host, python: string, folder: string): Promise<void> {
  const stage = host.log.stage(`Installing uv ${UV.version}`);
  await host.scratch.withFolder("vllm-cpu-wheels-uv", async (scratch) => {
    const requirements = join(scratch, "requirements.txt");
    const hashes = UV.hashes.map((hash) => `--hash=sha256:${hash}`).join(" ");
    await writeFile(requirements, `uv==${UV.version} ${hashes}\n`);
    await makeDir(folder);
    const args = [
      "-m",
      "pip",
      "install",
      "--target",
      folder,
      "--only-binary",
      ":all:",
      "--require-hashes",
      "--no-deps",
    ];
    const result = await run(host, python, [...args, "--upgrade", "-r", requirements], {
      env: { ...cleanPythonEnv(host), ...(await trustEnv(host)) },
    });
    if (result.code !== 0) {
      stage.failed();
      if (/No module named pip/.test(result.stderr)) {
        throw wheelsError("E_PIP_MISSING", { python, detail: "This Python has no pip." });
      }
      throw wheelsError("E_TOOL_INSTALL", { tool: `uv ${UV.version}`, detail: tail(result) });
    }
  });
  stage.done();
}

export interface FoundUv {
  path: string;
  version: string;
}

const TOOL = { name: "uv-wheel", version: UV.version };

const works =
  (host: Host) =>
  async (place: string): Promise<boolean> =>
    (await uvVersion(host, join(place, "bin", "uv"))) === UV.version;

/** uv on PATH or among the host's tools; null where neither has it. @param cache the cache folder */
export async function findUv(host: Host, cache: string): Promise<FoundUv | null> {
  const onPath = await uvVersion(host, "uv");
  if (onPath !== null && isAtLeast(onPath, UV_FLOOR)) return { path: "uv", version: onPath };
  const folder = await host.tools(cache).find(TOOL, works(host));
  return folder === null ? null : { path: join(folder, "bin", "uv"), version: UV.version };
}

/**
 * Finds uv, or installs it among the host's tools with pip, hash-checked.
 * @param cache the cache folder
 * @throws E_PYTHON_MISSING, E_PIP_MISSING, E_TOOL_INSTALL
 */
export async function locateUv(host: Host, cache: string): Promise<FoundUv> {
  const found = await findUv(host, cache);
  if (found !== null) return found;
  const folder = await host
    .tools(cache)
    .provide(host, TOOL, works(host), async (place) => installUv(host, await findPython(host), place));
  return { path: join(folder, "bin", "uv"), version: UV.version };
}

/** uv as {@link locateUv} finds it, with the index settings of the user's pip. @throws what that throws */
export async function ensureUv(host: Host, cache: string): Promise<Uv> {
  const python = await findPython(host);
  const pip = await readPipSettings(host, python);
  const { path, version } = await locateUv(host, cache);
  const base = {
    ...cleanPythonEnv(host),
    ...uvIndexEnv(host.env, pip),
    ...(await trustEnv(host, pip.cert)),
    UV_NO_PROGRESS: "1",
  };
  return {
    path,
    version,
    pip,
    run: (args, options = {}) =>
      run(host, path, args, {
        env: options.wholeEnv ? { ...options.wholeEnv, UV_NO_PROGRESS: "1" } : { ...base, ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
      }),
  };
}
