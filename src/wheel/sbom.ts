import { FormatError } from "./format-error.ts";
import { distInfoText, type WheelFile } from "./wheel-file.ts";

/** The SBOM that our builds give a wheel. Source: PEP 770, "Reserving the .dist-info/sboms directory". */
export const SBOM_FILE = "sboms/cpu-wheel.cdx.json";

/** Deep enough for any SBOM, and for no stack to end. */
const MOST_DEPTH = 32;

/** Names of components, those within others too. */
function componentNames(components: unknown, depth: number): string[] {
  if (components === undefined) return [];
  if (!Array.isArray(components)) throw new FormatError(SBOM_FILE, "its components are no list");
  if (depth > MOST_DEPTH) throw new FormatError(SBOM_FILE, "its components lie too deep in each other");
  return components.flatMap((component: unknown): string[] => {
    const { name, components: inner } = Object(component) as { name?: unknown; components?: unknown };
    if (typeof name !== "string") throw new FormatError(SBOM_FILE, "a component has no name");
    return [name, ...componentNames(inner, depth + 1)];
  });
}

/**
 * Reads the SBOM that our builds write.
 * Source: CycloneDX 1.6, JSON reference: bomFormat, specVersion, components.
 * @returns names of its components, or why it is none; null where the wheel has none
 */
export function readSbom(wheel: WheelFile): { file: string; problem: string | null; names: string[] } | null {
  const file = `${wheel.distInfo}/${SBOM_FILE}`;
  try {
    const text = distInfoText(wheel, SBOM_FILE);
    if (text === null) return null;
    const { bomFormat, specVersion, components } = Object(JSON.parse(text)) as Record<string, unknown>;
    if (bomFormat !== "CycloneDX" || typeof specVersion !== "string" || !/^1\.\d+$/.test(specVersion))
      return { file, problem: "it does not say that it is CycloneDX 1", names: [] };
    return { file, problem: null, names: componentNames(components, 0) };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return { file, problem: "it is no JSON", names: [] };
    if (thrown instanceof FormatError) return { file, problem: thrown.problem, names: [] };
    throw thrown;
  }
}
