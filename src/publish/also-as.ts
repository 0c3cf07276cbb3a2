import { basename, dirname, join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { writeFileAtomic } from "../host/files.ts";
import { sha256Of } from "../host/hash.ts";
import type { Host } from "../host/host.ts";
import { aliasVersion } from "../variants/alias.ts";
import { type Variant, variantOfDistribution } from "../variants/manifest.ts";
import { variantOfWheel } from "../verify/facts/read-wheel.ts";
import { readWheelFile } from "../verify/facts/wheel-bytes.ts";
import type { TargetKind } from "../verify/verdict/verdict.ts";
import { wheelFormatError } from "../wheel/format-error.ts";
import { oneOf } from "../wheel/metadata.ts";
import { normalizeName } from "../wheel/names.ts";
import { readOrigin, renamedWheel } from "../wheel/origin.ts";
import { openWheel } from "../wheel/wheel-file.ts";
import { readZip } from "../wheel/zip-reader.ts";

const UPLOAD: ReadonlySet<TargetKind> = new Set<TargetKind>(["pypi", "url"]);

/**
 * Refuses a second name where a target would refuse its version: upload indexes take no local ones (PEP 440, "Local version
 * identifiers").
 * @throws E_ALSO_AS
 */
export function demandLocalVersions(name: string, kinds: readonly TargetKind[]): void {
  const upload = kinds.find((kind) => UPLOAD.has(kind));
  if (upload !== undefined)
    throw wheelsError("E_ALSO_AS", {
      name,
      wheel: "A wheel",
      why: `It would have a local version such as 0.32.0+cpu.avx512, and ${upload} takes none.`,
    });
}

/** The wheel under the other name; null where it has a second name already. @throws FormatError, E_ALSO_AS */
function renamed(
  fileName: string,
  bytes: Uint8Array,
  name: string,
  variants: readonly Variant[],
): ReturnType<typeof renamedWheel> | null {
  const wheel = openWheel(fileName, readZip(bytes));
  if (readOrigin(wheel) !== null) return null;
  const distribution = normalizeName(oneOf(wheel.metadata, "Name") ?? "");
  const variant = variantOfWheel(variants, {
    fileName,
    distribution,
    platformTags: wheel.name.platform.split("."),
  });
  const refusal = (why: string): Error => wheelsError("E_ALSO_AS", { name, wheel: fileName, why });
  if (!variant) throw refusal("It is of no variant of the manifest, so nobody could say what it is held to.");
  if (variantOfDistribution(variants, normalizeName(name), wheel.name.platform.split(".")) !== null)
    throw refusal(`${name} is a variant's own name, so it would be held to that variant's contract.`);
  const version = aliasVersion(variant.distribution, name, wheel.name.version);
  if (version === null) throw refusal(`${variant.distribution} does not begin with ${name}-.`);
  const origin = { name: fileName, digest: { sha256: sha256Of(bytes) } };
  return renamedWheel(wheel, { name, version, origin });
}

async function writeAs(
  host: Host,
  path: string,
  name: string,
  variants: readonly Variant[],
): Promise<string[]> {
  const wheel = basename(path);
  const bytes = await readWheelFile(path);
  const other = attemptOn(wheel, () => renamed(wheel, bytes, name, variants));
  if (other === null) return [];
  const place = join(dirname(path), other.fileName);
  await writeFileAtomic(place, other.bytes);
  host.log.info(`  ${wheel} is ${other.fileName}, too`);
  return [place];
}

/** @throws E_WHEEL_FORMAT in place of FormatError */
function attemptOn<T>(wheel: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw wheelFormatError(wheel, thrown);
  }
}

/**
 * Writes each wheel once more beside itself, under a name that its distribution begins with: for packages that require that
 * name. Equal wheels give equal bytes; one that is there is written over. A wheel that has its second name gets no third.
 * @param paths of wheels of variants
 * @returns their paths
 * @throws E_ALSO_AS, E_WHEEL_FILE, E_WHEEL_FORMAT, E_DISK_FULL
 */
export async function writeAlsoAs(
  host: Host,
  paths: readonly string[],
  name: string,
  variants: readonly Variant[],
): Promise<string[]> {
  const stage = host.log.stage(`Making ${paths.length === 1 ? "it" : "them"} ${name}, too...`);
  try {
    const written = [];
    for (const path of paths) written.push(...(await writeAs(host, path, name, variants)));
    stage.done();
    return written;
  } catch (thrown) {
    stage.failed();
    throw thrown;
  }
}
