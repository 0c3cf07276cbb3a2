import { join } from "node:path";
import { z } from "zod";
import { readElf } from "../../elf/elf.ts";
import type { crashSchema } from "../../findings/runtime-kinds.ts";
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
export type Crash = z.infer<typeof crashSchema>;

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
