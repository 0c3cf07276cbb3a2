import type { Finding, FindingOf } from "../findings/findings.ts";
import { attempt, FormatError } from "./format-error.ts";
import { allOf } from "./metadata.ts";
import { normalizeName } from "./names.ts";
import { isOthersProgram, landedTwice, startupFiles, strayFiles } from "./strays.ts";
import { distInfoText, entryPoints, type WheelFile } from "./wheel-file.ts";

/** Groups whose names become programs. Source: entry points specification, "Use for scripts". */
const SCRIPT_GROUPS = new Set(["console_scripts", "gui_scripts"]);

/** Told of one file; an attacker's may have millions. */
const MOST_PROBLEMS = 20;

/**
 * True for an object reference: a module, an object in it, extras. What becomes a program must name an object.
 * Source: entry points specification, "Data model"; Python, importlib.metadata, `EntryPoint.pattern`.
 */
function isObject(value: string, isProgram: boolean): boolean {
  const match = /^[\p{L}\p{N}_.]+\s*(:\s*[\p{L}\p{N}_.]+\s*)?(?:\[[^\]]*\]\s*)?$/u.exec(value.trim());
  return match !== null && !(isProgram && match[1] === undefined);
}

/** Source: entry points specification, "Data model" and "File format"; warehouse, utils/wheel.py. */
function entryPointProblems(text: string, distribution: string): FindingOf<"entry-point">[] {
  const problems: FindingOf<"entry-point">[] = [];
  const report = (problem: FindingOf<"entry-point">["problem"], found: string): number =>
    problems.push({ kind: "entry-point", problem, found });
  const groups = new Set<string>();
  const inGroup = new Set<string>();
  let group: string | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (problems.length >= MOST_PROBLEMS) return problems;
    // A semicolon begins a comment for configparser, and a name for importlib.metadata.
    if (line.trim() === "" || /^\s*(#|;[^=]*$)/.test(line)) continue;
    const section = /^\[([^\]]+)\]\s*$/.exec(line)?.[1];
    if (section !== undefined) {
      if (groups.has(section)) report("group-twice", section);
      groups.add(section);
      inGroup.clear();
      group = section;
      continue;
    }
    if (/^\s/.test(line) && group !== null) continue;
    const name = line.includes("=") ? line.slice(0, line.indexOf("=")).trim() : null;
    if (name !== null && inGroup.has(name)) report("name-twice", name.slice(0, 80));
    if (name !== null) inGroup.add(name);
    if (group === null || name === null) report("bad-line", line.slice(0, 80));
    else if (SCRIPT_GROUPS.has(group) && !/^[\p{L}\p{N}_.-]+$/u.test(name)) report("program-name", name);
    else if (!isObject(line.slice(line.indexOf("=") + 1), SCRIPT_GROUPS.has(group)))
      report("bad-value", line.slice(0, 80));
    else if (SCRIPT_GROUPS.has(group) && isOthersProgram(distribution, name)) report("others-program", name);
  }
  return problems;
}

/**
 * Programs that installers make of entry points; none where these can't be read, which is told elsewhere.
 * Source: entry points specification, "Use for scripts".
 */
export function programsOf(wheel: WheelFile): string[] {
  const text = attempt(() => distInfoText(wheel, "entry_points.txt")) ?? "";
  return [...SCRIPT_GROUPS].flatMap((group) => entryPoints(text, group));
}

/** What is wrong with entry_points.txt, which installers read whatever its size. */
function entryPointsRead(wheel: WheelFile): Finding[] {
  try {
    const text = distInfoText(wheel, "entry_points.txt") ?? "";
    return entryPointProblems(text, normalizeName(wheel.name.distribution));
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return [{ kind: "unreadable-package", problem: thrown.message }];
  }
}

/**
 * What lies in a .data folder of another name, or is a file of such a name: pip spreads any, uv the wheel's own, and other
 * readers take it for a package.
 */
function foreignData({ entries, distInfo }: WheelFile): string[] {
  const own = distInfo.replace(/\.dist-info$/, ".data");
  return entries
    .map(({ name }) => name)
    .filter((name) => /^[^/]+\.data(\/|$)/.test(name) && !name.startsWith(`${own}/`))
    .filter((name) => !name.endsWith("/"));
}

/**
 * Names in a wheel that are not its own: files that would run by themselves or take another package's place, programs
 * whose names are paths, a dist-info folder spelt otherwise than the file name (where indexes look for it).
 */
export function ownNameProblems(wheel: WheelFile): Finding[] {
  const { distribution, version } = wheel.name;
  const expected = `${distribution}-${version}.dist-info`;
  const names = wheel.entries.map(({ name }) => name);
  const strays = strayFiles(normalizeName(distribution), names);
  return [
    ...(wheel.distInfo === expected
      ? []
      : [{ kind: "folder-spelling" as const, found: wheel.distInfo, expected }]),
    ...[...strays, ...foreignData(wheel)].map((name) => ({ kind: "stray-file" as const, file: name })),
    ...startupFiles(names).map((name) => ({ kind: "startup-file" as const, file: name })),
    ...entryPointsRead(wheel),
    ...landedTwice(names, programsOf(wheel))
      .slice(0, MOST_PROBLEMS)
      .map((twice) => ({ kind: "file-twice" as const, ...twice })),
  ];
}

/** Licence files that METADATA names and the wheel lacks. Source: PEP 639, "Add License-File field". */
export function licenseProblems(wheel: WheelFile): FindingOf<"license-missing">[] {
  if (!allOf(wheel.metadata, "Metadata-Version").some((version) => Number(version) >= 2.4)) return [];
  const names = new Set(wheel.entries.map(({ name }) => name));
  return allOf(wheel.metadata, "License-File")
    .filter((file) => !names.has(`${wheel.distInfo}/licenses/${file}`))
    .map((file) => ({ kind: "license-missing", file, folder: `${wheel.distInfo}/licenses` }));
}
