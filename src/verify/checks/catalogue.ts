import type { z } from "zod";
import { type CheckDefinition, LEVELS, type Level } from "./catalogue/definition.ts";
import { ISA_CHECKS } from "./catalogue/isa.ts";
import { PACKAGE_CHECKS } from "./catalogue/package.ts";
import { PLATFORM_CHECKS } from "./catalogue/platform.ts";
import { RUN_CHECKS } from "./catalogue/run.ts";
import { TORCH_CHECKS } from "./catalogue/torch.ts";

/**
 * Every check, in the order in which they are asked and told. Ids are permanent, because policies and published verdicts
 * refer to them. Levels, texts, schemas, documents and the rules of SARIF files are all made from this list.
 */
export const CHECKS = {
  ...PACKAGE_CHECKS,
  ...PLATFORM_CHECKS,
  ...ISA_CHECKS,
  ...TORCH_CHECKS,
  ...RUN_CHECKS,
};

/** The name of a check. */
export type CheckId = keyof typeof CHECKS;

/** The facts that a check's answers rest on. */
export type EvidenceOf<Id extends CheckId> = z.infer<(typeof CHECKS)[Id]["evidence"]>;

/** All names of checks, in order. */
export const CHECK_IDS = Object.keys(CHECKS) as CheckId[];

/** A check whose evidence is of any form. */
export type AnyDefinition = CheckDefinition<z.ZodRawShape>;

/** A check by a name that is not known before the program runs. */
export const definitionOf = (id: CheckId): AnyDefinition => CHECKS[id] as unknown as AnyDefinition;

/** The checks that a level is made of; each level includes the ones below it, and none what is asked on request only. */
export function demandedChecks(level: Level): readonly CheckId[] {
  const reached = LEVELS.slice(0, LEVELS.indexOf(level) + 1);
  return CHECK_IDS.filter((id) => {
    const { level: own, onRequest = false } = definitionOf(id);
    return !onRequest && reached.includes(own);
  });
}
