import { isAbsolute, join, relative, resolve } from "node:path";
import { closest } from "fastest-levenshtein";
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { wheelsError } from "../errors/wheels-error.ts";
import { copyTree, exists, isMissing, isWithin, listDir, readTextIfAny, statPath } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { run } from "../host/process.ts";
import { bundledSourcePath } from "../host/resources.ts";

/** What is built: a folder with a Python project. */
export interface Source {
  /** As the user named it. */
  label: string;
  path: string;
  project: string;
  /** The version that pyproject.toml states; null where the build backend computes it. */
  version: string | null;
  /** PEP 508 lines of `[build-system] requires`. */
  buildRequires: string[];
  /** Seconds that a compile takes on two cores, where the source says so. */
  expectedSeconds: number | null;
}

const pyprojectSchema = z.object({
  "build-system": z.object({ requires: z.array(z.string()).default([]) }).optional(),
  project: z.object({ name: z.string().optional(), version: z.string().optional() }).optional(),
  tool: z
    .object({
      "vllm-cpu-wheels": z.object({ "compile-seconds": z.number().positive().optional() }).optional(),
    })
    .optional(),
});

/** PEP 518: what a project without a build-system table is built with. */
const DEFAULT_REQUIRES = ["setuptools>=40.8.0", "wheel"];

/**
 * Finds and reads the source.
 * @param label `sample` for the bundled source, or a folder
 * @throws E_SOURCE
 */
export async function openSource(host: Host, label: string): Promise<Source> {
  const path =
    label === "sample" ? bundledSourcePath() : isAbsolute(label) ? label : resolve(host.cwd, label);
  const stat = await statPath(path);
  if (!stat) throw wheelsError("E_SOURCE", { source: label, problem: `There is no folder ${path}.` });
  if (!stat.isDirectory) throw wheelsError("E_SOURCE", { source: label, problem: "It is no folder." });
  const text = await readTextIfAny(join(path, "pyproject.toml"));
  if (text === null) {
    if (!(await exists(join(path, "setup.py")))) {
      throw wheelsError("E_SOURCE", {
        source: label,
        problem: "It has neither pyproject.toml nor setup.py.",
      });
    }
    return {
      label,
      path,
      project: label,
      version: null,
      buildRequires: DEFAULT_REQUIRES,
      expectedSeconds: null,
    };
  }
  const pyproject = readPyproject(label, text);
  return {
    label,
    path,
    project: pyproject.project?.name ?? label,
    version: pyproject.project?.version ?? null,
    buildRequires: pyproject["build-system"]?.requires ?? DEFAULT_REQUIRES,
    expectedSeconds: pyproject.tool?.["vllm-cpu-wheels"]?.["compile-seconds"] ?? null,
  };
}

function readPyproject(label: string, text: string): z.infer<typeof pyprojectSchema> {
  try {
    return pyprojectSchema.parse(parse(text));
  } catch (thrown) {
    if (thrown instanceof TomlError) {
      const problem = `pyproject.toml:${thrown.line}:${thrown.column} is no TOML: ${thrown.message.split("\n")[0]}`;
      throw wheelsError("E_SOURCE", { source: label, problem }, thrown);
    }
    if (thrown instanceof z.ZodError) {
      throw wheelsError(
        "E_SOURCE",
        { source: label, problem: `pyproject.toml: ${z.prettifyError(thrown)}` },
        thrown,
      );
    }
    throw thrown;
  }
}

/**
 * Checks an asked version against the one the source states.
 * @throws E_VERSION_UNKNOWN for the bundled source, E_VERSION_MISMATCH for a folder
 */
export function demandVersion(source: Source, asked: string): void {
  if (source.version === null || source.version === asked) return;
  if (source.label === "sample") {
    throw wheelsError("E_VERSION_UNKNOWN", {
      project: source.project,
      version: asked,
      nearest: closest(asked, [source.version]),
    });
  }
  throw wheelsError("E_VERSION_MISMATCH", { asked, found: source.version, source: source.label });
}

/** Left by earlier builds and editors; what of it got into a wheel would be another variant's. */
const LEFTOVER =
  /(^|\/)(\.git|\.hg|__pycache__|\.venv|node_modules|[^/]+\.egg-info|\.ruff_cache|\.mypy_cache|\.pytest_cache)$/;

async function leftovers(host: Host, path: string): Promise<Set<string>> {
  const found = new Set<string>();
  try {
    const args = ["-C", path, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"];
    const result = await run(host, "git", args, { env: host.env });
    if (result.code === 0) {
      for (const name of result.stdout.split(/[\0\n]/)) if (name) found.add(name.replace(/\/$/, ""));
    }
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "E_TOOL_MISSING")) throw thrown;
  }
  for (const { name } of await listDir(join(path, "build"))) {
    if (name === "CMakeCache.txt" || /^(temp|lib|bdist)\./.test(name)) found.add("build");
  }
  return found;
}

/**
 * Copies the source into a scratch folder, where the build may change what it likes: the user's own tree is never
 * written, so that no interruption, not even kill -9, can leave it changed.
 * @param exclude folders below the source that this run itself writes to
 * @throws E_DISK_FULL
 */
export async function copySource(
  host: Host,
  source: Source,
  to: string,
  exclude: readonly string[],
): Promise<void> {
  const left = await leftovers(host, source.path);
  const ours = exclude.filter((path) => path !== source.path && isWithin(source.path, path));
  const skipped = new Set([...left, ...ours.map((path) => relative(source.path, path))]);
  try {
    await copyTree(source.path, to, (path) => !LEFTOVER.test(path) && !skipped.has(path));
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
    throw wheelsError(
      "E_SOURCE",
      { source: source.label, problem: "It changed while it was copied." },
      thrown,
    );
  }
}
