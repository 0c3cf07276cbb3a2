import { z } from "zod";
import type { Result } from "../verify/verdict/result.ts";
import type { Check } from "../verify/verdict/verdict.ts";

/** A place in a library's machine code. */
export interface Place {
  address: string;
  symbol: string | null;
  instruction: string;
}

/** One thing that a check found, with where it is. */
export interface Finding {
  message: string;
  /** The file in the wheel that it is about, or null for the wheel as a whole. */
  path: string | null;
  places: Place[];
  /** The line of METADATA that it is about. */
  header: string | null;
  /** What stays the same of it from one build of the wheel to the next. */
  subject: string;
}

/** Findings of one check that are told one by one; the check's detail stands for all of them. */
const MOST_FINDINGS = 50;

/** Characters by which a finding is known again. */
const MOST_SUBJECT = 500;

const placeSchema = z.object({
  address: z.string(),
  symbol: z.string().nullable().default(null),
  instruction: z.string(),
});

const outsideSchema = z.array(
  z.object({ path: z.string(), feature: z.string(), count: z.number(), samples: z.array(placeSchema) }),
);

const problemsSchema = z.array(z.string());

function outsideFindings(evidence: unknown): Finding[] | null {
  const { success, data } = outsideSchema.safeParse(evidence);
  if (!success) return null;
  return data.map(({ path, feature, count, samples }) => ({
    message: `${count} × ${feature} in ${path}`,
    path,
    places: samples.map(({ address, symbol, instruction }) => ({ address, symbol, instruction })),
    header: null,
    subject: `${path}:${feature}`,
  }));
}

/** The file of the wheel that a sentence begins with. */
function pathIn(sentence: string, paths: readonly string[]): string | null {
  return paths.find((path) => sentence.startsWith(`${path} `) || sentence.startsWith(`${path}:`)) ?? null;
}

function problemFindings(evidence: unknown, paths: readonly string[]): Finding[] | null {
  const { success, data } = problemsSchema.safeParse(evidence);
  if (!success || data.length === 0) return null;
  return data.map((problem) => ({
    message: problem,
    path: pathIn(problem, paths),
    places: [],
    header: /^METADATA requires (.+)$/s.exec(problem)?.[1] ?? null,
    subject: problem.slice(0, MOST_SUBJECT),
  }));
}

const crashSchema = z.object({
  address: z.string(),
  file: z.string().nullable(),
  symbol: z.string().nullable(),
  instruction: z.string().nullable(),
});

/** A crash of the import or the engine tells the instruction that ended it. */
function crashPlace(evidence: Check["evidence"]): { path: string | null; places: Place[] } {
  const { success, data } = crashSchema.safeParse(evidence["crash"]);
  if (!success) return { path: null, places: [] };
  const { address, file, symbol, instruction } = data;
  return { path: file, places: [{ address, symbol, instruction: instruction ?? "unknown instruction" }] };
}

/**
 * What a check that did not pass found, one by one where its evidence has a list.
 * Evidence comes from verdicts too, whose shape is another version's; what can't be read falls back to the detail.
 */
export function findingsOf({ id, detail, evidence }: Check, isa: Result["isa"]): Finding[] {
  const paths = isa.files.map(({ path }) => path);
  const listed = outsideFindings(evidence["outside"]) ?? problemFindings(evidence["problems"], paths) ?? [];
  if (listed.length > 0) return listed.slice(0, MOST_FINDINGS);
  const requirement = evidence["requirement"];
  const crash = crashPlace(evidence);
  return [
    {
      message: detail,
      path: crash.path ?? pathIn(detail, paths),
      places: crash.places,
      header: typeof requirement === "string" ? requirement : null,
      subject: id,
    },
  ];
}
