import { createHash } from "node:crypto";
import {
  Code,
  CpuidFeature,
  Decoder,
  DecoderOptions,
  Formatter,
  FormatterSyntax,
  Instruction,
} from "iced-x86";
import { cpuinfoName } from "./cpuid-names.ts";
import type { CodeRange, ElfFile } from "./elf.ts";
import type { ElfFunction } from "./elf-symbols.ts";

/** A place where a feature is used. */
export interface Sample {
  feature: string;
  address: string;
  symbol: string | null;
  instruction: string;
}

/** Machine code by ISA feature. */
export interface ElfAudit {
  /**
   * How instructions were found. `linear`: a sweep over each executable section from its start. `symbols`: the same
   * sweep, set right at the start of each function that a symbol table names.
   */
  method: "symbols" | "linear";
  bytes: number;
  instructions: number;
  /** Bytes sequences that are no instruction. */
  invalid: number;
  /** Instructions per feature in cpuinfo spelling; one with two features counts for both. */
  found: Record<string, number>;
  samples: Sample[];
  /** SHA-256 over the bytes of all executable sections in order: equal for libraries with the same machine code. */
  codeSha256: string;
}

const SAMPLES = 5;
/** Bytes handed to the decoder at a time, so that its copy stays small. */
const CHUNK = 1024 * 1024;
/** Longest x86 instruction, bytes (Intel SDM vol. 2, 2.3.11). */
const LONGEST = 15;

interface Tally {
  /** Instructions by iced Code. */
  counts: Uint32Array;
  /** First addresses by iced Code. */
  first: Map<number, { address: bigint; range: CodeRange; position: number }[]>;
  features: Map<number, string[]>;
}

/** Offsets in a range at which functions start, ascending, ended by the range's size. */
function functionStarts(range: CodeRange, functions: readonly ElfFunction[]): number[] {
  const starts = functions
    .map(({ address }) => Number(address - range.address))
    .filter((offset) => offset > 0 && offset < range.size);
  return [...starts, range.size];
}

/**
 * Data between functions may begin like an instruction that swallows the next function's first bytes. Such an
 * instruction is counted, so that a forged symbol hides none, and decoding goes on where the function starts.
 */
function sweep(bytes: Uint8Array, range: CodeRange, starts: readonly number[], tally: Tally): void {
  let next = 0;
  const instruction = new Instruction();
  let done = 0;
  while (done < range.size) {
    const start = range.offset + done;
    const length = Math.min(CHUNK + LONGEST, range.size - done);
    const decoder = new Decoder(64, bytes.subarray(start, start + length), DecoderOptions.None);
    const limit = done + length === range.size ? length : CHUNK;
    let at = 0;
    while (at < limit) {
      decoder.decodeOut(instruction);
      const { code } = instruction;
      const seen = tally.counts[code] ?? 0;
      tally.counts[code] = seen + 1;
      if (seen < SAMPLES) {
        if (seen === 0) tally.features.set(code, [...new Set([...instruction.cpuidFeatures()].map(nameOf))]);
        const places = tally.first.get(code) ?? [];
        places.push({ address: range.address + BigInt(done + at), range, position: start + at });
        tally.first.set(code, places);
      }
      const begun = at;
      at = decoder.position;
      while ((starts[next] ?? range.size) <= done + begun) next++;
      const following = starts[next] ?? range.size;
      if (following < done + at) {
        at = following - done;
        decoder.position = at;
      }
    }
    decoder.free();
    done += at;
  }
  instruction.free();
}

const ICED_NAMES: Record<number, string> = Object.fromEntries(
  Object.entries(CpuidFeature)
    .filter((pair): pair is [string, CpuidFeature] => typeof pair[1] === "number")
    .map(([name, value]) => [value, name]),
);

function nameOf(feature: CpuidFeature): string {
  return cpuinfoName(ICED_NAMES[feature] ?? `cpuid-${feature}`);
}

/** The function an address lies in; a function without a size reaches to the next one. */
function symbolAt(functions: readonly ElfFunction[], address: bigint): string | null {
  let [low, high] = [0, functions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const candidate = functions[middle];
    if (candidate && candidate.address <= address) low = middle + 1;
    else high = middle;
  }
  const found = functions[low - 1];
  if (!found) return null;
  const inside = found.size === 0 || address < found.address + BigInt(found.size);
  return inside ? found.name : null;
}

function disassemble(bytes: Uint8Array, position: number, address: bigint): string {
  const decoder = new Decoder(64, bytes.subarray(position, position + LONGEST), DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Intel);
  decoder.ip = address;
  const instruction = decoder.decode();
  const text = formatter.format(instruction);
  for (const owned of [instruction, formatter, decoder]) owned.free();
  return text;
}

/**
 * Decodes all code of an x86-64 library and counts instructions by the CPUID feature they need.
 * A linear sweep is exact for what gcc and clang emit, since they keep jump tables and constants out of .text.
 * @param bytes the file
 * @param elf the same file, read
 */
export function auditElf(bytes: Uint8Array, elf: ElfFile): ElfAudit {
  const tally: Tally = { counts: new Uint32Array(8192), first: new Map(), features: new Map() };
  let named = 0;
  for (const range of elf.code) {
    const starts = functionStarts(range, elf.functions);
    named += starts.length - 1;
    sweep(bytes, range, starts, tally);
  }
  const found = new Map<string, number>();
  const places = new Map<string, { address: bigint; position: number }[]>();
  let instructions = 0;
  for (const [code, features] of tally.features) {
    const count = tally.counts[code] ?? 0;
    if (code === Code.INVALID) continue;
    instructions += count;
    for (const feature of features) {
      found.set(feature, (found.get(feature) ?? 0) + count);
      places.set(feature, [...(places.get(feature) ?? []), ...(tally.first.get(code) ?? [])]);
    }
  }
  const samples = [...places]
    .filter(([feature]) => feature !== "x86-64")
    .flatMap(([feature, candidates]) =>
      candidates
        .sort((a, b) => (a.address < b.address ? -1 : 1))
        .slice(0, SAMPLES)
        .map(({ address, position }) => ({
          feature,
          address: `0x${address.toString(16)}`,
          symbol: symbolAt(elf.functions, address),
          instruction: disassemble(bytes, position, address),
        })),
    );
  return {
    method: named > 0 ? "symbols" : "linear",
    bytes: elf.code.reduce((sum, { size }) => sum + size, 0),
    instructions,
    invalid: tally.counts[Code.INVALID] ?? 0,
    found: Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))),
    samples,
    codeSha256: codeSha256(bytes, elf),
  };
}

function codeSha256(bytes: Uint8Array, { code }: ElfFile): string {
  const hash = createHash("sha256");
  for (const { offset, size } of code) hash.update(bytes.subarray(offset, offset + size));
  return hash.digest("hex");
}
