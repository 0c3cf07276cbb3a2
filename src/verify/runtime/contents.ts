import { FormatError } from "../../wheel/format-error.ts";
import { allOf } from "../../wheel/metadata.ts";
import { normalizeName } from "../../wheel/names.ts";
import { parseRequirement } from "../../wheel/requirement.ts";
import { openWheel } from "../../wheel/wheel-file.ts";
import { readZip } from "../../wheel/zip-reader.ts";

/** What of a wheel decides how it is installed. */
export interface Contents {
  /** Normalised names of what it requires, extras left out. */
  requires: string[];
  /** Files that would run by themselves or take another package's place. */
  strays: string[];
}

/** Packages of others that the answers of a run are computed and judged with. */
const OTHERS = new Set(["torch", "torchgen", "functorch", "numpy", "sitecustomize", "usercustomize"]);

/**
 * Reads a wheel's requirements, and what in it does not keep to its own packages. A `.pth` file runs at every start
 * of the interpreter (Python, site module); a folder `torch` would change what the wheel is compared with.
 */
export function readContents(fileName: string, bytes: Uint8Array): Contents {
  try {
    const wheel = openWheel(fileName, readZip(bytes));
    const requires = allOf(wheel.metadata, "Requires-Dist").flatMap((line) => {
      const requirement = parseRequirement(line);
      return /\bextra\b/.test(requirement.marker) ? [] : [normalizeName(requirement.name)];
    });
    const strays = wheel.entries
      .map(({ name }) => name)
      .filter((name) => {
        // Source: binary distribution format: files of .data/{purelib,platlib} go to site-packages.
        const installed = name.replace(/^[^/]+\.data\/(purelib|platlib)\//, "");
        const [top = ""] = installed.split("/");
        return /^[^/]+\.pth$/.test(installed) || OTHERS.has(top.replace(/\.(py|so|[\w-]+\.so)$/, ""));
      });
    return { requires: [...new Set(requires)], strays };
  } catch (thrown) {
    // A wheel that can't be read has failed its static checks, which say why.
    if (thrown instanceof FormatError) return { requires: [], strays: [] };
    throw thrown;
  }
}
