import type { ClaimedVariant, WheelFacts } from "../facts/facts.ts";
import { type Check, type CheckAnswer, makeCheck } from "../verdict/check.ts";
import { CHECK_IDS, type CheckId } from "./catalogue.ts";
import { elfCudaFree } from "./cuda.ts";
import { platformGlibc } from "./glibc.ts";
import { isaContained, isaUsed } from "./isa.ts";
import { platformLibraries } from "./libraries.ts";
import { cpuInstructions, torchRequirement } from "./metadata.ts";
import { nameAgreement, recordHashes, tagsAgreement, zipIntegrity } from "./package.ts";

/** A check that asks bytes alone: facts and the claimed variant in, an answer out. */
type StaticCheck<Id extends CheckId> = (facts: WheelFacts, variant: ClaimedVariant) => CheckAnswer<Id>;

/** The names of the checks that ask bytes alone. */
export type StaticCheckId = Exclude<CheckId, `runtime.${string}`>;

/** The function of each; one that is missing here does not compile. */
const STATIC_CHECKS: { readonly [Id in StaticCheckId]: StaticCheck<Id> } = {
  "zip.integrity": zipIntegrity,
  "record.hashes": recordHashes,
  "name.agreement": nameAgreement,
  "tags.agreement": tagsAgreement,
  "platform.glibc": platformGlibc,
  "platform.libraries": platformLibraries,
  "elf.cuda-free": elfCudaFree,
  "metadata.torch-requirement": torchRequirement,
  "metadata.cpu-instructions": cpuInstructions,
  "isa.contained": isaContained,
  "isa.used": isaUsed,
};

const isStatic = (id: CheckId): id is StaticCheckId => id in STATIC_CHECKS;

function ask<Id extends StaticCheckId>(id: Id, facts: WheelFacts, variant: ClaimedVariant): Check {
  return makeCheck(id, STATIC_CHECKS[id](facts, variant));
}

/** Asks a wheel's bytes every question, in the catalogue's order. */
export function askStatic(facts: WheelFacts, variant: ClaimedVariant): Check[] {
  return CHECK_IDS.filter(isStatic).map((id) => ask(id, facts, variant));
}
