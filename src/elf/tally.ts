import { Code, CpuidFeature, type Instruction } from "iced-x86";
import { cpuinfoName } from "./cpuid-names.ts";

/** What every x86-64 CPU executes. */
export const BASELINE = "x86-64";

/** First places kept of each kind of instruction, and of each feature. */
export const SAMPLES = 5;

/** Room for iced's codes in a class's counts. */
const CODES = 8192;

/** Intel SDM vol. 2, 2.1.1: operand and address size, repetition, lock, segments. */
const LEGACY_PREFIXES = new Set([0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65]);

/** No instruction is longer, its prefixes included; bytes (Intel SDM vol. 2, 2.3.11). */
const LONGEST = 15;

/** True where one of these bytes stands at a place, behind legacy prefixes. */
const beginsWith =
  (...firsts: number[]) =>
  (bytes: Uint8Array, position: number): boolean => {
    let at = position;
    while (at < position + LONGEST - 1 && LEGACY_PREFIXES.has(bytes[at] ?? 0)) at++;
    return firsts.includes(bytes[at] ?? 0);
  };

/**
 * First bytes of encodings in which extensions are still added: REX2 (APX), EVEX (AVX10.2, APX), VEX (AMX and others).
 * In 64-bit mode they begin nothing else (Intel SDM vol. 2, 2.3 and 2.7; APX specification, 3.1).
 */
const NEWER_FORMS = [
  { feature: "apx", begins: beginsWith(0xd5) },
  { feature: "evex-undecoded", begins: beginsWith(0x62) },
  { feature: "vex-undecoded", begins: beginsWith(0xc4, 0xc5) },
] as const;

/** True where bytes that the decoder does not know begin like an instruction of an extension that is newer. */
export const isNewerForm = (bytes: Uint8Array, position: number): boolean =>
  NEWER_FORMS.some(({ begins }) => begins(bytes, position));

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
  /** Instructions by class that are known to need the baseline only, whatever they are. */
  readonly plain: Float64Array;
  readonly #first = new Map<number, { features: string[]; places: { section: number; offset: number }[] }>();

  constructor(classes: number) {
    this.counts = new Uint32Array(CODES * classes);
    this.plain = new Float64Array(classes);
  }
  /** @param kind class of the function the instruction is in */
  add(kind: number, instruction: Instruction, section: number, offset: number): void {
    const slot = kind * CODES + instruction.code;
    const seen = this.counts[slot] ?? 0;
    this.counts[slot] = seen + 1;
    if (seen < SAMPLES) this.#remember(slot, instruction, section, offset);
  }
  /**
   * Counts bytes that the decoder does not know. What begins like an instruction of an extension newer than the decoder
   * is counted as one that no contract allows; other bytes are no instruction.
   * @returns true where it is such an instruction
   */
  addUnknown(kind: number, bytes: Uint8Array, position: number, section: number, offset: number): boolean {
    const form = NEWER_FORMS.findIndex(({ begins }) => begins(bytes, position));
    const slot = kind * CODES + (form < 0 ? Code.INVALID : CODES - 1 - form);
    const seen = this.counts[slot] ?? 0;
    this.counts[slot] = seen + 1;
    if (seen < SAMPLES) this.#place(slot, [NEWER_FORMS[form]?.feature ?? "invalid"], section, offset);
    return form >= 0;
  }
  #remember(slot: number, instruction: Instruction, section: number, offset: number): void {
    this.#place(slot, this.#first.get(slot)?.features ?? featuresOf(instruction), section, offset);
  }
  #place(slot: number, features: string[], section: number, offset: number): void {
    const known = this.#first.get(slot);
    if (known) known.places.push({ section, offset });
    else this.#first.set(slot, { features, places: [{ section, offset }] });
  }
  result(): Count[] {
    const plain = [...this.plain].map(
      (count, kind): Count => ({ class: kind, features: [BASELINE], count, isInvalid: false, first: [] }),
    );
    const coded = [...this.#first].map(([slot, { features, places }]) => ({
      class: Math.floor(slot / CODES),
      features,
      count: this.counts[slot] ?? 0,
      isInvalid: slot % CODES === Code.INVALID,
      first: places,
    }));
    return [...plain.filter(({ count }) => count > 0), ...coded];
  }
}
