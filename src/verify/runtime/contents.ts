import { FormatError } from "../../wheel/format-error.ts";
import { allOf } from "../../wheel/metadata.ts";
import { normalizeName } from "../../wheel/names.ts";
import { parseRequirement } from "../../wheel/requirement.ts";
import { strayFiles } from "../../wheel/strays.ts";
import { openWheel } from "../../wheel/wheel-file.ts";
import { readZip } from "../../wheel/zip-reader.ts";

/** What of a wheel decides how it is installed. */
export interface Contents {
  /** Normalised names of what it requires, extras left out. */
  requires: string[];
  /** Files that would run by themselves or take another package's place. */
  strays: string[];
}

/**
 * Reads a wheel's requirements, and what in it does not keep to its own packages.
 */
export function readContents(fileName: string, bytes: Uint8Array): Contents {
  try {
    const wheel = openWheel(fileName, readZip(bytes));
    const requires = allOf(wheel.metadata, "Requires-Dist").flatMap((line) => {
      const requirement = parseRequirement(line);
      return /\bextra\b/.test(requirement.marker) ? [] : [normalizeName(requirement.name)];
    });
    const strays = strayFiles(
      normalizeName(wheel.name.distribution),
      wheel.entries.map(({ name }) => name),
    );
    return { requires: [...new Set(requires)], strays };
  } catch (thrown) {
    // A wheel that can't be read has failed its static checks, which say why.
    if (thrown instanceof FormatError) return { requires: [], strays: [] };
    throw thrown;
  }
}
