import { z } from "zod";
import { wheelsError } from "../../errors/wheels-error.ts";
import { isWheelOf } from "../../variants/choose.ts";

const itemSchema = z.object({
  id: z.string(),
  distribution: z.string(),
  version: z.string().nullish(),
  python: z.string().nullish(),
});

const planSchema = z.union([
  z.object({ include: z.array(itemSchema) }).transform(({ include }) => include),
  z.object({ plan: z.array(itemSchema) }).transform(({ plan }) => plan),
]);

/** What of a plan must be there before anything is published. */
export type Expected = Required<Parameters<typeof isWheelOf>[0]> & { id: string };

/**
 * Reads a plan: the document of `plan --json`, or the matrix that the plan action puts out.
 * @throws E_OPTION_VALUE
 */
export function parseExpected(text: string): Expected[] {
  try {
    return planSchema.parse(JSON.parse(text)).map(({ id, distribution, version, python }) => ({
      id,
      distribution,
      version: version || null,
      python: python || null,
    }));
  } catch (thrown) {
    throw wheelsError(
      "E_OPTION_VALUE",
      {
        option: "expect",
        value: text.slice(0, 80),
        expected: "a plan as JSON, of plan --json or the matrix output",
      },
      thrown,
    );
  }
}

/** Identifiers of the planned wheels that none of these files is. */
export function missingOf(expected: readonly Expected[], files: readonly string[]): string[] {
  return expected.filter((item) => !files.some((file) => isWheelOf(item, file))).map(({ id }) => id);
}
