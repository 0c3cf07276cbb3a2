import type { FindingOf } from "../findings/findings.ts";
import { parseMarker } from "./marker.ts";
import { allOf, type Headers } from "./metadata.ts";
import { isSpecifier } from "./specifier.ts";
import { isVersion } from "./version.ts";

/** One field as later readers read it. */
interface Field {
  /** Whether it may stand there more than once. */
  many: boolean;
  /** Whether a value is one; left out for free text. */
  holds?: (value: string) => boolean;
  /** What a value must be, in words. */
  grammar?: string;
}

const isName = (value: string): boolean => /^[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?$/i.test(value);

/**
 * Fields of core metadata that pip, uv or an index read for more than showing them. Those that are free text for all of them
 * stand here for their number alone.
 * Source: core metadata specification 2.5, each field's own section; packaging, `metadata.py` (single and many fields).
 */
const METADATA: Readonly<Record<string, Field>> = {
  Name: {
    many: false,
    holds: isName,
    grammar: "a distribution name (letters, digits, and . _ - between them)",
  },
  Version: { many: false, holds: isVersion, grammar: "a version that PEP 440 knows" },
  "Requires-Python": {
    many: false,
    holds: isSpecifier,
    grammar: "version specifiers such as >=3.10 (PEP 440)",
  },
  "Provides-Extra": { many: true, holds: isName, grammar: "a name" },
  Summary: { many: false },
  License: { many: false },
  "License-Expression": { many: false },
  "Description-Content-Type": { many: false },
  Keywords: { many: false },
  "Home-page": { many: false },
  "Download-URL": { many: false },
  Author: { many: false },
  "Author-email": { many: false },
  Maintainer: { many: false },
  "Maintainer-email": { many: false },
};

/** Source: binary distribution format, "File contents", WHEEL; pip reads Root-Is-Purelib as true or not, uv demands one of the two. */
const WHEEL: Readonly<Record<string, Field>> = {
  "Wheel-Version": { many: false },
  "Root-Is-Purelib": {
    many: false,
    holds: (value) => /^(true|false)$/i.test(value),
    grammar: "true or false",
  },
};

function problemsIn(
  name: "METADATA" | "WHEEL",
  document: Headers,
  fields: Readonly<Record<string, Field>>,
): FindingOf<"bad-field">[] {
  return Object.entries(fields).flatMap(([field, { many, holds, grammar }]) => {
    const values = allOf(document, field);
    const bad = holds === undefined ? [] : values.filter((value) => !holds(value));
    return [
      ...bad.slice(0, 1).map((found) => ({
        kind: "bad-field" as const,
        document: name,
        field,
        found: found.slice(0, 80),
        expected: grammar ?? "",
      })),
      ...(many || values.length < 2
        ? []
        : [
            {
              kind: "bad-field" as const,
              document: name,
              field,
              found: `${values.length} lines`,
              expected: "one line",
            },
          ]),
    ];
  });
}

/** What of METADATA and WHEEL a later reader would refuse, or read as something else. */
export function fieldProblems(
  metadata: Headers,
  wheel: Headers,
): { metadata: FindingOf<"bad-field">[]; wheel: FindingOf<"bad-field">[] } {
  const purelib = allOf(wheel, "Root-Is-Purelib");
  return {
    metadata: problemsIn("METADATA", metadata, METADATA).filter(
      // How often these stand there is counted where names are compared.
      ({ field, expected }) => !(["Name", "Version"].includes(field) && expected === "one line"),
    ),
    wheel: [
      ...problemsIn("WHEEL", wheel, WHEEL),
      ...(purelib.length === 0
        ? [
            {
              kind: "bad-field" as const,
              document: "WHEEL" as const,
              field: "Root-Is-Purelib",
              found: "no line",
              expected: "true or false",
            },
          ]
        : []),
    ],
  };
}

/** True for a marker that installers can read, whatever it asks. */
export function isMarker(text: string): boolean {
  try {
    parseMarker(text);
    return true;
  } catch {
    return false;
  }
}
