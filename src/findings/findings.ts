import { z } from "zod";
import { CODE_KINDS } from "./code-kinds.ts";
import { GAP_KINDS } from "./gap-kinds.ts";
import { type CodePlace, type FindingKind, kind, placeSchema } from "./kind.ts";
import { METADATA_KINDS } from "./metadata-kinds.ts";
import { PACKAGE_KINDS } from "./package-kinds.ts";
import { PLATFORM_KINDS } from "./platform-kinds.ts";
import { RUNTIME_KINDS } from "./runtime-kinds.ts";
import { TORCH_KINDS } from "./torch-kinds.ts";

/** What a newer release found, for which this one has no words. */
const OTHER_KINDS = {
  other: kind(
    {
      of: z.string().describe("The kind, as the newer release names it"),
      file: z.string().nullable(),
      requirement: z.string().nullable(),
      places: z.array(placeSchema),
    },
    ({ of, file }) => `${of}${file === null ? "" : ` in ${file}`}, which a newer release can tell of`,
  ),
};

/** Every kind of finding, by name. Names are permanent: published verdicts hold them. */
export const FINDING_KINDS = {
  ...PACKAGE_KINDS,
  ...PLATFORM_KINDS,
  ...METADATA_KINDS,
  ...CODE_KINDS,
  ...TORCH_KINDS,
  ...RUNTIME_KINDS,
  ...GAP_KINDS,
  ...OTHER_KINDS,
};

type Kinds = typeof FINDING_KINDS;

/** The name of a kind of finding. */
export type FindingKindName = keyof Kinds;

/** A finding of one kind. */
export type FindingOf<K extends FindingKindName> = K extends FindingKindName
  ? { kind: K } & (keyof Kinds[K]["fields"] extends never
      ? unknown
      : z.infer<z.ZodObject<Kinds[K]["fields"]>>)
  : never;

/** One thing that a check found: plain facts, told apart by `kind`. */
export type Finding = FindingOf<FindingKindName>;

const lookup: Readonly<Record<string, FindingKind<z.ZodRawShape>>> = FINDING_KINDS as never;

const schemas = Object.entries(lookup).map(([name, { fields }]) =>
  z.object({ kind: z.literal(name), ...fields }),
);

/** A finding of any kind. Unknown fields are left out, as everywhere in a verdict. */
export const findingSchema = z
  .discriminatedUnion("kind", [schemas[0] as (typeof schemas)[number], ...schemas.slice(1)])
  .meta({ id: "finding" }) as unknown as z.ZodType<Finding>;

/** One finding as part of a sentence, without a full stop. */
export function findingText(finding: Finding): string {
  return lookup[finding.kind]?.words(finding) ?? finding.kind;
}

/**
 * What to do about findings: what the first kind that knows a remedy says of all that are of it.
 * @returns null where none does
 */
export function remedyOf(findings: readonly Finding[]): string | null {
  for (const { kind: name } of findings) {
    const remedy = lookup[name]?.remedy;
    if (remedy) return remedy(findings.filter((one) => one.kind === name));
  }
  return null;
}

/** Where a finding is, whatever its kind. */
export interface FindingPlace {
  /** Path in the wheel; null for the wheel as a whole. */
  file: string | null;
  /** In that file's machine code. */
  places: readonly CodePlace[];
  /** The line Requires-Dist of METADATA that it is about. */
  requirement: string | null;
}

/** Where a finding is. A crash's own instruction is its place. */
export function placeOf(finding: Finding): FindingPlace {
  const places =
    "places" in finding
      ? finding.places
      : finding.kind === "crash"
        ? [
            {
              address: finding.address,
              symbol: finding.symbol,
              instruction: finding.instruction ?? "unknown instruction",
            },
          ]
        : [];
  return {
    file: "file" in finding ? finding.file : null,
    places,
    requirement: "requirement" in finding ? finding.requirement : null,
  };
}

/** A place in machine code as part of a sentence. */
export const placeText = ({ instruction, address, symbol }: CodePlace): string =>
  `${instruction} at ${address}${symbol ? ` in ${symbol}` : ""}`;
