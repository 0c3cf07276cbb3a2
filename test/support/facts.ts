import { createHash } from "node:crypto";
import type { WheelFacts } from "../../src/verify/facts/facts.ts";
import { gatherFacts, openForFacts, readHere } from "../../src/verify/facts/gather.ts";

/** What `verify` reads of a small wheel, in this thread, as it does for one without libraries; machine code left out. */
export function factsOf(fileName: string, bytes: Uint8Array): Omit<WheelFacts, "audits"> {
  const opened = openForFacts(fileName, bytes);
  return gatherFacts(opened, createHash("sha256").update(bytes).digest("hex"), readHere(opened));
}
