import type { Variant } from "../variants/manifest.ts";
import { COMPANIONS } from "../wheel/companions.ts";
import { FormatError, wheelFormatError } from "../wheel/format-error.ts";
import { linuxEnvironment, type MarkerEnvironment, markerHolds } from "../wheel/marker.ts";
import { allOf, descriptionOf, type Headers, oneOf, withHeader } from "../wheel/metadata.ts";
import { expandTags, normalizeName } from "../wheel/names.ts";
import { formatRequirement, isFor, parseRequirement } from "../wheel/requirement.ts";
import { rewriteWheel } from "../wheel/rewrite.ts";
import { SBOM_FILE } from "../wheel/sbom.ts";
import { satisfies } from "../wheel/specifier.ts";
import { withoutLocal, withSuffix } from "../wheel/version.ts";
import { distInfoText, openWheel, type WheelFile } from "../wheel/wheel-file.ts";
import { readZip } from "../wheel/zip-reader.ts";
import { stableTags } from "./assemble.ts";
import type { Inputs } from "./compile/keys.ts";
import { asDescription } from "./instructions.ts";
import { AUDITWHEEL_FILE, graftedIn, sbomOf } from "./sbom.ts";

export interface Stamp {
  variant: Variant;
  /** The torch it was compiled against, as torch reports itself. */
  torchVersion: string;
  /** `release` for torch==X, which every index can resolve; `local` for torch==X+cpu, for an index that has it. */
  torchRequirement: "release" | "local";
  versionSuffix: string | null;
  /** What it was made of, and this product's version; null for a wheel without an SBOM. */
  made: { inputs: Inputs; tool: string } | null;
  mtime: Date;
}

/**
 * torch requirements pinned to the release the wheel was compiled against, because torch's C++ ABI changes with every
 * release. By default without the local part: `torch==X+cpu` can't be resolved on the default index, and an installed
 * `X+cpu` satisfies `torch==X` (PEP 440, "Version matching").
 */
export function pinTorch(
  lines: readonly string[],
  torchVersion: string,
  form: Stamp["torchRequirement"],
  platform: MarkerEnvironment,
): string[] {
  return lines.map((line) => {
    const requirement = parseRequirement(line);
    // Lines for other platforms are nobody's business here; they name other builds of torch.
    if (!isFor(requirement, "torch") || !markerHolds(requirement.marker, platform)) return line;
    const release = withoutLocal(torchVersion);
    const asked = requirement.specifier.replace(/\+[a-z0-9.]+/gi, "");
    if (!satisfies(release, asked))
      throw new FormatError("METADATA", `it requires ${line}, but was built against torch ${torchVersion}`);
    return formatRequirement({ ...requirement, specifier: `==${form === "local" ? torchVersion : release}` });
  });
}

/** Requirements apart by whether an index takes them: a direct URL is refused by every public one (PEP 440, "Direct references"). */
function splitRequirements(lines: readonly string[]): { kept: string[]; direct: string[] } {
  const isDirect = (line: string): boolean => parseRequirement(line).url !== null;
  return { kept: lines.filter((line) => !isDirect(line)), direct: lines.filter(isDirect) };
}

/** Packages beside torch whose builds must fit it, as far as the wheel requires them. */
function companionsIn(lines: readonly string[], platform: MarkerEnvironment): string[] {
  return COMPANIONS.filter((name) =>
    lines.some((line) => {
      const requirement = parseRequirement(line);
      return isFor(requirement, name) && markerHolds(requirement.marker, platform);
    }),
  );
}

/** Requirements by URL that hold on a platform, whatever the Python: no index takes them, so that users are told of them in prose. */
const movedOut = (direct: readonly string[], platform: MarkerEnvironment): string[] =>
  direct.filter((line) => markerHolds(withoutPython(parseRequirement(line).marker), platform));

