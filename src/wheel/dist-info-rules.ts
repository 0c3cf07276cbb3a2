import { FormatError } from "./format-error.ts";
import { allOf } from "./metadata.ts";
import { normalizeName } from "./names.ts";
import { strayFiles } from "./strays.ts";
import { distInfoText, type WheelFile } from "./wheel-file.ts";

/** Groups whose names become programs. Source: entry points specification, "Use for scripts". */
const SCRIPT_GROUPS = new Set(["console_scripts", "gui_scripts"]);

/** Told of one file; an attacker's may have millions. */
const MOST_PROBLEMS = 20;

/** Source: entry points specification, "Data model" and "File format"; warehouse, utils/wheel.py. */
function entryPointProblems(text: string): string[] {
  const problems: string[] = [];
  const groups = new Set<string>();
  let group: string | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (problems.length >= MOST_PROBLEMS) return problems;
    if (line.trim() === "" || /^\s*[#;]/.test(line)) continue;
    const section = /^\[([^\]]+)\]\s*$/.exec(line)?.[1];
    if (section !== undefined) {
      if (groups.has(section)) problems.push(`entry_points.txt has the group ${section} twice`);
      groups.add(section);
      group = section;
      continue;
    }
    if (/^\s/.test(line) && group !== null) continue;
    const name = line.includes("=") ? line.slice(0, line.indexOf("=")).trim() : null;
    if (group === null || name === null)
      problems.push(`entry_points.txt has a bad line: ${line.slice(0, 80)}`);
    else if (SCRIPT_GROUPS.has(group) && !/^[\w.-]+$/.test(name))
      problems.push(`entry_points.txt makes a program named ${JSON.stringify(name)}`);
  }
  return problems;
}

/** What is wrong with entry_points.txt, which installers read whatever its size. */
function entryPointsRead(wheel: WheelFile): string[] {
  try {
    return entryPointProblems(distInfoText(wheel, "entry_points.txt") ?? "");
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return [thrown.message];
  }
}

/**
 * Names in a wheel that are not its own: files that would run by themselves or take another package's place, programs
 * whose names are paths, a dist-info folder spelt otherwise than the file name (where indexes look for it).
 */
export function ownNameProblems(wheel: WheelFile): string[] {
  const { distribution, version } = wheel.name;
  const expected = `${distribution}-${version}.dist-info`;
  const strays = strayFiles(
    normalizeName(distribution),
    wheel.entries.map(({ name }) => name),
  );
  return [
    ...(wheel.distInfo === expected ? [] : [`the folder is ${wheel.distInfo}; indexes look for ${expected}`]),
    ...strays.map((name) => `${name} is not the wheel's to bring`),
    ...entryPointsRead(wheel),
  ];
}

/** Licence files that METADATA names and the wheel lacks. Source: PEP 639, "Add License-File field". */
export function licenseProblems(wheel: WheelFile): string[] {
  if (!allOf(wheel.metadata, "Metadata-Version").some((version) => Number(version) >= 2.4)) return [];
  const names = new Set(wheel.entries.map(({ name }) => name));
  return allOf(wheel.metadata, "License-File")
    .filter((file) => !names.has(`${wheel.distInfo}/licenses/${file}`))
    .map((file) => `METADATA names the licence file ${file}, which is not in ${wheel.distInfo}/licenses`);
}
