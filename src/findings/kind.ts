import { z } from "zod";

/** A place in a library's machine code. */
export const placeSchema = z.object({
  address: z.string().describe("In the library, hexadecimal"),
  symbol: z.string().nullable().describe("The function; null where none is named"),
  mangled: z.string().optional().describe("Its name as the symbol table spells it, where that differs"),
  instruction: z.string(),
});

/** A place in a library's machine code, as findings name it. */
export type CodePlace = z.infer<typeof placeSchema>;

/** A path in the wheel; `archive!member` inside an archive in it. */
export const file = z.string().describe("Path in the wheel");

/**
 * One kind of finding: the facts that make it up, and how people are told of it.
 * The facts are all that a program may rely on; the words may change with any release.
 */
export interface FindingKind<Fields extends z.ZodRawShape> {
  fields: Fields;
  /** One finding as part of a sentence, without a full stop. */
  words: (finding: z.infer<z.ZodObject<Fields>>) => string;
  /** What to do about all findings of this kind in one answer; null where the check's own remedy says it. */
  remedy: ((all: readonly z.infer<z.ZodObject<Fields>>[]) => string) | null;
}

/** Defines a kind of finding, the types of its words taken from its fields. */
export function kind<Fields extends z.ZodRawShape>(
  fields: Fields,
  words: FindingKind<Fields>["words"],
  remedy: FindingKind<Fields>["remedy"] = null,
): FindingKind<Fields> {
  return { fields, words, remedy };
}

/** "a, b, c and 4 more". */
export function some(list: readonly string[], most = 5): string {
  const more = list.length - most;
  return list.slice(0, most).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
