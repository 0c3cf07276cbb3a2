// Looks for what our readers take wrongly or die of, by chance, for as long as it is told.
// Usage: npm run fuzz -- [MINUTES] [WORDS OF A TARGET'S NAME]; ends with 1 where something was found.
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { TARGETS } from "../test/fuzz/targets.ts";

const [minutes = "10", ...words] = process.argv.slice(2);
const wanted = TARGETS.filter(({ name }) => name.includes(words.join(" ")));
const budget = (Number(minutes) * 60_000) / wanted.length;
if (!(budget > 0)) throw new Error("usage: npm run fuzz -- [MINUTES] [WORDS OF A TARGET'S NAME]");
const finds: string[] = [];
for (const { name, property } of wanted) {
  const seed = Date.now();
  const details = await fc.check(property, {
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: budget,
    markInterruptAsFailure: false,
    seed,
  });
  const isFound = details.failed && details.counterexample !== null;
  console.log(`${isFound ? "FOUND" : "ok   "} ${name}: ${details.numRuns} runs, seed ${seed}`);
  if (isFound) finds.push(`${details.errorInstance}\n${fc.defaultReportMessage(details)}`);
  // So that Ctrl-C is heard between targets.
  await sleep(1);
}
for (const find of finds) console.log(`\n${find}`);
console.log(`${wanted.length} targets, ${finds.length} finds`);
process.exitCode = finds.length > 0 ? 1 : 0;