/** Puts the variant's summary, the torch pin and the install instructions into core metadata. */
export function stampMetadata(metadata: Headers, stamp: Stamp): Headers {
  const version = withoutLocal(oneOf(metadata, "Version") ?? "");
  const { distribution, description } = stamp.variant;
  const platform = platformOf(metadata, stamp.variant);
  const { kept, direct } = splitRequirements(allOf(metadata, "Requires-Dist"));
  const block = asDescription(
    {
      distribution,
      version,
      torchVersion: stamp.torchVersion,
      companions: companionsIn(kept, platform),
      direct: movedOut(direct, platform),
    },
    oneOf(metadata, "Description-Content-Type"),
  );
  const summarised = withHeader(metadata, "Summary", [description]);
  const pinned = withHeader(
    summarised,
    "Requires-Dist",
    pinTorch(kept, stamp.torchVersion, stamp.torchRequirement, platform),
  );
  const described = descriptionOf(metadata).trimEnd();
  return {
    ...withHeader(pinned, "Description", []),
    body: described.trim() === "" ? block : `${described}\n\n${block}`,
  };
}

/** Where the metadata says nothing, any Python will do for a marker on the platform. */
const DEFAULT_PYTHON = "3.11";

/** Oldest Python that Requires-Python admits, such as 3.11; null where it says nothing. */
function pythonFloor(metadata: Headers): string | null {
  return />=\s*(3\.\d+)/.exec(oneOf(metadata, "Requires-Python") ?? "")?.[1] ?? null;
}

const platformOf = (metadata: Headers, { architecture }: Variant): MarkerEnvironment =>
  linuxEnvironment(architecture, pythonFloor(metadata) ?? DEFAULT_PYTHON);

/** A marker without what it says of Python: lines for other Pythons are worth telling, for other machines not. */
const withoutPython = (marker: string): string =>
  marker.replace(/\s*(and|or)?\s*python_(full_)?version\s*[<>=!~]+\s*["'][^"']*["']/g, "").trim();

/** The tags that the bytes earn: the platform by auditwheel, abi3 where the libraries keep to the stable ABI. */
function earnedTags(wheel: WheelFile): string[] | null {
  const { python, abi, platform } = wheel.name;
  const own = abi === "abi3" ? /^cp3(\d+)$/.exec(python)?.[1] : pythonFloor(wheel.metadata)?.split(".")[1];
  if (own === undefined) return null;
  const earned = stableTags(wheel, Number(own));
  if (earned) return expandTags({ ...earned, platform });
  if (abi !== "abi3") return null;
  throw new FormatError(wheel.fileName, "it is tagged abi3, but its libraries leave the stable ABI");
}

/**
 * Makes a freshly built wheel the variant's: its distribution name, version without a local part, torch pin and
 * instructions.
 * @returns also the packages that its users must install from torch's own index, and the requirements that were moved
 * out of its metadata
 * @throws E_WHEEL_FORMAT, E_OPTION_VALUE (version suffix)
 */
export function stampWheel(
  fileName: string,
  bytes: Uint8Array,
  stamp: Stamp,
): { fileName: string; bytes: Uint8Array; companions: string[]; moved: string[] } {
  try {
    const wheel = openWheel(fileName, readZip(bytes));
    const tags = earnedTags(wheel);
    const own = withoutLocal(oneOf(wheel.metadata, "Version") ?? wheel.name.version);
    const name = stamp.variant.distribution;
    const version = stamp.versionSuffix === null ? own : withSuffix(own, stamp.versionSuffix);
    const { made } = stamp;
    const sbom = (): Record<string, string | null> =>
      made === null
        ? {}
        : {
            [SBOM_FILE]: sbomOf(
              made.inputs,
              { name: normalizeName(name), version },
              graftedIn(wheel),
              distInfoText(wheel, AUDITWHEEL_FILE),
              made.tool,
            ),
            [AUDITWHEEL_FILE]: null,
          };
    const stamped = rewriteWheel(wheel, {
      name,
      version,
      info: sbom(),
      metadata: (metadata) => stampMetadata(metadata, stamp),
      ...(tags === null ? {} : { tags }),
      mtime: stamp.mtime,
    });
    const lines = allOf(wheel.metadata, "Requires-Dist");
    const platform = platformOf(wheel.metadata, stamp.variant);
    return {
      ...stamped,
      companions: companionsIn(lines, platform),
      moved: movedOut(splitRequirements(lines).direct, platform),
    };
  } catch (thrown) {
    throw wheelFormatError(fileName, thrown);
  }
}
