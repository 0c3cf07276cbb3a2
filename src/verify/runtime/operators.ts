import { z } from "zod";
import type { OperatorCase } from "../checks/catalogue/run.ts";

/** Right answers and their bounds (src/probe/kernel_expected.py). */
export const expectedSchema = z.array(
  z.object({ name: z.string(), shape: z.string(), expected: z.base64(), allowed: z.base64() }),
);

/** What the wheel's operators answered (src/probe/kernel_run.py). */
export const operatorsSchema = z.object({
  error: z.string().nullable(),
  answers: z.array(
    z.object({
      name: z.string(),
      shape: z.string(),
      values: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});

export type Expected = z.infer<typeof expectedSchema>;
export type Operators = z.infer<typeof operatorsSchema>;

/** 32-bit floats, little-endian, in base64. */
function floats(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  const values = new Float32Array(bytes.length >> 2);
  for (let index = 0; index < values.length; index++) values[index] = bytes.readFloatLE(index * 4);
  return values;
}

/** The largest error as a share of what is allowed; null for a NaN or another number of values. */
export function worstShare(
  values: Float32Array,
  expected: Float32Array,
  allowed: Float32Array,
): number | null {
  if (values.length !== expected.length) return null;
  let worst = 0;
  for (const [index, value] of values.entries()) {
    const error = Math.abs(value - (expected[index] ?? Number.NaN));
    const share = error === 0 ? 0 : error / (allowed[index] ?? 0);
    if (Number.isNaN(share)) return null;
    worst = Math.max(worst, share);
  }
  return worst;
}

/** Compares answers with what was computed before the wheel was there; one case for each that was expected. */
export function compareOperators(expected: Expected, { answers }: Operators): OperatorCase[] {
  return expected.map(({ name, shape, ...right }) => {
    const answer = answers.find((one) => one.name === name && one.shape === shape);
    const base = { name, shape, worst: null, absent: false };
    if (!answer) return { ...base, problem: "it was not answered" };
    if (answer.error?.startsWith("absent: ")) return { ...base, absent: true, problem: null };
    if (answer.values === null) return { ...base, problem: answer.error ?? "it gave no values" };
    const worst = worstShare(floats(answer.values), floats(right.expected), floats(right.allowed));
    return { ...base, worst, problem: worst === null ? "it gave NaN, or another number of values" : null };
  });
}
