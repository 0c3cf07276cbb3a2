import type { Result } from "../verify/verdict/result.ts";
import { FormatError } from "../wheel/format-error.ts";
import { CPU_TORCH_INDEX } from "../wheel/install-commands.ts";
import { linuxEnvironment, markerHolds } from "../wheel/marker.ts";
import { normalizeName, parseWheelFileName } from "../wheel/names.ts";
import { parseRequirement } from "../wheel/requirement.ts";

/** Any Python that such wheels are for will do: markers on torch ask for the machine. */
const PYTHON = "3.12";

/** Stands where the address of an index is not known when its pages are written. */
const UNKNOWN_ADDRESS = "ADDRESS-OF-THIS-INDEX";

function requiresTorch(requires: readonly string[], architecture: string): boolean {
  const environment = linuxEnvironment(architecture, PYTHON);
  return requires.some((line) => {
    try {
      const { name, marker } = parseRequirement(line);
      return normalizeName(name) === "torch" && markerHolds(marker, environment);
    } catch (thrown) {
      if (thrown instanceof FormatError) return false;
      throw thrown;
    }
  });
}

/**
 * Shell lines that install a wheel beside CPU-only torch, in the form that the index page and the guide have; none where
 * its name and METADATA don't tell that it needs torch. People paste them: nothing but names and versions gets there.
 * @param index null for the wheel's own file; otherwise the index that has it, with its address where that is known
 */
export function installLines(result: Result, index: { servedAt: string | null } | null = null): string[] {
  const fileName = result.wheel?.split("/").at(-1);
  if (fileName === undefined) return [];
  try {
    const { distribution, version, platform } = parseWheelFileName(fileName);
    const architecture = /_(x86_64|aarch64)\b/.exec(platform)?.[1] ?? "x86_64";
    if (!requiresTorch(result.contents?.requires ?? [], architecture)) return [];
    const torch = `--extra-index-url ${CPU_TORCH_INDEX}`;
    if (index === null) return [`pip install ./${fileName} ${torch}`];
    const address = index.servedAt === null ? UNKNOWN_ADDRESS : `${index.servedAt}/`;
    return [`pip install ${normalizeName(distribution)}==${version} --extra-index-url ${address} ${torch}`];
  } catch (thrown) {
    if (thrown instanceof FormatError) return [];
    throw thrown;
  }
}
