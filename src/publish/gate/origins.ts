import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import type { ReadWheel } from "./candidates.ts";

/**
 * Wheels under another name that are not what they say they were made of, or whose origin is not published with them.
 * @returns one refusal a wheel
 */
export function originRefusals(wheels: readonly ReadWheel[]): WheelsError[] {
  const bySha256 = new Map(wheels.map((wheel) => [wheel.sha256, wheel]));
  return wheels.flatMap(({ fileName, origin, payload }) => {
    if (!origin) return [];
    const found = bySha256.get(origin.digest.sha256);
    if (found && found.payload === payload) return [];
    const difference = found ? "its files are others" : "that wheel is not among those to be published";
    return [wheelsError("E_PUBLISH_ORIGIN", { wheel: fileName, origin: origin.name, difference })];
  });
}
