import { FormatError } from "../../wheel/format-error.ts";
import { allOf } from "../../wheel/metadata.ts";
import { normalizeName } from "../../wheel/names.ts";
import { parseRequirement } from "../../wheel/requirement.ts";
import { startupFiles, strayFiles } from "../../wheel/strays.ts";
import { openWheel } from "../../wheel/wheel-file.ts";
import { readZip } from "../../wheel/zip-reader.ts";
import { type Installed, installedBy } from "./installers.ts";
import { expectedOf, type ReadBack } from "./read-back.ts";

/** What of a wheel decides how it is installed. */
export interface Contents {
  /** Normalised names of what it requires, extras left out. */
  requires: string[];
  /** Files that would take another package's place. */
  strays: string[];
  /** Files that would run at every start of Python. */
  startup: string[];
  /** What it would install; null where it can't be read. */
  installs: Installed | null;
  /** What Python's readers should see in it; null where it can't be read. */
  reads: ReadBack | null;
}

/**
 * Reads a wheel's requirements, what in it does not keep to its own packages, and what it would install.
 * @param programs that it makes
 */
export function readContents(fileName: string, bytes: Uint8Array, programs: readonly string[]): Contents {
  try {
    const wheel = openWheel(fileName, readZip(bytes));
    const requires = allOf(wheel.metadata, "Requires-Dist").flatMap((line) => {
      const requirement = parseRequirement(line);
      return /\bextra\b/.test(requirement.marker) ? [] : [normalizeName(requirement.name)];
    });
    const names = wheel.entries.map(({ name }) => name);
    const strays = strayFiles(normalizeName(wheel.name.distribution), names);
    return {
      requires: [...new Set(requires)],
      strays,
      startup: startupFiles(names),
      installs: installedBy(wheel, programs),
      reads: expectedOf(wheel),
    };
  } catch (thrown) {
    // A wheel that can't be read has failed its static checks, which say why.
    if (thrown instanceof FormatError)
      return { requires: [], strays: [], startup: [], installs: null, reads: null };
    throw thrown;
  }
}
