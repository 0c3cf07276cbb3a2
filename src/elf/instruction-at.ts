import { CpuidFeature, Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { cpuinfoName } from "./cpuid-names.ts";
import type { ElfFile } from "./elf.ts";

/** One decoded instruction and the CPU features it takes, in cpuinfo spelling; `x86-64` is what every CPU has. */
export interface DecodedInstruction {
  text: string;
  features: string[];
}

/**
 * Decodes the x86-64 instruction that these bytes begin with.
 * @returns null where they begin with none
 */
export function instructionAt(code: Uint8Array, address: bigint): DecodedInstruction | null {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Intel);
  decoder.ip = address;
  const instruction = decoder.decode();
  const names: Record<number, string | undefined> = CpuidFeature;
  const decoded = instruction.isInvalid
    ? null
    : {
        text: formatter.format(instruction),
        features: [
          ...new Set([...instruction.cpuidFeatures()].map((feature) => cpuinfoName(names[feature] ?? ""))),
        ],
      };
  for (const owned of [instruction, formatter, decoder]) owned.free();
  return decoded;
}

/**
 * The function that a place in a library's file belongs to.
 * @param offset bytes from the beginning of the file, as a memory map gives them
 * @returns null where no symbol covers it
 */
export function functionAt(elf: Pick<ElfFile, "code" | "functions">, offset: number): string | null {
  const range = elf.code.find(({ offset: start, size }) => offset >= start && offset < start + size);
  if (!range) return null;
  return elf.functions.nameAt(Number(range.address) + offset - range.offset);
}
