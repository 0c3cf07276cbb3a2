import type { Result } from "../verify/verdict/result.ts";
import { isCompanion } from "../wheel/companions.ts";
import { FormatError } from "../wheel/format-error.ts";
import { type InstallFacts, installCommands } from "../wheel/install-commands.ts";
import { linuxEnvironment, markerHolds } from "../wheel/marker.ts";
import { normalizeName, parseWheelFileName } from "../wheel/names.ts";
import { parseRequirement, pinnedVersion, type Requirement } from "../wheel/requirement.ts";
import { isVersion } from "../wheel/version.ts";

/** Any Python that such wheels are for will do: markers on these packages ask for the machine. */
const PYTHON = "3.12";

function requirementsOf(result: Result, architecture: string): Requirement[] {
  const environment = linuxEnvironment(architecture, PYTHON);
  return (result.contents?.requires ?? []).flatMap((line) => {
    try {
      const requirement = parseRequirement(line);
      return markerHolds(requirement.marker, environment) ? [requirement] : [];
    } catch (thrown) {
      if (thrown instanceof FormatError) return [];
      throw thrown;
    }
  });
}

/** Shell lines that install a wheel beside CPU-only torch; none where its name or METADATA don't tell them. */
export function installLines(result: Result): string[] {
  const facts = installFacts(result);
  return facts ? installCommands(facts) : [];
}

/** How to install a wheel, as its name and METADATA tell it; null where it pins no torch or is of no such name. */
function installFacts(result: Result): InstallFacts | null {
  const fileName = result.wheel?.split("/").at(-1);
  if (fileName === undefined) return null;
  try {
    const { distribution, version, platform } = parseWheelFileName(fileName);
    const requirements = requirementsOf(result, /_(x86_64|aarch64)\b/.exec(platform)?.[1] ?? "x86_64");
    const torch = requirements.find(({ name }) => normalizeName(name) === "torch");
    const pinned = torch && pinnedVersion(torch);
    const torchVersion = result.torch?.version ?? `${pinned?.split("+")[0]}+cpu`;
    // People paste these lines into a shell: nothing but versions and names of packages gets there.
    if (!pinned || !isVersion(torchVersion)) return null;
    return {
      distribution: normalizeName(distribution),
      version: version.split("+")[0] ?? version,
      torchVersion,
      companions: requirements.map(({ name }) => normalizeName(name)).filter(isCompanion),
    };
  } catch (thrown) {
    if (thrown instanceof FormatError) return null;
    throw thrown;
  }
}
