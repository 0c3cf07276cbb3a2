import { wheelsError } from "../errors/wheels-error.ts";
import type { Variant } from "../variants/manifest.ts";
import { FormatError } from "../wheel/format-error.ts";
import { allOf, descriptionOf, type Headers, oneOf, withHeader } from "../wheel/metadata.ts";
import { formatRequirement, isFor, parseRequirement } from "../wheel/requirement.ts";
import { rewriteWheel } from "../wheel/rewrite.ts";
import { satisfies, withoutLocal, withSuffix } from "../wheel/version.ts";
import { openWheel } from "../wheel/wheel-file.ts";
import { readZip } from "../wheel/zip-reader.ts";
import { asDescription } from "./instructions.ts";

export interface Stamp {
  variant: Variant;
  /** The torch it was compiled against, as torch reports itself. */
  torchVersion: string;
  versionSuffix: string | null;
  mtime: Date;
}

/**
 * torch requirements pinned to the release the wheel was compiled against, because torch's C++ ABI changes with every
 * release. Without the local part: `torch==X+cpu` can't be resolved on the default index, and an installed `X+cpu`
 * satisfies `torch==X` (PEP 440, "Version matching").
 */
export function pinTorch(lines: readonly string[], torchVersion: string): string[] {
  return lines.map((line) => {
    const requirement = parseRequirement(line);
    if (!isFor(requirement, "torch")) return line;
    const release = withoutLocal(torchVersion);
    const asked = requirement.specifier.replace(/\+[a-z0-9.]+/gi, "");
    if (!satisfies(release, asked))
      throw new FormatError("METADATA", `it requires ${line}, but was built against torch ${torchVersion}`);
    return formatRequirement({ ...requirement, specifier: `==${release}` });
  });
}

/** Puts the variant's summary, the torch pin and the install instructions into core metadata. */
export function stampMetadata(metadata: Headers, stamp: Stamp): Headers {
  const version = withoutLocal(oneOf(metadata, "Version") ?? "");
  const { distribution, description } = stamp.variant;
  const block = asDescription(
    { distribution, version, torchVersion: stamp.torchVersion },
    oneOf(metadata, "Description-Content-Type"),
  );
  const summarised = withHeader(metadata, "Summary", [description]);
  const pinned = withHeader(
    summarised,
    "Requires-Dist",
    pinTorch(allOf(metadata, "Requires-Dist"), stamp.torchVersion),
  );
  const described = descriptionOf(metadata).trimEnd();
  return {
    ...withHeader(pinned, "Description", []),
    body: described.trim() === "" ? block : `${described}\n\n${block}`,
  };
}

/**
 * Makes a freshly built wheel the variant's: its distribution name, version without a local part, torch pin and
 * instructions.
 * @throws E_WHEEL_FORMAT, E_OPTION_VALUE (version suffix)
 */
export function stampWheel(
  fileName: string,
  bytes: Uint8Array,
  stamp: Stamp,
): { fileName: string; bytes: Uint8Array } {
  try {
    const wheel = openWheel(fileName, readZip(bytes));
    const own = withoutLocal(oneOf(wheel.metadata, "Version") ?? wheel.name.version);
    return rewriteWheel(wheel, {
      name: stamp.variant.distribution,
      version: stamp.versionSuffix === null ? own : withSuffix(own, stamp.versionSuffix),
      metadata: (metadata) => stampMetadata(metadata, stamp),
      mtime: stamp.mtime,
    });
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    throw wheelsError("E_WHEEL_FORMAT", { wheel: fileName, detail: thrown.message }, thrown);
  }
}
