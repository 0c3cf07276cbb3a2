import { afterAll, expect } from "@jest/globals";
import { type Block, blocksOf, shows } from "./documents.ts";
import { Places } from "./places.ts";
import { removeScratch } from "./run.ts";
import { unless } from "./skip.ts";

const LONGEST_MS = 600_000;

/** A test for each block of these documents that can be run, in their order; what can't be is listed as skipped. */
export function runDocuments(paths: readonly string[]): void {
  const places = new Places();
  let last = "";

  afterAll(async () => {
    await places.close();
    removeScratch();
  });

  const act = async (block: Block): Promise<void> => {
    const { directive } = block;
    if (directive?.kind === "file") await places.write(block, directive.place, directive.path);
    else if (directive?.kind === "output")
      expect(
        shows(last, block.text, directive.figures) ? "" : `promised:\n${block.text}\nprinted:\n${last}`,
      ).toBe("");
    else if (directive?.kind === "run") {
      const { place, exit, dry, has } = directive;
      const ran = await places.run(block, place, dry);
      last = ran.output;
      expect(ran.status === exit ? "" : `exit ${ran.status}, not ${exit}:\n${last}`).toBe("");
      const seen = has.length > 0 ? last + (await places.locks(place)) : "";
      for (const text of has) expect(seen.includes(text) ? "" : `no ${text} in:\n${seen}`).toBe("");
    }
  };

  for (const document of paths)
    for (const block of blocksOf(document)) {
      const { line, directive } = block;
      const first = block.text.split("\n")[0];
      if (directive === null || directive.kind === "workflow") continue;
      const reason = directive.kind === "skip" ? `the document says: ${directive.reason}` : null;
      unless(reason)(`${document}:${line} ${directive.kind}: ${first}`, () => act(block), LONGEST_MS);
    }
}
