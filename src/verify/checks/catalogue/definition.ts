import { z } from "zod";

/** How far a proof goes; each level includes the ones before it. */
export const LEVELS = ["static", "import", "kernels", "engine"] as const;

/** One of {@link LEVELS}. */
export type Level = (typeof LEVELS)[number];

/** How vLLM's engine may be started: as it is, or with its model compiled first, which is its default. */
export const ENGINE_MODES = ["eager", "compiled"] as const;
export type EngineMode = (typeof ENGINE_MODES)[number];

/** All that is fixed about a check: what it asks, from which level on, and what its answers rest on. */
export interface CheckDefinition<Evidence extends z.ZodRawShape> {
  level: Level;
  title: string;
  /** The question that the check answers, one sentence. */
  question: string;
  /** What happens to users of a wheel that fails it. */
  why: string;
  /** What a maintainer does about a failure of which no finding says it better. */
  remedy: string;
  /** The rule that it applies: PEP, specification section; null where there is none. */
  reference: string | null;
  /** Words by which code scanning groups rules. */
  tags: readonly string[];
  /** The facts that an answer rests on, all of which may be absent: a check that was not run has none. */
  evidence: z.ZodObject<Evidence>;
  /** True where it is asked only of who wants it: no level is made of it, and nothing demands it. */
  onRequest?: true;
  /** True where the summary holds beside a warning, too. */
  holdsWithWarning?: true;
  /** What evidence says where nothing was found, as part of a sentence; null where it says nothing. */
  summary: (evidence: z.infer<z.ZodObject<Evidence>>) => string | null;
}

/** A field of evidence that may be absent. */
type Absent<Shape extends z.ZodRawShape> = { [Name in keyof Shape]: z.ZodOptional<Shape[Name]> };

/** Defines a check, the type of its evidence taken from its fields. */
export function define<Shape extends z.ZodRawShape>(
  definition: Omit<CheckDefinition<Absent<Shape>>, "evidence"> & { evidence: Shape },
): CheckDefinition<Absent<Shape>> {
  return { ...definition, evidence: z.object(definition.evidence).partial() as never };
}
