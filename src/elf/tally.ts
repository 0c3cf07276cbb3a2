import { Code, CpuidFeature, type Instruction } from "iced-x86";
import { cpuinfoName } from "./cpuid-names.ts";

/** First places kept of each kind of instruction, and of each feature. */
export const SAMPLES = 5;

/** Room for iced's codes in a class's counts. */
const CODES = 8192;

const ICED_NAMES: Record<number, string> = Object.fromEntries(
  Object.entries(CpuidFeature)
    .filter((pair): pair is [string, CpuidFeature] => typeof pair[1] === "number")
    .map(([name, value]) => [value, name]),
);

const FEATURES = new Map<number, string[]>();

/** The features of a code in cpuinfo spelling; one answer for all instructions of the code. */
function featuresOf(instruction: Instruction): string[] {
  const known = FEATURES.get(instruction.code);
  if (known) return known;
  const features = [
    ...new Set(
      [...instruction.cpuidFeatures()].map((feature) =>
        cpuinfoName(ICED_NAMES[feature] ?? `cpuid-${feature}`),
      ),
    ),
  ];
  FEATURES.set(instruction.code, features);
  return features;
}

/** What was counted of one kind of instruction in one class of functions; plain data, to be sent between threads. */
export interface Count {
  class: number;
  features: string[];
  count: number;
  isInvalid: boolean;
  /** Addresses relative to the section, with the section's index. */
  first: { section: number; offset: number }[];
}

/** Counts instructions by class and code. */
export class Tally {
  readonly counts: Uint32Array;
  readonly #first = new Map<number, { features: string[]; places: { section: number; offset: number }[] }>();

  constructor(classes: number) {
    this.counts = new Uint32Array(CODES * classes);
  }
  /** @param kind class of the function the instruction is in */
  add(kind: number, instruction: Instruction, section: number, offset: number): void {
    const slot = kind * CODES + instruction.code;
    const seen = this.counts[slot] ?? 0;
    this.counts[slot] = seen + 1;
    if (seen < SAMPLES) this.#remember(slot, instruction, section, offset);
  }
  #remember(slot: number, instruction: Instruction, section: number, offset: number): void {
    const known = this.#first.get(slot);
    if (known) known.places.push({ section, offset });
    else this.#first.set(slot, { features: featuresOf(instruction), places: [{ section, offset }] });
  }
  result(): Count[] {
    return [...this.#first].map(([slot, { features, places }]) => ({
      class: Math.floor(slot / CODES),
      features,
      count: this.counts[slot] ?? 0,
      isInvalid: slot % CODES === Code.INVALID,
      first: places,
    }));
  }
}
