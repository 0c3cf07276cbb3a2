import type { z } from "zod";

/** What a text says, if it is JSON of this shape; null for whatever else it is, such as a file that was cut short. */
export function parseJson<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
