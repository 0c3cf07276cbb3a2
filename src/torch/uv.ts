import { join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { makeDir, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import type { PipSettings } from "../host/network/pip-config.ts";
import { trustEnv } from "../host/network/trust-env.ts";
import { demandPlaces } from "../host/places.ts";
import { type RunResult, run, versionAnswer } from "../host/process.ts";
import { countingSettings, foreignSettings } from "../host/tool-settings.ts";
import { uvIndexEnv } from "./index-settings.ts";
import { type Pip, pipOf } from "./pip.ts";
import { cleanPythonEnv, findPython } from "./python.ts";
import { readUvConfig } from "./uv-config.ts";
import { failureOf, troubleOf, withSettings } from "./uv-trouble.ts";

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
  /** The user's settings that count for it, for an error that one of them may have caused. */
  counted: readonly string[];
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

const ANSWER = /^uv (\d+\.\d+\.\d+)/;

/** Its version; null where it is not there, or is no uv that works, which is said. */
async function uvVersion(host: Host, path: string): Promise<string | null> {
  const answer = await versionAnswer(host, path, cleanPythonEnv(host), (text) => ANSWER.test(text));
  return ANSWER.exec(answer ?? "")?.[1] ?? null;
}

function isAtLeast(version: string, floor: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of floor.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

async function installUv(host: Host, pip: Pip, folder: string): Promise<void> {
  const stage = host.log.stage(`Installing uv ${UV.version}`);
  try {
    if (!pip.isThere)
      throw wheelsError("E_PIP_MISSING", { python: pip.python, detail: "This Python has no pip." });
    await host.scratch.withFolder("vllm-cpu-wheels-uv", async (scratch) => {
      const requirements = join(scratch, "requirements.txt");
      const hashes = UV.hashes.map((hash) => `--hash=sha256:${hash}`).join(" ");
      await writeFile(requirements, `uv==${UV.version} ${hashes}\n`);
      await makeDir(folder);
      const what = [
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--no-deps",
        "--upgrade",
        "-r",
        requirements,
      ];
      const result = await pip.run(["install", "--target", folder, ...what]);
      if (result.code === 0) return;
      const tool = `uv ${UV.version}`;
      const trouble = troubleOf(result);
      if (trouble.kind === "machine") throw trouble.error;
      if (trouble.kind === "error") throw failureOf(result, "pip", `installing ${tool}`, pip.counted);
      throw wheelsError("E_TOOL_INSTALL", { tool, detail: withSettings(trouble.words, pip.counted) });
    });
  } catch (thrown) {
    stage.failed();
    throw thrown;
  }
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

/** uv on PATH or among the host's tools; null where neither has it. */
export async function findUv(host: Host): Promise<FoundUv | null> {
  const onPath = await uvVersion(host, "uv");
  if (onPath !== null && isAtLeast(onPath, UV_FLOOR)) return { path: "uv", version: onPath };
  const folder = await host.tools.find(TOOL, works(host));
  return folder === null ? null : { path: join(folder, "bin", "uv"), version: UV.version };
}

/**
 * Finds uv, or installs it among the host's tools with pip, hash-checked.
 * @throws E_FOLDER_UNFIT, E_DISK_FULL, E_PYTHON_MISSING, E_PYTHON_BROKEN, E_PIP_MISSING, E_TOOL_INSTALL, E_TOOL_FAILED
 */
export async function locateUv(host: Host, known?: Pip): Promise<FoundUv> {
  await demandPlaces(host);
  const found = await findUv(host);
  if (found !== null) return found;
  const folder = await host.tools.provide(host, TOOL, works(host), async (place) =>
    installUv(host, known ?? (await pipOf(host, await findPython(host))), place),
  );
  return { path: join(folder, "bin", "uv"), version: UV.version };
}

/** Says once which of the user's settings do not count here, so that nobody waits for what they were meant to do. */
function tellForeign(host: Host): void {
  const names = foreignSettings(host.env).filter((name) => /^(UV|PIP|GIT|CCACHE|PYTHON)_?/.test(name));
  if (names.length > 0)
    host.log.info(`Settings of yours that do not count here (docs/settings.md): ${names.join(", ")}`);
}

/**
 * uv as {@link locateUv} finds it, with the user's settings that count: its own, and those of their pip.
 * @throws what {@link locateUv} throws; E_TOOL_SETTINGS
 */
export async function ensureUv(host: Host): Promise<Uv> {
  await demandPlaces(host);
  tellForeign(host);
  const python = await findPython(host);
  const pip = await pipOf(host, python);
  const config = await readUvConfig(host);
  const { path, version } = await locateUv(host, pip);
  const fromPip = uvIndexEnv(host.env, pip.settings, config.namesPlaces);
  const base = {
    ...cleanPythonEnv(host),
    ...fromPip,
    ...config.env,
    ...(await trustEnv(host, pip.settings.cert)),
    // What is not asked for by name must not come from a .python-version of the working folder.
    UV_PYTHON: python,
    UV_NO_PROGRESS: "1",
  };
  return {
    path,
    version,
    pip: pip.settings,
    counted: [
      ...countingSettings(host.env, "uv"),
      ...config.counted,
      ...(Object.keys(fromPip).length > 0 ? pip.counted.filter((name) => /INDEX|LINKS/.test(name)) : []),
    ],
    run: (args, options = {}) =>
      run(host, path, args, {
        env: options.wholeEnv
          ? { ...options.wholeEnv, UV_NO_CONFIG: "1", UV_NO_PROGRESS: "1" }
          : { ...base, ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
      }),
  };
}
