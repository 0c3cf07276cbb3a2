import { type FindingPlace, placeText } from "../findings/findings.ts";
import type { CodePlace } from "../findings/kind.ts";
import type { Result } from "../verify/verdict/result.ts";
import { visible } from "./visible.ts";

/** Places told of one result; GitHub reads 1,000 and shows 100. */
const MOST_PLACES = 20;

/** Stands for the folder that locations are relative to; the name is the one that GitHub's own tools use. */
export const ROOT_ID = "%SRCROOT%";

/**
 * Plain text as a SARIF message has it: `{0}` would be a placeholder and `[a](b)` a link.
 * Source: SARIF 2.1.0, 3.11.5 and 3.11.6.
 */
export const message = (text: string): { text: string } => ({
  text: visible(text)
    .replace(/[{}]/g, (char) => (/\{\d+\}/.test(text) ? char + char : char))
    .replace(/[[\]]/g, (char) => (text.includes("](") ? `\\${char}` : char)),
});

const encoded = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

/** The name under which an answer's subject is known in the file. */
export function pathOf({ wheel, environment }: Result, root: string): string {
  if (wheel === null) return visible(environment ?? "environment").replace(/^\/+/, "");
  const inside = root !== "" && wheel.startsWith(`${root}/`);
  return inside ? wheel.slice(root.length + 1) : (wheel.split("/").at(-1) ?? wheel);
}

/** A file that results are about: a wheel, or one inside a wheel. Source: SARIF 2.1.0, 3.24. */
export interface Artifact {
  location: { uri: string; uriBaseId?: string };
  parentIndex?: number;
  length?: number;
  hashes?: { "sha-256": string };
  roles?: string[];
  mimeType?: string;
}

/** The artifacts of a run, each once. */
export class Artifacts {
  readonly list: Artifact[] = [];
  private readonly seen = new Map<string, number>();

  add(key: string, artifact: Artifact): number {
    const known = this.seen.get(key);
    if (known !== undefined) return known;
    this.seen.set(key, this.list.length);
    return this.list.push(artifact) - 1;
  }
}

/** The wheel or environment itself. */
export function addSubject(artifacts: Artifacts, result: Result, root: string): number {
  const path = pathOf(result, root);
  return artifacts.add(path, {
    location: { uri: encoded(visible(path)), uriBaseId: ROOT_ID },
    ...(result.size === undefined ? {} : { length: result.size }),
    ...(result.sha256 === null ? {} : { hashes: { "sha-256": result.sha256 } }),
    roles: ["analysisTarget"],
    ...(result.wheel === null ? {} : { mimeType: "application/zip" }),
  });
}

/** A file inside the wheel is an artifact whose parent is the wheel (3.24.3). */
function addMember(artifacts: Artifacts, parent: number, path: string): number {
  return artifacts.add(`${parent}:${path}`, {
    location: { uri: encoded(visible(path)) },
    parentIndex: parent,
  });
}

const addressOf = ({ address, instruction }: CodePlace): Record<string, unknown> => {
  const absolute = Number(address);
  return {
    // What is larger can't be told exactly as a JSON number; the message has it.
    ...(Number.isSafeInteger(absolute) ? { absoluteAddress: absolute } : {}),
    kind: "instruction",
    name: visible(instruction),
  };
};

function logicalOf(path: string, place: CodePlace | null): Record<string, unknown>[] {
  const library = { name: visible(path), fullyQualifiedName: visible(path), kind: "module" };
  if (!place?.symbol) return [library];
  const symbol = visible(place.symbol);
  return [{ name: symbol, fullyQualifiedName: `${visible(path)}!${symbol}`, kind: "function" }, library];
}

/** Where a finding is: the wheel first, since readers such as GitHub look at the first place alone. */
export function placesOf(
  artifacts: Artifacts,
  subject: number,
  { file, places, requirement }: FindingPlace,
): { locations: unknown[]; relatedLocations?: unknown[] } {
  const location = artifacts.list[subject]?.location;
  const [first = null] = places;
  const locations = [
    {
      physicalLocation: {
        artifactLocation: { ...location, index: subject },
        // A wheel has no lines; code scanning takes no location without one.
        region: { startLine: 1 },
        ...(first && file ? { address: addressOf(first) } : {}),
      },
      ...(file === null ? {} : { logicalLocations: logicalOf(file, first) }),
    },
  ];
  const related: unknown[] = places.slice(0, MOST_PLACES).flatMap((place) => {
    if (file === null) return [];
    const member = addMember(artifacts, subject, file);
    return [
      {
        physicalLocation: {
          artifactLocation: { uri: artifacts.list[member]?.location.uri, index: member },
          address: addressOf(place),
        },
        logicalLocations: logicalOf(file, place),
        message: message(placeText(place)),
      },
    ];
  });
  if (requirement !== null) {
    const member = addMember(artifacts, subject, "METADATA");
    related.push({
      physicalLocation: {
        artifactLocation: { uri: artifacts.list[member]?.location.uri, index: member },
      },
      logicalLocations: [{ name: "Requires-Dist", fullyQualifiedName: "METADATA/Requires-Dist" }],
      message: message(`Requires-Dist: ${requirement}`),
    });
  }
  return {
    locations,
    ...(related.length > 0
      ? { relatedLocations: related.map((one, index) => ({ id: index + 1, ...(one as object) })) }
      : {}),
  };
}
