import { isAbsolute, join, resolve } from "node:path";
import { parse, stringify, type TomlTable } from "smol-toml";
import { wheelsError } from "../errors/wheels-error.ts";
import { exists, readTextIfAny, writeFile } from "../host/files.ts";
import { type Host, oncePerHost } from "../host/host.ts";
import { TOOL_SETTINGS } from "../host/tool-settings.ts";

/** Keys that say where packages come from. */
const PLACES = ["index", "index-url", "extra-index-url", "find-links", "no-index"];

/** Where uv looks for settings that are no project's, the more important first. Source: uv, "Configuration files". */
async function settingsFiles({ env, cwd }: Host): Promise<string[]> {
  const named = env["UV_CONFIG_FILE"];
  if (named) return [resolve(cwd, named)];
  const home = env["XDG_CONFIG_HOME"] || join(env["HOME"] ?? "/", ".config");
  const systems = (env["XDG_CONFIG_DIRS"] || "/etc/xdg").split(":").filter((folder) => isAbsolute(folder));
  const places = [...systems.map((folder) => join(folder, "uv", "uv.toml")), "/etc/uv/uv.toml"];
  const files = [join(home, "uv", "uv.toml")];
  for (const place of places) {
    if (!(await exists(place))) continue;
    files.push(place);
    break;
  }
  return files;
}

const isTable = (value: unknown): value is TomlTable =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** A path in a settings file is meant from the file's folder. */
function fromFile(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((one) => fromFile(one, folder));
  if (isTable(value)) return { ...value, ...("url" in value ? { url: fromFile(value["url"], folder) } : {}) };
  return typeof value === "string" && /^\.{0,2}\//.test(value) ? resolve(folder, value) : value;
}

function counting(table: TomlTable, folder: string): TomlTable {
  const keys = TOOL_SETTINGS.uv.fileKeys.filter((key) => Object.hasOwn(table, key));
  const values = keys.map((key) => [
    key,
    PLACES.includes(key) || key === "cache-dir" ? fromFile(table[key], folder) : table[key],
  ]);
  return Object.fromEntries(values) as TomlTable;
}

async function readSettings(file: string, isNamed: boolean): Promise<TomlTable> {
  const text = await readTextIfAny(file);
  if (text === null) {
    if (!isNamed) return {};
    throw wheelsError("E_TOOL_SETTINGS", {
      tool: "uv",
      file,
      detail: "UV_CONFIG_FILE names it, and it is not there.",
    });
  }
  try {
    const table = parse(text);
    const pip = isTable(table["pip"]) ? counting(table["pip"], join(file, "..")) : {};
    return { ...pip, ...counting(table, join(file, "..")) };
  } catch (thrown) {
    const detail = thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown);
    throw wheelsError("E_TOOL_SETTINGS", { tool: "uv", file, detail }, thrown);
  }
}

/** Lists of two files are taken together, the user's first; of single values the user's counts. */
function together(first: TomlTable, second: TomlTable): TomlTable {
  const lists = Object.keys(first).filter((key) => Array.isArray(first[key]) && Array.isArray(second[key]));
  const joined = lists.map((key) => [key, [...(first[key] as unknown[]), ...(second[key] as unknown[])]]);
  return { ...second, ...first, ...Object.fromEntries(joined) };
}

/** The user's settings files of uv, with what counts of them. */
export interface UvConfig {
  /** What uv is told about settings files. */
  env: Record<string, string>;
  /** Whether they say where packages come from. */
  namesPlaces: boolean;
  /** The keys that count, as `index (uv.toml)`. */
  counted: string[];
}

/**
 * Makes, once a run, the one settings file that uv reads: what counts of the user's and the system's `uv.toml`, or of the one that
 * UV_CONFIG_FILE names. Files of projects are never read, be they in the working folder or above a scratch folder.
 * @throws E_TOOL_SETTINGS
 */
export const readUvConfig = oncePerHost(async (host): Promise<UvConfig> => {
  const isNamed = Boolean(host.env["UV_CONFIG_FILE"]);
  let all: TomlTable = {};
  for (const file of await settingsFiles(host)) all = together(all, await readSettings(file, isNamed));
  const counted = Object.keys(all).map((key) => `${key} (uv.toml)`);
  if (counted.length === 0) return { env: { UV_NO_CONFIG: "1" }, namesPlaces: false, counted };
  const path = join(await host.scratch.folderUntilExit("vllm-cpu-wheels-settings"), "uv.toml");
  // It may hold passwords.
  await writeFile(path, stringify(all), 0o600);
  return {
    env: { UV_CONFIG_FILE: path },
    namesPlaces: PLACES.some((key) => Object.hasOwn(all, key)),
    counted,
  };
});
