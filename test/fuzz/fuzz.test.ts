import { afterAll, test } from "@jest/globals";
import fc from "fast-check";
import { removeScratch } from "../support/run.ts";
import { TARGETS } from "./targets.ts";

afterAll(removeScratch);

/** The short form of `npm run fuzz`, of the same cases each time. */
test.each(TARGETS)("$name", async ({ property, runs }) => {
  await fc.assert(property, { numRuns: runs, seed: 23 });
});
