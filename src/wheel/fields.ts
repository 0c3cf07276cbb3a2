import type { FindingOf } from "../findings/findings.ts";
import { allOf, type Headers } from "./metadata.ts";
import { hasArbitrary, isSpecifier } from "./specifier.ts";
import { isVersion } from "./version.ts";

/** One field as later readers read it. */
interface Field {
  /** Whether it may stand there more than once, or is counted elsewhere. */
  many: boolean;
  /** Whether it must stand there; what must in METADATA is counted where names are compared. */
  required?: true;
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
    many: true,
    holds: isName,
    grammar: "a distribution name (letters, digits, and . _ - between them)",
  },
  Version: { many: true, holds: isVersion, grammar: "a version that PEP 440 knows" },
  "Requires-Python": {
    many: false,
    holds: (value) => isSpecifier(value) && !hasArbitrary(value),
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
    required: true,
    holds: (value) => /^(true|false)$/i.test(value),
    grammar: "true or false",
  },
};

function problemsIn(
  name: "METADATA" | "WHEEL",
  document: Headers,
  fields: Readonly<Record<string, Field>>,
): FindingOf<"bad-field">[] {
  return Object.entries(fields).flatMap(([field, { many, required, holds, grammar = "" }]) => {
    const problem = (found: string, expected: string): FindingOf<"bad-field"> => ({
      kind: "bad-field",
      document: name,
      field,
      found,
      expected,
    });
    const values = allOf(document, field);
    const bad = holds && values.find((value) => !holds(value));
    return [
      ...(bad === undefined ? [] : [problem(bad.slice(0, 80), grammar)]),
      ...(many || values.length < 2 ? [] : [problem(`${values.length} lines`, "one line")]),
      ...(required && values.length === 0 ? [problem("no line", grammar)] : []),
    ];
  });
}

/** What of METADATA and WHEEL a later reader would refuse, or read as something else. */
export const fieldProblems = (
  metadata: Headers,
  wheel: Headers,
): { metadata: FindingOf<"bad-field">[]; wheel: FindingOf<"bad-field">[] } => ({
  metadata: problemsIn("METADATA", metadata, METADATA),
  wheel: problemsIn("WHEEL", wheel, WHEEL),
});
