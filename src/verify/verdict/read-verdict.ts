import { z } from "zod";
import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { type Finding, findingSchema } from "../../findings/findings.ts";
import { type CheckId, definitionOf } from "../checks/catalogue.ts";
import type { Check } from "./check.ts";
import { FORMAT_VERSION, olderFrame, type Verdict, verdictFrame } from "./verdict.ts";

type RawFinding = z.infer<typeof verdictFrame>["predicate"]["checks"][number]["findings"][number];

/** A finding of a kind that this release does not know, or of another form, keeps what any reader can tell of it. */
function findingOf(raw: RawFinding): Finding {
  const known = findingSchema.safeParse(raw);
  if (known.success) return known.data;
  const { kind, file = null, requirement = null, places = [] } = raw;
  return { kind: "other", of: kind, file, requirement, places };
}

/** The evidence that a check of this name may have; what is of another form is left out, field by field. */
function evidenceOf(id: CheckId, raw: Readonly<Record<string, unknown>>): Check["evidence"] {
  const { shape } = definitionOf(id).evidence;
  const fields = Object.entries(shape).flatMap(([name, schema]) => {
    const parsed = z.safeParse(schema, raw[name]);
    return parsed.success && parsed.data !== undefined ? [[name, parsed.data]] : [];
  });
  return Object.fromEntries(fields);
}

type Frame = z.infer<typeof verdictFrame>;

const typed = (frame: Frame): Verdict => ({
  ...frame,
  predicate: {
    ...frame.predicate,
    checks: frame.predicate.checks.map(
      ({ id, findings, evidence, ...rest }) =>
        ({ ...rest, id, findings: findings.map(findingOf), evidence: evidenceOf(id, evidence) }) as Check,
    ),
  },
});

/** Answers of which an older verdict does not say what was found. */
function withoutFindings({ predicate }: z.infer<typeof olderFrame>): CheckId[] {
  return predicate.checks
    .filter(({ result, before }) => [result, before].some((said) => said === "fail" || said === "warn"))
    .map(({ id }) => id);
}

/** An older verdict in today's format. It lacks nothing where nothing was found: an answer without a finding has none. */
function renewed({ predicate, ...statement }: z.infer<typeof olderFrame>): Frame {
  const files = predicate.isa.files.map(({ coverage, ...file }) => {
    if (coverage === undefined) return file;
    const { unowned, ...rest } = coverage;
    return { ...file, coverage: { ...rest, unattributed: unowned } };
  });
  return {
    ...statement,
    predicate: {
      ...predicate,
      formatVersion: FORMAT_VERSION,
      isa: { ...predicate.isa, files },
      checks: predicate.checks.map((check) => ({ ...check, findings: [] })),
    },
  };
}

const versionSchema = z.object({ predicate: z.object({ formatVersion: z.unknown() }) });

/**
 * Reads a verdict that was parsed from JSON, of this format or the one before.
 * @param name what it is called in a refusal
 * @returns the verdict in today's format, or the refusal: E_VERDICT_INVALID for what is no verdict, E_VERDICT_OLDER for
 * one of an older format that does not say what its checks found
 */
export function readVerdict(name: string, document: unknown): Verdict | WheelsError {
  const version = versionSchema.safeParse(document).data?.predicate.formatVersion;
  if (typeof version === "number" && Number.isInteger(version) && version > FORMAT_VERSION)
    return wheelsError("E_VERDICT_INVALID", {
      verdict: name,
      detail: `It is of format ${version}; this release reads up to ${FORMAT_VERSION}. A newer release reads it.`,
    });
  if (version === undefined) {
    const older = olderFrame.safeParse(document);
    if (!older.success)
      return wheelsError("E_VERDICT_INVALID", { verdict: name, detail: z.prettifyError(older.error) });
    const checks = withoutFindings(older.data);
    if (checks.length > 0) return wheelsError("E_VERDICT_OLDER", { verdict: name, checks });
    return typed(renewed(older.data));
  }
  const parsed = verdictFrame.safeParse(document);
  if (!parsed.success)
    return wheelsError("E_VERDICT_INVALID", { verdict: name, detail: z.prettifyError(parsed.error) });
  return typed(parsed.data);
}

/**
 * The first name that an object of a JSON text has twice; null where none has. Readers differ in which of the two they
 * believe. Source: RFC 8259, section 4.
 * @param text valid JSON
 */
function nameTwice(text: string): string | null {
  const open: (Set<string> | null)[] = [];
  let last = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const name = JSON.parse(last) as string;
      const names = open.at(-1);
      if (names?.has(name)) return name;
      names?.add(name);
    } else last = token;
  }
  return null;
}

/** Reads a verdict's text. @returns as {@link readVerdict} does */
export function parseVerdict(name: string, text: string): Verdict | WheelsError {
  let document: unknown;
  try {
    document = JSON.parse(text);
    const twice = nameTwice(text);
    if (twice !== null)
      return wheelsError("E_VERDICT_INVALID", {
        verdict: name,
        detail: `It has ${JSON.stringify(twice)} twice.`,
      });
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return wheelsError(
      "E_VERDICT_INVALID",
      { verdict: name, detail: `It is no JSON: ${thrown.message}` },
      thrown,
    );
  }
  return readVerdict(name, document);
}
