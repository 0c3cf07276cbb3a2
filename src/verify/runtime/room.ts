import { join } from "node:path";
import { z } from "zod";
import { listDir, makeDir } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { runProbe } from "../../torch/python.ts";
import type { RunSettings } from "./settings.ts";

/** What stands in for a CPU that this machine has not. */
export interface Emulation {
  /** ISA features that this machine lacks and that are emulated. */
  features: readonly string[];
  /** Path of the library that carries out tile instructions; null where a whole CPU is emulated (`--emulator`). */
  library: string | null;
}

/** A clean room: an environment of its own, and folders that are thrown away with it. */
export interface Room {
  python: string;
  /** Its site-packages folder. */
  site: string;
  folder: string;
  home: string;
  /** All that a program in the room sees of the environment. */
  env: Readonly<Record<string, string>>;
  settings: RunSettings;
  /** What stands in for a CPU that this machine has not; null where nothing has to. */
  emulation: Emulation | null;
  /** Folders that programs in the room may write to. */
  writable: readonly string[];
  /** Folder for bytecode of the wheel and of torch, so that a second import is faster. */
  bytecode: string;
}

/**
 * What passes from the user's environment: where programs are and which compiles, the language, and how many threads to
 * use. Nothing else, so that neither a secret nor a setting of this machine reaches the wheel's code.
 */
const PASSES = /^(PATH|LD_LIBRARY_PATH|CXX|LANG|LC_\w+|TZ|(OMP|KMP|MKL|OPENBLAS|GOMP)_\w+)$/;

/** No hub, no statistics, no colours; the engine talks to itself over loopback and takes 1 GiB for its cache. */
const FIXED = {
  HF_HUB_OFFLINE: "1",
  TRANSFORMERS_OFFLINE: "1",
  HF_HUB_DISABLE_TELEMETRY: "1",
  DO_NOT_TRACK: "1",
  VLLM_NO_USAGE_STATS: "1",
  VLLM_HOST_IP: "127.0.0.1",
  VLLM_CPU_KVCACHE_SPACE: "1",
  NO_COLOR: "1",
} as const;

const siteSchema = z.object({ site: z.string() });

/** The folder that an environment keeps its packages in. @throws E_PYTHON_PROBE */
export async function siteFolder(host: Host, python: string): Promise<string> {
  return siteSchema.parse(await runProbe(host, python, "site_folder.py")).site;
}

/**
 * Makes a room round an environment.
 * @param folder a scratch folder; its path should be short, because sockets' names are (unix(7): 107 characters)
 * @throws E_PYTHON_PROBE where the interpreter does not work
 */
export async function openRoom(
  host: Host,
  python: string,
  folder: string,
  settings: RunSettings,
): Promise<Room> {
  const home = join(folder, "home");
  const places = { HOME: home, TMPDIR: join(folder, "t"), XDG_CACHE_HOME: join(folder, "cache") };
  const [config, bytecode] = [join(folder, "config"), join(folder, "pyc")];
  const writable = [...Object.values(places), config, bytecode];
  for (const place of writable) await makeDir(place);
  const passed = Object.entries(host.env).flatMap(([name, value]) =>
    value !== undefined && PASSES.test(name) ? [[name, value]] : [],
  );
  const site = await siteFolder(host, python);
  return {
    python,
    site,
    folder,
    home,
    env: { ...Object.fromEntries(passed), ...FIXED, ...places, XDG_CONFIG_HOME: config },
    settings,
    emulation: null,
    writable,
    bytecode,
  };
}

/** Paths below the room's home folder, which was empty; at most 20. */
export async function writtenAtHome(room: Room): Promise<string[]> {
  const found: string[] = [];
  const visit = async (folder: string, prefix: string): Promise<void> => {
    for (const entry of await listDir(folder)) {
      if (found.length >= 20) return;
      if (entry.isDirectory) await visit(join(folder, entry.name), `${prefix}${entry.name}/`);
      else found.push(`${prefix}${entry.name}`);
    }
  };
  await visit(room.home, "~/");
  return found;
}
