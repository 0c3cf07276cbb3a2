import { join } from "node:path";
import { z } from "zod";
import { readElf } from "../../elf/elf.ts";
import { isWithin, readBytes } from "../../host/files.ts";
import { FormatError } from "../../wheel/format-error.ts";

/** What the tracer saw of a fault (src/probe/crash_trace.py). */
export const faultSchema = z.object({
  signal: z.string(),
  address: z.string().regex(/^0x[0-9a-f]+$/),
  file: z.string().nullable(),
  /** Bytes from the beginning of the file. */
  offset: z.number().nullable(),
  /** The bytes at that place, in hex. */
  code: z.string().regex(/^([0-9a-f]{2})*$/),
});

/** A fault, explained. */
export interface Crash {
  signal: string;
  address: string;
  /** Relative to site-packages where it lies there. */
  file: string | null;
  symbol: string | null;
  instruction: string | null;
  /** Features that the instruction takes. */
  features: string[];
  /** Those of them that this machine lacks. */
  lacks: string[];
}

/** Loaded when something has crashed: the decoder is most of its weight, and nothing else here needs it. */
const decoder = () => import("../../elf/instruction-at.ts");

async function symbolAt(file: string, offset: number): Promise<string | null> {
  try {
    const { functionAt } = await decoder();
    return functionAt(readElf(await readBytes(file)), offset);
  } catch (thrown) {
    // The file is the wheel's own: whatever it is, the crash is told without a name then.
    if (thrown instanceof FormatError || (thrown instanceof Error && "code" in thrown)) return null;
    throw thrown;
  }
}

/**
 * Explains a fault: instruction, function, missing feature.
 * @param site folder of the environment's packages
 * @param flags CPU flags of this machine
 */
export async function explain(
  fault: z.infer<typeof faultSchema>,
  site: string,
  flags: ReadonlySet<string>,
): Promise<Crash> {
  const { signal, address, file, offset } = fault;
  const isOurs = file !== null && isWithin(site, file);
  const { instructionAt } = await decoder();
  const decoded = instructionAt(Buffer.from(fault.code, "hex"), BigInt(address));
  const features = (decoded?.features ?? []).filter((feature) => feature !== "x86-64");
  return {
    signal,
    address,
    file: isOurs ? file.slice(join(site, "/").length) : file,
    symbol: isOurs && offset !== null ? await symbolAt(file, offset) : null,
    instruction: decoded?.text ?? null,
    features,
    lacks: features.filter((feature) => !flags.has(feature)),
  };
}

/** The crash in one sentence. */
export function crashText({ signal, file, symbol, instruction, address, lacks }: Crash): string {
  const where = `${symbol ? ` in ${symbol}` : ""}${file ? ` (${file})` : ""}`;
  const why = lacks.length > 0 ? `; this CPU lacks ${lacks.join(", ")}` : "";
  return `${signal} at ${instruction ?? address}${where}${why}`;
}
