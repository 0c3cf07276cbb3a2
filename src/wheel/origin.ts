import { createHash } from "node:crypto";
import { z } from "zod";
import { attempt, FormatError } from "./format-error.ts";
import { descriptionOf, oneOf, withHeader } from "./metadata.ts";
import { rewriteWheel } from "./rewrite.ts";
import { SBOM_FILE } from "./sbom.ts";
import { distInfoText, type WheelFile } from "./wheel-file.ts";

/** File of the dist-info folder that names the wheel of which this one has everything but its name. */
const ORIGIN_FILE = "origin.json";

/** The wheel that another was made of. Source of its form: in-toto attestation framework, ResourceDescriptor v1. */
export const originSchema = z.object({
  name: z.string().describe("File name"),
  digest: z.object({ sha256: z.string() }),
});

export type Origin = z.infer<typeof originSchema>;

/** The wheel that this one says it was made of; null where it says nothing that can be read. */
export function readOrigin(wheel: WheelFile): Origin | null {
  const text = attempt(() => distInfoText(wheel, ORIGIN_FILE)) ?? null;
  return text === null ? null : parsed(originSchema, text);
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

/**
 * Digest of what a wheel brings beside its dist-info folder, by what RECORD says of each file: equal for two wheels that
 * differ in name alone. Hexadecimal SHA-256.
 */
export function payloadSha256({ distInfo, record }: WheelFile): string {
  const data = `${distInfo.replace(/\.dist-info$/, "")}.data/`;
  const rows = record
    .filter(({ path }) => !path.startsWith(`${distInfo}/`))
    .map(({ path, hash, size }) =>
      JSON.stringify([path.startsWith(data) ? [path.slice(data.length)] : path, hash, size]),
    );
  return createHash("sha256").update(rows.sort().join("\n")).digest("hex");
}

const sbomSchema = z.looseObject({
  metadata: z.looseObject({ component: z.looseObject({ "bom-ref": z.string().optional() }) }),
  dependencies: z.array(z.looseObject({ ref: z.string() })).optional(),
});

/** The SBOM with another subject; null where there is none. @throws FormatError */
function renamedSbom(wheel: WheelFile, name: string, version: string): string | null {
  const text = distInfoText(wheel, SBOM_FILE);
  if (text === null) return null;
  const sbom = parsed(sbomSchema, text);
  if (sbom === null) throw new FormatError(SBOM_FILE, "it has no subject");
  const { component } = sbom.metadata;
  const purl = `pkg:pypi/${name}@${encodeURIComponent(version)}`;
  const subject = { ...component, "bom-ref": purl, name, version, purl };
  const dependencies = sbom.dependencies?.map((one) =>
    one.ref === component["bom-ref"] ? { ...one, ref: purl } : one,
  );
  const document = {
    ...sbom,
    metadata: { ...sbom.metadata, component: subject },
    ...(dependencies === undefined ? {} : { dependencies }),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

/** The first time that a zip archive can tell; one for all, so that equal wheels give equal bytes. */
const MTIME = new Date(Date.UTC(1980, 0, 1));

/**
 * The same wheel under another name and version, with its origin in the dist-info folder and commands that install it by that
 * name.
 * @throws FormatError
 */
export function renamedWheel(
  wheel: WheelFile,
  { name, version, origin }: { name: string; version: string; origin: Origin },
): { fileName: string; bytes: Uint8Array } {
  const [oldName, oldVersion] = [oneOf(wheel.metadata, "Name"), oneOf(wheel.metadata, "Version")];
  const sbom = renamedSbom(wheel, name, version);
  return rewriteWheel(wheel, {
    name,
    version,
    info: {
      [ORIGIN_FILE]: `${JSON.stringify(origin, null, 2)}\n`,
      ...(sbom === null ? {} : { [SBOM_FILE]: sbom }),
    },
    metadata: (metadata) => ({
      ...withHeader(metadata, "Description", []),
      body: descriptionOf(metadata).replaceAll(`${oldName}==${oldVersion}`, `${name}==${version}`),
    }),
    mtime: MTIME,
  });
}
